"""What is heard, kept: the recorder at work, what is too old taken away, and what was changed remembered."""

import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import structlog
from numpy.typing import NDArray

from wallflower.config import Options
from wallflower.events import Happening, Heard
from wallflower.storage.database import DATABASE_NAME, writing
from wallflower.storage.errors import StorageError
from wallflower.storage.recorder import Recorder
from wallflower.storage.retention import Keep, Limits, keep_within
from wallflower.storage.sounds import SOUNDS_NAME, Sounds
from wallflower.storage.state import get_state, set_state
from wallflower.supervision import supervised

_LOG = structlog.get_logger(__name__)

_MB = 1_000_000


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


class Keeper:
    """Where it is kept what was heard, with its sound where that is wanted."""

    def __init__(self, recorder: Recorder, sounds: Sounds) -> None:
        self.recorder = recorder
        self.sounds = sounds

    async def keep(self, heard: Heard, samples: NDArray[np.int16] | None) -> None:
        """samples: mono at 16 kHz; None: without its sound. May wait for the database, and for other sounds.

        A sound that cannot be kept is said, and no harm to the words.
        """
        await self.recorder.keep(heard)
        if samples is not None:
            try:
                await self.sounds.keep(heard, samples)
            except StorageError as error:
                _LOG.warning("sound not kept", source=heard.source, reason=str(error))


@asynccontextmanager
async def open_keeper(
    options: Options, home: Path, tell: Callable[[Happening], None]
) -> AsyncIterator[Keeper]:
    """The recorder at work, and what is too old or too much taken away. At the end all that waits is written.

    tell: hears what happens to the database; it need not be writable now.
    """
    path, sounds = home / DATABASE_NAME, home / SOUNDS_NAME
    recorder = Recorder(path, tell)
    limits = _limits(options)
    async with supervised("recorder", recorder.run):
        with contextlib.suppress(StorageError):  # which was told
            await recorder.flush()  # so that the database is there for those who come next
        async with supervised("retention", lambda: keep_within(path, sounds, lambda: limits)):
            yield Keeper(recorder, Sounds(sounds))


def _limits(options: Options) -> Limits:
    days = timedelta(days=options.keep_days) if options.keep_days else None
    return Limits(Keep(days, options.keep_size * _MB or None), sounds=options.keep_audio_size * _MB)
