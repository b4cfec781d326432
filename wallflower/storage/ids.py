"""Ids that are in the order of time: milliseconds since 1970 in UTC, then 20 random bits.

Whoever makes an utterance makes its id too, before it is stored, so that others can speak of it at once.
"""

import secrets
from datetime import UTC, datetime, timedelta

_RANDOM_BITS = 20
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def milliseconds_of(time: datetime) -> int:
    """Milliseconds since 1970, rounded down. Raises ValueError when `time` has no time zone."""
    if time.tzinfo is None:
        raise ValueError(f"a time without a time zone: {time}")
    return (time - _EPOCH) // timedelta(milliseconds=1)


def time_of(milliseconds: int) -> datetime:
    """In UTC."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def new_id(start: datetime) -> int:
    """An id for an utterance that begins at `start`. Raises ValueError for times before 1970."""
    return first_id(start) | secrets.randbits(_RANDOM_BITS)


def first_id(start: datetime) -> int:
    """The least id of an utterance that begins at `start`. Raises ValueError for times before 1970."""
    milliseconds = milliseconds_of(start)
    if milliseconds < 0:
        raise ValueError(f"a time before 1970: {start}")
    return milliseconds << _RANDOM_BITS


def start_of(identity: int) -> datetime:
    """When the utterance with this id begins, in UTC."""
    return time_of(identity >> _RANDOM_BITS)
