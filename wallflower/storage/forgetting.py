"""Deleting so that nothing is left: not in the tables, not in the full-text index, not in the log.

What is deleted is overwritten (`secure_delete`). The full-text index of SQLite before 3.42 keeps the words of a deleted
row until its pieces are merged, so all are merged after a forget. The log then goes into the database and is cut off.
"""

import asyncio
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiosqlite

from wallflower.storage.database import transaction
from wallflower.storage.ids import first_id, milliseconds_of
from wallflower.storage.records import StoredUtterance, clean

_STEP = 200  # utterances, about 10 ms; others write between two steps
_MERGE_PAGES = 500
_CHECKPOINT_TRIES = 50
_CHECKPOINT_PAUSE_SECONDS = 0.1
_VACUUM_PAGES = 1000


@dataclass(frozen=True, slots=True)
class Forget:
    """What to forget: utterances to which all of these apply, None apply to any.

    since, until: aware; an utterance of which any part lies between them is meant.
    """

    source: str | None = None
    speaker: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def means(self, utterance: StoredUtterance) -> bool:
        """Whether this one is to be forgotten."""
        return (
            (self.source is None or utterance.source == self.source)
            and (self.speaker is None or utterance.speaker == self.speaker)
            and (self.since is None or utterance.end > self.since)
            and (self.until is None or utterance.start < self.until)
        )


async def forget(db: aiosqlite.Connection, what: Forget) -> int:
    """Delete in small steps, then erase. Returns how many utterances.

    What still waits to be written is forgotten with `Recorder.drop(what.means)`, before this. Raises
    sqlite3.Error; what was deleted by then stays deleted.
    """
    where: list[str] = []
    values: list[Any] = []
    for condition, value in (
        ("source = (SELECT id FROM sources WHERE slug = ?)", what.source and clean(what.source)),
        ("speaker = ?", what.speaker and clean(what.speaker)),
        ('"end" > ?', what.since and milliseconds_of(what.since)),
        ("id < ?", what.until and first_id(what.until)),
    ):
        if value is not None:
            where.append(condition)
            values.append(value)
    count = 0
    while deleted := await delete_step(db, " AND ".join(where) or "1", values):
        count += deleted
    await _forget_empty_sources(db)
    await erase(db)
    return count


async def delete_step(db: aiosqlite.Connection, where: str, values: list[Any], most: int = _STEP) -> int:
    """Delete some of the utterances for which `where` is true. Returns how many. Raises sqlite3.Error."""
    async with transaction(db):
        done = await db.execute(
            f"DELETE FROM utterances WHERE id IN (SELECT id FROM utterances WHERE {where} LIMIT ?)",  # noqa: S608
            (*values, most),
        )
    return done.rowcount


async def erase(db: aiosqlite.Connection) -> None:
    """Take what was deleted out of the full-text index and the log, and give the space back. Raises sqlite3.Error."""
    pages = -_MERGE_PAGES  # negative: all pieces are to be merged; then on until nothing changes
    while True:
        before = db.total_changes
        await db.execute("INSERT INTO utterance_index (utterance_index, rank) VALUES ('merge', ?)", (pages,))
        if db.total_changes - before < 2:  # the statement itself counts as one
            break
        pages = _MERGE_PAGES
    while await _free_pages(db):
        await db.execute_fetchall(f"PRAGMA incremental_vacuum({_VACUUM_PAGES})")
    for _ in range(_CHECKPOINT_TRIES):
        ((busy, _, _),) = await db.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
        if not busy:
            return
        await asyncio.sleep(_CHECKPOINT_PAUSE_SECONDS)  # somebody reads
    raise sqlite3.OperationalError("the log could not be erased, because somebody reads on and on")


async def _free_pages(db: aiosqlite.Connection) -> int:
    ((pages,),) = await db.execute_fetchall("PRAGMA freelist_count")
    return int(pages)


async def _forget_empty_sources(db: aiosqlite.Connection) -> None:
    await db.execute(
        "DELETE FROM sources WHERE NOT EXISTS (SELECT 1 FROM utterances WHERE source = sources.id)"
    )
