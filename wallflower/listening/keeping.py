"""What is heard, kept: the recorder at work, what is too old taken away, and what was changed remembered."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import structlog

from wallflower.bus import Bus
from wallflower.config import Options
from wallflower.events import Alert, Happening
from wallflower.storage.database import DATABASE_NAME, writing
from wallflower.storage.errors import StorageError
from wallflower.storage.forgetting import erase
from wallflower.storage.recorder import Recorder
from wallflower.storage.retention import Keep, retain
from wallflower.storage.state import get_state, set_state
from wallflower.supervision import supervised

_LOG = structlog.get_logger(__name__)

_FIRST_RETENTION_SECONDS = 60.0
_RETENTION_SECONDS = 3600.0


class StoredState:
    """Plain data under one name in the database."""

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        self._name = name

    async def load(self) -> Any:
        """What was saved last; None when nothing was. Raises StorageError."""
        async with writing(self._path) as db:
            return await get_state(db, self._name)

    async def save(self, value: Any) -> None:
        """Keep it, at once and through a power cut. Raises StorageError."""
        async with writing(self._path) as db:
            await set_state(db, self._name, value)


async def keep_alerts(bus: Bus, recorder: Recorder, keeps_words: Callable[[str], bool]) -> None:
    """Keep the alerts that are told on the bus, until cancelled.

    keeps_words: whether what is said at a source may be kept; if not, an alert is kept without it.
    """
    with bus.subscribe("kept alerts") as subscription:
        async for event in subscription.events():
            if isinstance(event, Alert):
                recorder.keep_alert(event if keeps_words(event.source) else _without_words(event))


def _without_words(alert: Alert) -> Alert:
    """What the rule asks for may be known, not what was said."""
    if alert.utterance is None:
        return alert
    detail = tuple((name, value) for name, value in alert.detail if name not in {"text", "heard"})
    return replace(alert, summary=f"{alert.source}: {alert.rule}", detail=detail)


@asynccontextmanager
async def open_recorder(
    options: Options, home: Path, tell: Callable[[Happening], None]
) -> AsyncIterator[Recorder]:
    """The recorder at work, and what is too old or too much taken away. At the end all that waits is written.

    tell: hears what happens to the database; it need not be writable now.
    """
    path = home / DATABASE_NAME
    recorder = Recorder(path, tell)
    keep = Keep(
        timedelta(days=options.keep_days) if options.keep_days else None,
        options.keep_size * 1_000_000 or None,
    )
    async with (
        supervised("recorder", recorder.run),
        supervised("retention", lambda: _retain(path, keep)),
    ):
        try:
            await recorder.flush()  # so that the database is there for those who come next
        except StorageError as error:
            _LOG.error("transcripts cannot be written", reason=str(error))
        yield recorder


async def _retain(path: Path, keep: Keep) -> None:
    pause = _FIRST_RETENTION_SECONDS
    while True:
        await asyncio.sleep(pause)
        pause = _RETENTION_SECONDS
        try:
            async with writing(path) as db:
                if gone := await retain(db, datetime.now(UTC), keep):
                    await erase(db)
                    _LOG.info("old transcripts deleted", utterances=gone)
        except (StorageError, sqlite3.Error) as error:
            _LOG.warning("old transcripts stay for now", reason=str(error))
