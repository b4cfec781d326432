"""Writing: utterances wait in memory for the next batch, and for a database that cannot be written just now."""

import asyncio
import contextlib
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import aiosqlite

from wallflower.events import DatabaseSetAside, Happening, StorageFailing, StorageWorking
from wallflower.storage.database import connected, prepare, set_aside, transaction
from wallflower.storage.errors import StorageError, is_damage
from wallflower.storage.records import StoredUtterance, clean, to_row

_BATCH_SECONDS = 0.5  # with its writing, well within the second that a power cut may take
_BATCH = 500
_BEHIND = 1000  # so many waiting, and `keep` waits as well
_SPOOL = 10_000
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 30.0

_INSERT = """
INSERT INTO utterances
  (id, source, "end", audio_start, audio_end, text, language, speaker, engine, confidence, revision, words)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET
  source = excluded.source, "end" = excluded."end", audio_start = excluded.audio_start,
  audio_end = excluded.audio_end, text = excluded.text, language = excluded.language, speaker = excluded.speaker,
  engine = excluded.engine, confidence = excluded.confidence, revision = excluded.revision, words = excluded.words
WHERE excluded.revision > revision
"""


@dataclass(frozen=True, slots=True)
class StorageCondition:
    """How the writing goes. failing: why nothing can be written, empty when it can. waiting: utterances in
    memory. lost: those for which there was no room, since the start.
    """

    failing: str
    waiting: int
    lost: int


class Recorder:
    """Lives on the event loop; `run` is its owner's task. tell: hears what happens to the database."""

    def __init__(self, path: Path, tell: Callable[[Happening], None]) -> None:
        self._path = path
        self._tell = tell
        self._waiting: deque[StoredUtterance] = deque()
        self._some = asyncio.Event()
        self._many = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._writing = asyncio.Lock()
        self._open = AsyncExitStack()
        self._db: aiosqlite.Connection | None = None
        self._failing = ""
        self._lost = 0

    @property
    def condition(self) -> StorageCondition:
        """How the writing goes."""
        return StorageCondition(self._failing, len(self._waiting), self._lost)

    async def keep(self, utterance: StoredUtterance, patience: float = 5.0) -> None:
        """Have it written with the next batch.

        Waits up to `patience` seconds when the database is behind (0 for those who must not), not when it fails.
        When 10,000 wait, the oldest is lost, and counted.
        """
        if not self._room.is_set() and not self._failing and patience:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._room.wait(), patience)
        if len(self._waiting) >= _SPOOL:
            self._waiting.popleft()
            self._lost += 1
        self._waiting.append(utterance)
        self._mark()

    async def drop(self, unwanted: Callable[[StoredUtterance], bool]) -> int:
        """Forget those that still wait. Returns how many; none is being written when it returns."""
        async with self._writing:
            kept = [utterance for utterance in self._waiting if not unwanted(utterance)]
            dropped = len(self._waiting) - len(kept)
            self._waiting = deque(kept)
            self._mark()
        return dropped

    async def run(self) -> None:
        """Open the database and write, until cancelled; then write what waits, and close."""
        pause = _FIRST_PAUSE_SECONDS
        try:
            while True:
                if await self._write():
                    pause = _FIRST_PAUSE_SECONDS
                    await self._some.wait()
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._many.wait(), _BATCH_SECONDS)
                else:
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        finally:
            await self._write()
            await self._close()

    async def flush(self) -> None:
        """Write what waits now. Raises StorageError when that cannot be done."""
        if not await self._write():
            raise StorageError(f"cannot write {self._path}: {self._failing}")

    async def _write(self) -> bool:
        async with self._writing:
            try:
                while True:
                    db = await self._database()
                    batch = [self._waiting[n] for n in range(min(_BATCH, len(self._waiting)))]
                    if not batch:
                        break
                    await _write_batch(db, batch)
                    self._take_off(batch)
            except sqlite3.DatabaseError as error:
                if is_damage(error) and await self._begin_anew():
                    return False  # and at once again
                await self._fail(str(error))
                return False
            except (OSError, StorageError) as error:
                await self._fail(str(error))
                return False
        if self._failing:
            self._failing = ""
            self._tell(StorageWorking(self._lost))
        return True

    async def _database(self) -> aiosqlite.Connection:
        if self._db is None:
            if aside := await asyncio.to_thread(prepare, self._path):
                self._tell(DatabaseSetAside(aside.name))
            self._db = await self._open.enter_async_context(connected(self._path))
        return self._db

    async def _begin_anew(self) -> bool:
        """Whether the broken database could be moved away; the next write makes a new one."""
        await self._close()
        try:
            aside = await asyncio.to_thread(set_aside, self._path)
        except OSError:
            return False
        self._tell(DatabaseSetAside(aside.name))
        return True

    async def _fail(self, reason: str) -> None:
        await self._close()
        if not self._failing:
            self._tell(StorageFailing(reason))
        self._failing = reason
        self._room.set()

    async def _close(self) -> None:
        self._db = None
        with contextlib.suppress(sqlite3.Error):
            await self._open.aclose()

    def _take_off(self, written: Sequence[StoredUtterance]) -> None:
        # Some may have been dropped for want of room meanwhile, always the oldest.
        while self._waiting and written and self._waiting[0] in written:
            self._waiting.popleft()
        self._mark()

    def _mark(self) -> None:
        for event, so in (
            (self._some, bool(self._waiting)),
            (self._many, len(self._waiting) >= _BATCH),
            (self._room, len(self._waiting) < _BEHIND),
        ):
            if so:
                event.set()
            else:
                event.clear()


async def _write_batch(db: aiosqlite.Connection, batch: Sequence[StoredUtterance]) -> None:
    slugs = sorted({clean(utterance.source) for utterance in batch})
    async with transaction(db):
        await db.executemany("INSERT OR IGNORE INTO sources (slug) VALUES (?)", [(slug,) for slug in slugs])
        found = await db.execute_fetchall("SELECT slug, id FROM sources")
        sources = {slug: source for slug, source in found}  # noqa: C416  # rows, not pairs, for mypy
        rows = [to_row(utterance, sources[clean(utterance.source)]) for utterance in batch]
        # In the order of ids: the full-text index would begin a new piece at each step back.
        await db.executemany(_INSERT, sorted(rows, key=lambda row: (row[0], row[10])))
