"""Keeping no more than is wanted of each source: by age and by size, in small steps, hour after hour."""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiosqlite
import structlog

from wallflower.storage.database import writing
from wallflower.storage.errors import StorageError
from wallflower.storage.forgetting import STEP, delete, erase
from wallflower.storage.ids import milliseconds_of
from wallflower.storage.sounds import remove_sounds_between, trim_sounds
from wallflower.storage.speakers import drop_unused, go_on

_PAUSE_SECONDS = 0.02  # between two steps, for those who write
_HOUR_SECONDS = 3600.0
_LOOKS_TO_ERASE = 24
_UNUSED = timedelta(days=1)  # a speaker of whom nothing is kept

_LOG = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Keep:
    """How much to keep of a source. age: since the utterance's end. size: bytes of text and words, which take
    about three times as much on disk. None: no limit.
    """

    age: timedelta | None = None
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """How much to keep. general: for sources that are not in `sources` (slugs), and for alerts. sounds: bytes
    of all their files together; None: no limit.
    """

    general: Keep = field(default_factory=Keep)
    sources: Mapping[str, Keep] = field(default_factory=dict)
    sounds: int | None = None


async def keep_within(
    path: Path, sounds: Path, limits: Callable[[], Limits], every: float = _HOUR_SECONDS
) -> None:
    """Hold the database at `path` and the folder of sounds to the limits, until cancelled.

    Looks every hour (`every`: seconds), and erases what was deleted every 24 times; what was begun with
    speakers and interrupted is ended. A fault is logged, and it goes on.
    """
    looks, deleted = 0, 0
    while True:
        try:
            async with writing(path) as db:
                await go_on(db, sounds)
                deleted += await retain(db, datetime.now(UTC), limits(), sounds)
                if deleted and looks % _LOOKS_TO_ERASE == 0:
                    await erase(db)
                    _LOG.info("old transcripts deleted", utterances=deleted)
                    deleted = 0
        except (StorageError, OSError, sqlite3.Error) as error:
            _LOG.warning("old transcripts could not be deleted", reason=str(error))
        looks += 1
        await asyncio.sleep(every)


async def retain(db: aiosqlite.Connection, now: datetime, limits: Limits, sounds: Path | None = None) -> int:
    """Delete what is too old or too much; `erase` comes after it. Returns how many utterances.

    Automatic speakers go a day after they came, or later with the last of what they said.

    sounds: the folder of their sounds. Raises sqlite3.Error and OSError.
    """
    count = 0
    ages = [limits.general.age, *(keep.age for keep in limits.sources.values())]
    for source, slug in list(await db.execute_fetchall("SELECT id, slug FROM sources")):
        keep = limits.sources.get(slug, limits.general)
        if keep.age is not None:
            oldest = milliseconds_of(now - keep.age)
            while ids := await _older(db, source, oldest):
                count += await _delete(db, ids, sounds)
        while keep.size is not None and (ids := await _too_much(db, source, keep.size)):
            count += await _delete(db, ids, sounds)
    if limits.general.age is not None:
        await db.execute("DELETE FROM alerts WHERE at < ?", (milliseconds_of(now - limits.general.age),))
    await drop_unused(db, now - _UNUSED)
    if sounds is not None:
        known = [age for age in ages if age is not None]
        if len(known) == len(ages):  # also those whose utterance was never stored
            await asyncio.to_thread(remove_sounds_between, sounds, None, now - max(known))
        if limits.sounds is not None:
            await asyncio.to_thread(trim_sounds, sounds, limits.sounds)
    return count


async def _older(db: aiosqlite.Connection, source: int, oldest: int) -> list[int]:
    rows = await db.execute_fetchall(
        'SELECT id FROM utterances WHERE source = ? AND "end" < ? ORDER BY "end" LIMIT ?',
        (source, oldest, STEP),
    )
    return [row[0] for row in rows]


async def _too_much(db: aiosqlite.Connection, source: int, size: int) -> list[int]:
    """Of what is in excess of `size`, the oldest."""
    rows: list[Any] = list(await db.execute_fetchall("SELECT bytes FROM sources WHERE id = ?", (source,)))
    excess = int(rows[0][0]) - size if rows else 0
    ids = []
    for identity, length in await db.execute_fetchall(
        'SELECT id, bytes FROM utterances WHERE source = ? ORDER BY "end" LIMIT ?', (source, STEP)
    ):
        if excess <= 0:
            break
        ids.append(identity)
        excess -= length
    return ids


async def _delete(db: aiosqlite.Connection, ids: list[int], sounds: Path | None) -> int:
    await delete(db, ids, sounds)
    await asyncio.sleep(_PAUSE_SECONDS)
    return len(ids)
