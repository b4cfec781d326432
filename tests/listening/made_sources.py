"""A source for tests that gives what it is told to, when it is told to."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from wallflower.audio.pcm import SAMPLE_RATE
from wallflower.audio.source import OnState, SoundBlock, SourceState
from wallflower.config.sources import SourceSettings
from wallflower.errors import WallflowerError
from wallflower.events import SourceStatus

BEGUN = datetime(2026, 3, 29, 0, 59, 30, tzinfo=UTC)  # half a minute before Europe's clocks are set


class MadeSource:
    """Gives blocks that tests put into it."""

    def __init__(self, on_state: OnState) -> None:
        self.state = SourceState(SourceStatus.PAUSED)
        self.started_at: datetime | None = None
        self.listeners = 0
        self._on_state = on_state
        self._queue: asyncio.Queue[SoundBlock | None] = asyncio.Queue()
        self._position = 0

    def hear(self, samples: NDArray[np.int16], *, gap: float = 0.0, block: int = 1600) -> None:
        """Give this sound. gap: seconds that are missing before it."""
        self._position += round(gap * SAMPLE_RATE)
        for start in range(0, len(samples), block):
            piece = samples[start : start + block]
            self._queue.put_nowait(SoundBlock(self._position, piece))
            self._position += len(piece)

    def end(self) -> None:
        """There is no more."""
        self._queue.put_nowait(None)

    def become(self, status: SourceStatus, reason: str = "") -> None:
        """Be in another state."""
        self.state = SourceState(status, reason)
        self._on_state(self.state)

    async def blocks(self) -> AsyncGenerator[SoundBlock, None]:
        """What was put in, as fast as it is taken; for the listener's sake it takes breath."""
        self.listeners += 1
        self.become(SourceStatus.HEALTHY)
        try:
            while (block := await self._queue.get()) is not None:
                self.started_at = BEGUN
                yield block
                await asyncio.sleep(0)
            self.become(SourceStatus.PAUSED, "it is at its end")
        finally:
            self.listeners -= 1

    def pause(self, reason: str) -> None:
        """Not needed."""

    def resume(self) -> None:
        """Not needed."""


class MadeSources:
    """Opens them, and remembers them by name."""

    def __init__(self) -> None:
        self.opened: dict[str, list[MadeSource]] = {}

    def __call__(self, settings: SourceSettings, on_state: OnState) -> MadeSource:
        if "bad" in settings.url:
            raise WallflowerError("no such thing")
        source = MadeSource(on_state)
        self.opened.setdefault(settings.name, []).append(source)
        return source

    def __getitem__(self, name: str) -> MadeSource:
        return self.opened[name][-1]
