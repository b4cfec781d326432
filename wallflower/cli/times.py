"""Times as people type them."""

import argparse
import re
from datetime import datetime, timedelta

_AGO = re.compile(r"(\d{1,6})\s*(s|m|h|d|w)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_CLOCK = re.compile(r"\d{1,2}:\d\d(:\d\d)?")

TIME_HELP = (
    "so long ago (30m, 2h, 7d, 1w), now, today or yesterday (at 0:00), 14:30 (today), 2026-03-28, "
    '"2026-03-28 14:30"; in the box\'s time zone, if none is given as in 2026-03-28T14:30+01:00'
)
"""What `time` takes."""


def time(typed: str) -> datetime:
    """For argparse: an aware time. Raises ArgumentTypeError for what is no time, or none after 1970."""
    text = typed.strip()
    now = datetime.now().astimezone()
    try:
        found = _time(text, now)
        if found.timestamp() < 0:
            raise ValueError
    except (ValueError, OverflowError, OSError) as error:
        raise argparse.ArgumentTypeError(f"{typed!r} is no time; allowed: {TIME_HELP}") from error
    return found


def _time(text: str, now: datetime) -> datetime:
    if ago := _AGO.fullmatch(text):
        return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    match text.lower():
        case "now":
            return now
        case "today":
            return _midnight(now)
        case "yesterday":
            # A day may have 23 or 25 hours: yesterday's noon is surely yesterday.
            return _midnight(_midnight(now) - timedelta(hours=12))
    if _CLOCK.fullmatch(text):
        text = f"{now:%Y-%m-%d} {text.zfill(8) if text.count(':') == 2 else text.zfill(5)}"
    found = datetime.fromisoformat(text)
    # Without a zone it is the box's; of an hour that comes twice, the first one.
    return found.astimezone() if found.tzinfo is None else found


def _midnight(time_of_day: datetime) -> datetime:
    local = time_of_day.astimezone().replace(tzinfo=None)
    return local.replace(hour=0, minute=0, second=0, microsecond=0).astimezone()
