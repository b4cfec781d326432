"""Keeping no more than is wanted of each source: by age and by size, in small steps."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import aiosqlite

from wallflower.storage.forgetting import STEP, delete
from wallflower.storage.ids import milliseconds_of

_PAUSE_SECONDS = 0.02  # between two steps, for those who write


@dataclass(frozen=True, slots=True)
class Keep:
    """How much to keep of a source. age: since the utterance's end. size: bytes of text and words, which take
    about three times as much on disk. None: no limit.
    """

    age: timedelta | None = None
    size: int | None = None


async def retain(
    db: aiosqlite.Connection, now: datetime, general: Keep, sources: Mapping[str, Keep] | None = None
) -> int:
    """Delete what is too old or too much; `erase` comes after it. Returns how many utterances.

    general: for sources that are not in `sources` (slugs), and for alerts. Raises sqlite3.Error.
    """
    count = 0
    for source, slug in list(await db.execute_fetchall("SELECT id, slug FROM sources")):
        keep = (sources or {}).get(slug, general)
        if keep.age is not None:
            oldest = milliseconds_of(now - keep.age)
            while ids := await _oldest(db, 'source = ? AND "end" < ?', (source, oldest)):
                count += await _delete(db, ids)
        while keep.size is not None and (ids := await _too_much(db, source, keep.size)):
            count += await _delete(db, ids)
    if general.age is not None:
        await db.execute("DELETE FROM alerts WHERE at < ?", (milliseconds_of(now - general.age),))
    return count


async def _oldest(db: aiosqlite.Connection, where: str, values: tuple[Any, ...]) -> list[int]:
    # The index is in the order of ends.
    rows = await db.execute_fetchall(
        f'SELECT id FROM utterances WHERE {where} ORDER BY "end" LIMIT ?',  # noqa: S608
        (*values, STEP),
    )
    return [row[0] for row in rows]


async def _delete(db: aiosqlite.Connection, ids: list[int]) -> int:
    await delete(db, ids)
    await asyncio.sleep(_PAUSE_SECONDS)
    return len(ids)


async def _too_much(db: aiosqlite.Connection, source: int, size: int) -> list[int]:
    """Of what is in excess of `size`, the oldest."""
    rows = list(await db.execute_fetchall("SELECT bytes FROM sources WHERE id = ?", (source,)))
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
