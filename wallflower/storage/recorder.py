"""Writing: what was heard waits in memory for the next batch, or until the database can be written again."""

import asyncio
import contextlib
import sqlite3
from collections import deque
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import aiosqlite

from wallflower.events import (
    Alert,
    DatabaseSetAside,
    Happening,
    Heard,
    StorageFailing,
    StorageWorking,
    UtteranceRevised,
)
from wallflower.storage.batches import write_batch
from wallflower.storage.database import connected, prepare, set_aside
from wallflower.storage.errors import StorageError, is_damage
from wallflower.storage.records import check

_BATCH_SECONDS = 0.5  # with its writing, well within the second that a power cut may take
_BATCH = 500
_BEHIND = 1000  # so many waiting, and `keep` waits as well
_SPOOL = 10_000
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class StorageCondition:
    """How the writing goes. failing: why nothing can be written, empty when it can. waiting: utterances,
    alerts and revisions in memory. lost: those for which there was no room, since the start.
    """

    failing: str
    waiting: int
    lost: int


class Recorder:
    """Lives on the event loop; `run` is its owner's task. tell: hears what happens to the database."""

    def __init__(self, path: Path, tell: Callable[[Happening], None]) -> None:
        self._path = path
        self._tell = tell
        self._waiting: deque[Heard | Alert | UtteranceRevised] = deque()
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

    async def keep(self, heard: Heard, patience: float = 5.0) -> None:
        """Have it written with the next batch.

        Waits up to `patience` seconds when the database is behind (0 for those who must not), not when it
        fails. When 10,000 wait, the oldest is lost, and counted. Raises ValueError as `records.check` does.
        """
        check(heard)
        if not self._room.is_set() and not self._failing and patience:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._room.wait(), patience)
        self._waiting.append(heard)
        self._mark()

    def keep_alert(self, alert: Alert) -> None:
        """Have it written with the next batch. When 10,000 wait, the oldest is lost, and counted."""
        self._waiting.append(alert)
        self._mark()

    def revise(self, heard: Heard) -> None:
        """Have an utterance that was kept say who spoke, as was found later, with the next batch.

        Speaker and revision alone are written, and only if the utterance is still there. When 10,000 wait,
        there is no room for it. Raises ValueError as `records.check` does.
        """
        check(heard)
        if len(self._waiting) < _SPOOL:
            self._waiting.append(UtteranceRevised(heard))
            self._mark()

    async def drop(self, unwanted: Callable[[Heard | Alert], bool]) -> int:
        """Forget those that still wait, and the alerts they gave rise to. Returns how many.

        None is being written when it returns. Revisions stay: they bring nothing back.
        """
        async with self._writing:
            gone = {one.id for one in self._waiting if isinstance(one, Heard) and unwanted(one)}
            kept = [
                one
                for one in self._waiting
                if isinstance(one, UtteranceRevised)
                or not (unwanted(one) or (isinstance(one, Alert) and one.utterance in gone))
            ]
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
        """Make the database if it is not there, and write what waits. Raises StorageError when that fails."""
        if not await self._write():
            raise StorageError(f"cannot write {self._path}: {self._failing}")

    async def _write(self) -> bool:
        async with self._writing:
            try:
                await self._write_waiting()
            except (sqlite3.Error, OSError, StorageError) as error:
                await self._close()
                if not self._failing:
                    self._tell(StorageFailing(str(error)))
                self._failing = str(error)
                self._room.set()
                return False
        if self._failing:
            self._failing = ""
            self._tell(StorageWorking(self._lost))
            self._mark()
        return True

    async def _write_waiting(self) -> None:
        try:
            await self._write_batches()
        except sqlite3.Error as error:
            if not is_damage(error):
                raise
            await self._close()
            aside = await asyncio.to_thread(set_aside, self._path)
            self._tell(DatabaseSetAside(aside.name))
            await self._write_batches()

    async def _write_batches(self) -> None:
        db = await self._database()
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
            writing = asyncio.create_task(write_batch(db, batch), name="batch")
            try:
                await asyncio.shield(writing)
            except asyncio.CancelledError:
                await asyncio.wait(
                    [writing]
                )  # SQLite's thread is at it, and would be in the way of what follows
                raise
            finally:
                if not writing.done() or writing.cancelled() or writing.exception():
                    self._waiting.extendleft(reversed(batch))
                self._mark()

    async def _database(self) -> aiosqlite.Connection:
        if self._db is not None and not await asyncio.to_thread(self._path.exists):
            await self._close()  # somebody deleted it: what is written to it would go with it
        if self._db is None:
            if aside := await asyncio.to_thread(prepare, self._path):
                self._tell(DatabaseSetAside(aside.name))
            self._db = await self._open.enter_async_context(connected(self._path))
        return self._db

    async def _close(self) -> None:
        self._db = None
        with contextlib.suppress(sqlite3.Error):
            await self._open.aclose()

    def _mark(self) -> None:
        while len(self._waiting) > _SPOOL:
            self._lost += not isinstance(self._waiting.popleft(), UtteranceRevised)
        for event, so in (
            (self._some, bool(self._waiting)),
            (self._many, len(self._waiting) >= _BATCH),
            (self._room, len(self._waiting) < _BEHIND or bool(self._failing)),
        ):
            if so:
                event.set()
            else:
                event.clear()
