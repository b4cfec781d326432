"""Utterances to fill a database with, and ways to look at it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiosqlite

from wallflower.events import Alert, Heard, Speaker
from wallflower.storage.ids import new_id
from wallflower.storage.search import Query, stream
from wallflower.storage.speakers import StoredSpeaker

NOON = datetime(2026, 3, 28, 12, tzinfo=UTC)
PRINT = b"the bytes of a voiceprint, hard to mistake"
ANNA, BEN = Speaker(1, "Änne", known=True, confidence=0.9), Speaker(2, "ben", known=True)


def heard(text: str = "hello", *, at: datetime | float = 0.0, seconds: float = 2.0, **others: Any) -> Heard:
    """at: when, or seconds after noon."""
    start = at if isinstance(at, datetime) else NOON + timedelta(seconds=at)
    values: dict[str, Any] = {
        "id": new_id(start),
        "source": "kitchen",
        "start": start,
        "end": start + timedelta(seconds=seconds),
        "text": text,
        "language": "en",
        "audio_start": 0.0,
        "audio_end": seconds,
    }
    return Heard(**(values | others))


def alert(summary: str = "the bell", *, at: float = 0.0, **others: Any) -> Alert:
    time = NOON + timedelta(seconds=at)
    values: dict[str, Any] = {
        "id": new_id(time),
        "rule": "bell",
        "kind": "keyword",
        "source": "kitchen",
        "severity": "info",
        "phase": "raised",
        "summary": summary,
        "at": time,
    }
    return Alert(**(values | others))


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A plain connection."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        yield db


def texts(path: Path) -> list[str]:
    """All that is stored, in the order of time."""
    with opened(path) as db:
        return [text for (text,) in db.execute("SELECT text FROM utterances ORDER BY id")]


def bytes_of(path: Path) -> bytes:
    """All that the database, its log and its index of the log hold on the disk."""
    files = [path.with_name(path.name + suffix) for suffix in ("", "-wal", "-shm")]
    return b"".join(file.read_bytes() for file in files if file.exists())


def said_by(speaker: StoredSpeaker | Speaker | None, text: str = "hello", **others: object) -> Heard:
    who = None if speaker is None else Speaker(speaker.id, speaker.name, speaker.known)
    return heard(text, speaker=who, **others)  # type: ignore[arg-type]


async def speakers_of(db: aiosqlite.Connection) -> list[str]:
    return [one.speaker_name async for one in stream(db, Query())]
