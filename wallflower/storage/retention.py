"""Keeping no more than is wanted of each source: by age and by size, in small steps."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import aiosqlite

from wallflower.storage.forgetting import delete_step, erase
from wallflower.storage.ids import milliseconds_of

_PAUSE_SECONDS = 0.02  # between two steps, for those who write
_ROWS = 100  # of a source that is too large, the oldest


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
    """Delete what is too old or too much, and erase it. Returns how many utterances.

    general: for sources that are not in `sources` (slugs). Raises sqlite3.Error.
    """
    count = 0
    found = list(await db.execute_fetchall("SELECT id, slug FROM sources"))
    for source, slug in found:
        keep = (sources or {}).get(slug, general)
        if keep.age is not None:
            oldest = milliseconds_of(now - keep.age)
            while deleted := await delete_step(db, 'source = ? AND "end" < ?', [source, oldest]):
                count += deleted
                await asyncio.sleep(_PAUSE_SECONDS)
        while keep.size is not None and await _size(db, source) > keep.size:
            # The index is in the order of ends, so these are the oldest.
            deleted = await delete_step(
                db,
                'id IN (SELECT id FROM utterances WHERE source = ? ORDER BY "end" LIMIT ?)',
                [source, _ROWS],
            )
            if not deleted:
                break
            count += deleted
            await asyncio.sleep(_PAUSE_SECONDS)
    if count:
        await erase(db)
    return count


async def _size(db: aiosqlite.Connection, source: int) -> int:
    rows = list(await db.execute_fetchall("SELECT bytes FROM sources WHERE id = ?", (source,)))
    return int(rows[0][0]) if rows else 0
