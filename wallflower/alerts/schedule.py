"""When a rule holds: times of the week on the clock on the wall, across midnight and changes of the clock.

A moment is judged by what the clock shows then. An hour that a change of the clock repeats counts twice, one
that it leaves out does not come.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIMES = re.compile(r"(\d{1,2}):(\d\d)\s*-\s*(\d{1,2}):(\d\d)")
_DAY_MINUTES = 24 * 60
_CHANGE_MINUTES = 15
"""Clocks change at full quarters of an hour, so nothing is missed by who looks at each of them."""

ALLOWED = "times such as 'mon-fri 22:00-06:00; sat,sun 13:00-15:30'; without days: every day"


class ScheduleError(ValueError):
    """This is no schedule."""


@dataclass(frozen=True, slots=True)
class _Window:
    """days: 0 is Monday; those on which it begins. begin, end: minutes of the day; the end is not in it.
    If it is not after the beginning, it is on the next day.
    """

    days: frozenset[int]
    begin: int
    end: int

    def holds(self, day: int, minute: int) -> bool:
        if self.begin < self.end:
            return day in self.days and self.begin <= minute < self.end
        begun_today = day in self.days and minute >= self.begin
        return begun_today or ((day - 1) % 7 in self.days and minute < self.end)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Windows of time; outside all of them a rule rests. Without any, it never does."""

    windows: tuple[_Window, ...] = ()

    def holds(self, at: datetime, zone: tzinfo | None = None) -> bool:
        """Whether `at` (aware) is in one of the windows. zone: None for the system's."""
        if not self.windows:
            return True
        local = at.astimezone(zone)
        minute = local.hour * 60 + local.minute
        return any(window.holds(local.weekday(), minute) for window in self.windows)

    def look_again(self, at: datetime, zone: tzinfo | None = None) -> float | None:
        """Seconds, at most 15 minutes, during which the answer stays; None: for ever."""
        if not self.windows:
            return None
        local = at.astimezone(zone)
        minute = local.hour * 60 + local.minute
        marks = {mark % _DAY_MINUTES for window in self.windows for mark in (window.begin, window.end)}
        ahead = [(mark - minute) % _DAY_MINUTES or _DAY_MINUTES for mark in marks]
        whole = min(*ahead, _CHANGE_MINUTES - minute % _CHANGE_MINUTES)
        return (
            timedelta(minutes=whole) - timedelta(seconds=local.second, microseconds=local.microsecond)
        ) / (timedelta(seconds=1))


ALWAYS = Schedule()


def read_schedule(text: str) -> Schedule:
    """`text` as a schedule; empty for always. Raises ScheduleError."""
    return Schedule(tuple(_window(part.strip().lower()) for part in text.split(";") if part.strip()))


def _window(text: str) -> _Window:
    times = _TIMES.search(text)
    if times is None or times.end() != len(text):
        raise ScheduleError(f"no times as 22:00-06:00 at the end of {text!r}")
    begin, end = _minutes(times[1], times[2]), _minutes(times[3], times[4])
    if begin == _DAY_MINUTES:
        raise ScheduleError(f"{text!r} begins at 24:00")
    return _Window(_days(text[: times.start()].strip()), begin, end)


def _minutes(hours: str, minutes: str) -> int:
    total = int(hours) * 60 + int(minutes)
    if int(minutes) > 59 or total > _DAY_MINUTES:
        raise ScheduleError(f"{hours}:{minutes} is no time of the day")
    return total


def _days(text: str) -> frozenset[int]:
    if not text:
        return frozenset(range(7))
    days: set[int] = set()
    for part in text.split(","):
        first, to, last = (each.strip() for each in part.partition("-"))
        begin = _day(first)
        end = _day(last) if to else begin
        days |= {(begin + step) % 7 for step in range((end - begin) % 7 + 1)}
    return frozenset(days)


def _day(name: str) -> int:
    if name not in _DAYS:
        raise ScheduleError(f"{name!r} is none of the days {', '.join(_DAYS)}")
    return _DAYS.index(name)
