"""Schedules against the clock on the wall."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallflower.alerts.schedule import ALWAYS, ScheduleError, read_schedule

_BERLIN = ZoneInfo("Europe/Berlin")
_NIGHTS = read_schedule("mon-fri 22:00-06:00")


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=_BERLIN)


@pytest.mark.parametrize(
    ("schedule", "at", "holds"),
    [
        ("mon-fri 22:00-06:00", "2026-11-20T21:59", False),  # a Friday
        ("mon-fri 22:00-06:00", "2026-11-20T22:00", True),
        ("mon-fri 22:00-06:00", "2026-11-21T05:59", True),  # Friday's night
        ("mon-fri 22:00-06:00", "2026-11-21T06:00", False),
        ("mon-fri 22:00-06:00", "2026-11-21T23:00", False),
        ("mon-fri 22:00-06:00", "2026-11-23T05:00", False),  # Sunday's night
        ("sat,sun 13:00-15:30; wed 8:00 - 9:00", "2026-11-22T15:29", True),
        ("sat,sun 13:00-15:30; wed 8:00 - 9:00", "2026-11-25T08:30", True),
        ("sat,sun 13:00-15:30; wed 8:00 - 9:00", "2026-11-24T08:30", False),
        ("FRI-MON 00:00-24:00", "2026-11-23T23:59", True),
        ("fri-mon 00:00-24:00", "2026-11-24T00:00", False),
        ("06:00-06:00", "2026-11-24T03:00", True),
        ("", "2026-11-24T03:00", True),
    ],
)
def test_times_of_the_week(schedule: str, at: str, holds: bool) -> None:
    assert read_schedule(schedule).holds(_at(at), _BERLIN) is holds


def test_an_hour_that_comes_twice_counts_twice_and_one_left_out_does_not_come() -> None:
    early = read_schedule("02:15-02:45")
    autumn = datetime(2026, 10, 25, 0, 0, tzinfo=UTC)
    assert sum(early.holds(autumn + timedelta(minutes=n), _BERLIN) for n in range(20 * 60)) == 60
    spring = datetime(2026, 3, 29, 0, 0, tzinfo=UTC)
    assert not any(early.holds(spring + timedelta(minutes=n), _BERLIN) for n in range(20 * 60))


@pytest.mark.parametrize(
    "text",
    ["always", "mon", "22:00", "25:00-26:00", "22:60-23:00", "noon-night 1:00-2:00", "mon- 1:00-2:00", "-",
     "24:00-03:00", "mon 1:00-2:00 tue", "1:00-24:01"],
)  # fmt: skip
def test_what_is_no_schedule(text: str) -> None:
    with pytest.raises(ScheduleError):
        read_schedule(text)


@given(st.text(max_size=40))
def test_any_text_is_a_schedule_or_refused(text: str) -> None:
    try:
        schedule = read_schedule(text)
    except ScheduleError:
        return
    assert schedule.holds(_at("2026-11-21T05:59"), _BERLIN) in {True, False}


def test_without_times_there_is_nothing_to_look_for() -> None:
    assert ALWAYS.look_again(_at("2026-11-20T22:00"), _BERLIN) is None


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)),  # noqa: DTZ001  # of UTC
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
)
def test_the_answer_stays_until_it_is_to_be_looked_at_again(naive: datetime, zone_name: str) -> None:
    zone = ZoneInfo(zone_name)
    at = naive.replace(tzinfo=UTC)
    wait = _NIGHTS.look_again(at, zone)
    assert wait is not None
    assert 0 < wait <= 15 * 60
    before = at + timedelta(seconds=wait * 0.999)
    assert _NIGHTS.holds(before, zone) is _NIGHTS.holds(at, zone)
