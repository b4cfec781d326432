"""Times as people type them, in the zone of the box."""

import argparse
import time as clock
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from wallflower.cli import times as times_module
from wallflower.cli.times import time

NOW = datetime(2026, 10, 25, 20, 15, 30, tzinfo=UTC)  # the day on which Berlin's clocks went back


@pytest.fixture(autouse=True)
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    class Fixed(datetime):
        @classmethod
        def now(cls, tz: object = None) -> "Fixed":
            local = NOW.astimezone().replace(tzinfo=None)
            return cls.fromisoformat(local.isoformat())

    monkeypatch.setenv("TZ", "Europe/Berlin")
    clock.tzset()
    monkeypatch.setattr(times_module, "datetime", Fixed)
    yield
    monkeypatch.undo()
    clock.tzset()


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("now", NOW),
        ("30m", NOW - timedelta(minutes=30)),
        ("24h", NOW - timedelta(hours=24)),
        ("1w", NOW - timedelta(days=7)),
        ("today", datetime(2026, 10, 24, 22, tzinfo=UTC)),
        ("Yesterday", datetime(2026, 10, 23, 22, tzinfo=UTC)),
        ("9:05", datetime(2026, 10, 25, 8, 5, tzinfo=UTC)),
        ("1:00", datetime(2026, 10, 24, 23, tzinfo=UTC)),
        ("12:00:01", datetime(2026, 10, 25, 11, 0, 1, tzinfo=UTC)),
        ("2026-03-28", datetime(2026, 3, 27, 23, tzinfo=UTC)),
        ("2026-10-25 02:30", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        ("2026-10-25T02:30+01:00", datetime(2026, 10, 25, 1, 30, tzinfo=UTC)),
        (" 2026-03-28T14:30:00Z ", datetime(2026, 3, 28, 14, 30, tzinfo=UTC)),
    ],
)
def test_what_is_meant(typed: str, meant: datetime) -> None:
    assert time(typed) == meant
    assert time(typed).tzinfo is not None


@pytest.mark.parametrize(
    "typed",
    ["", "soon", "25:00", "2026-02-30", "-1h", "999999w", "1960-01-01", "0001-01-01", "9" * 50, "1h\0"],
)
def test_what_is_no_time_is_refused_with_what_is(typed: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="allowed: so long ago"):
        time(typed)
