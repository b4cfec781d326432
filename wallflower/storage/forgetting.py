"""Deleting so that nothing is left: not in the tables, not in the full-text index, not in the log.

What is deleted is overwritten (`secure_delete`). The full-text index of SQLite before 3.42 keeps the words of
a deleted row until its pieces are merged, so all are merged. Where rows were moved from page to page, copies
can stay in the unused parts of pages that hold other rows, so the database is written anew. The log then goes
into the database and is cut off.
"""

import asyncio
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import aiosqlite

from wallflower.events import Alert, Heard
from wallflower.storage.database import FTS_ERASES, transaction
from wallflower.storage.ids import first_id, milliseconds_of
from wallflower.storage.records import LONGEST, clean
from wallflower.storage.sounds import remove_sounds, remove_sounds_between
from wallflower.storage.speaker_names import label_of, same_name

STEP = 200
"""Utterances that are deleted at once, which takes about 10 ms; others write between two steps."""

_PAUSE_SECONDS = 0.02  # between two steps, for those who write
_MERGE_PAGES = 500
_CHECKPOINT_TRIES = 100
_CHECKPOINT_PAUSE_SECONDS = 0.1
_VACUUM_PAGES = 1000
_SMALL_BYTES = 64_000_000  # written anew in about a second, and in memory


@dataclass(frozen=True, slots=True)
class Forget:
    """What to forget: utterances to which all of these apply, None apply to any; and alerts, of no speaker.

    speaker: a name in any case, or an id; empty for utterances of whom it is not known who spoke. since,
    until: aware; an utterance of which any part lies between them is meant.
    """

    source: str | None = None
    speaker: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def means(self, one: Heard | Alert) -> bool:
        """Whether this one is to be forgotten."""
        begins, ends = (one.start, one.end) if isinstance(one, Heard) else (one.at, one.at)
        return (
            (self.source is None or one.source == self.source)
            and (self.speaker is None or (isinstance(one, Heard) and _says(one, self.speaker)))
            and (self.since is None or ends > self.since)
            and (self.until is None or begins < self.until)
        )


async def forget(db: aiosqlite.Connection, what: Forget, sounds: Path | None = None) -> int:
    """Delete in small steps, then erase, in one long one: who writes waits. Returns how many utterances.

    sounds: the folder of their sounds. What still waits to be written is forgotten with
    `Recorder.drop(what.means)` and `Sounds.drop(what.means)`, before this. Raises sqlite3.Error and OSError;
    what was deleted by then stays deleted. Raises ValueError for a time without a zone.
    """
    count = 0
    after = -1 if what.since is None else first_id(what.since - LONGEST) - 1
    conditions, values = await _conditions(db, what)
    while ids := await _some_ids(db, ["id > ?", *conditions], [after, *values]):
        await delete(db, ids, sounds)
        count += len(ids)
        after = ids[-1]
        await asyncio.sleep(_PAUSE_SECONDS)
    if sounds is not None and what.source is None and what.speaker is None:
        await asyncio.to_thread(remove_sounds_between, sounds, what.since, what.until)
    await _forget_alerts(db, what)
    await db.execute(
        "DELETE FROM sources WHERE NOT EXISTS (SELECT 1 FROM utterances WHERE source = sources.id)"
    )
    await erase(db, wholly=True)
    return count


async def count_of(db: aiosqlite.Connection, what: Forget) -> int:
    """How many utterances are meant. Raises sqlite3.Error; ValueError for a time without a zone."""
    conditions, values = await _conditions(db, what)
    where = " AND ".join(conditions) or "1"
    rows = list(await db.execute_fetchall(f"SELECT count(*) FROM utterances WHERE {where}", values))  # noqa: S608
    return int(rows[0][0])


async def delete(db: aiosqlite.Connection, ids: Sequence[int], sounds: Path | None) -> None:
    """Delete these utterances, with the alerts that they gave rise to, and their sounds in that folder.

    Raises sqlite3.Error and OSError.
    """
    if sounds is not None:
        await asyncio.to_thread(remove_sounds, sounds, ids)
    async with transaction(db):
        await db.executemany("DELETE FROM utterances WHERE id = ?", [(one,) for one in ids])


async def erase(db: aiosqlite.Connection, *, wholly: bool = False) -> None:
    """Take what was deleted out of the full-text index, the pages and the log, and give the space back.

    wholly: write a large database anew, too, not a small one alone (10 s for a million utterances). Raises
    sqlite3.Error, also when somebody reads for 10 s and more.
    """
    size = await _number(db, "PRAGMA page_count") * await _number(db, "PRAGMA page_size")
    anew = wholly or size < _SMALL_BYTES
    if anew or not FTS_ERASES:
        await _merge_index(db)
    await _give_back(db)
    if anew:
        if size >= _SMALL_BYTES:
            await db.execute("PRAGMA temp_store = FILE")  # not all of it in memory
        await db.execute("VACUUM")
        await db.execute("PRAGMA temp_store = MEMORY")
    await _cut_off_log(db)


async def _give_back(db: aiosqlite.Connection) -> None:
    while free := await _number(db, "PRAGMA freelist_count"):
        await db.execute_fetchall(f"PRAGMA incremental_vacuum({_VACUUM_PAGES})")
        if await _number(db, "PRAGMA freelist_count") >= free:
            break


async def _cut_off_log(db: aiosqlite.Connection) -> None:
    patience = await _number(db, "PRAGMA busy_timeout")
    try:
        # Who waits for readers here keeps writers out meanwhile.
        await db.execute_fetchall("PRAGMA busy_timeout = 0")
        for _ in range(_CHECKPOINT_TRIES):
            if not await _number(db, "PRAGMA wal_checkpoint(TRUNCATE)"):
                return
            await asyncio.sleep(_CHECKPOINT_PAUSE_SECONDS)
    finally:
        await db.execute_fetchall(f"PRAGMA busy_timeout = {patience}")
    raise sqlite3.OperationalError("the log could not be erased, because somebody reads on and on")


async def _merge_index(db: aiosqlite.Connection) -> None:
    pages = -_MERGE_PAGES  # negative: all pieces are to be merged; then on until nothing changes
    while True:
        before = db.total_changes
        await db.execute("INSERT INTO utterance_index (utterance_index, rank) VALUES ('merge', ?)", (pages,))
        if db.total_changes - before < 2:  # the statement itself counts as one
            return
        pages = _MERGE_PAGES


async def _number(db: aiosqlite.Connection, pragma: str) -> int:
    ((number, *_),) = await db.execute_fetchall(pragma)
    return int(number)


def _says(heard: Heard, speaker: str) -> bool:
    if heard.speaker is None:
        return not speaker
    return str(heard.speaker.id) == speaker or same_name(heard.speaker.name, speaker)


async def _conditions(db: aiosqlite.Connection, what: Forget) -> tuple[list[str], list[Any]]:
    speaker = None if what.speaker is None else await label_of(db, what.speaker)
    if speaker is None and what.speaker is not None:
        return ["0"], []  # nobody said it
    found = {
        "source = (SELECT id FROM sources WHERE slug = ?)": None
        if what.source is None
        else clean(what.source),
        # For all but nobody there is an index.
        "speaker = ? AND speaker <> ''" if speaker else "speaker = ?": speaker,
        '"end" > ?': None if what.since is None else milliseconds_of(what.since),
        "id < ?": None if what.until is None else first_id(what.until),
    }
    asked = {condition: value for condition, value in found.items() if value is not None}
    return list(asked), list(asked.values())


async def _some_ids(db: aiosqlite.Connection, conditions: Sequence[str], values: Sequence[Any]) -> list[int]:
    rows = await db.execute_fetchall(
        f"SELECT id FROM utterances WHERE {' AND '.join(conditions)} ORDER BY id LIMIT ?",  # noqa: S608
        (*values, STEP),
    )
    return [row[0] for row in rows]


async def _forget_alerts(db: aiosqlite.Connection, what: Forget) -> None:
    if what.speaker is not None:  # those of an utterance went with it
        return
    await db.execute(
        "DELETE FROM alerts WHERE (?1 IS NULL OR source = ?1) AND (?2 IS NULL OR at > ?2) "
        "AND (?3 IS NULL OR at < ?3)",
        (
            None if what.source is None else clean(what.source),
            None if what.since is None else milliseconds_of(what.since),
            None if what.until is None else milliseconds_of(what.until),
        ),
    )
