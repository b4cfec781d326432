"""Live sound on its way to its listener: placed by the audio clock, and held in a queue that is bounded."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime

import numpy as np
import structlog
from numpy.typing import NDArray

from wallflower.audio.clock import AudioClock, Placed
from wallflower.audio.pcm import SAMPLE_RATE
from wallflower.audio.source import SoundBlock

_LOG = structlog.get_logger(__name__)

_LONGEST_QUEUE_SECONDS = 30.0
_IDLE_SECONDS = 0.25


class LiveSound:
    """The sound of one source. All of it is called on the loop.

    A listener who falls back by more than 30 s loses the oldest sound; the positions tell so.
    """

    def __init__(
        self,
        *,
        gain: float = 0.0,
        now: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Gain: dB. now, wall: seconds of a clock that is never set, and of the box's clock."""
        self.dropped = 0
        """Samples that a slow listener lost so far."""
        self._factor = np.float32(10 ** (gain / 20))
        self._now = now
        self._wall = wall
        self._clock = AudioClock()
        self._queue: deque[SoundBlock] = deque()
        self._queued = 0  # samples
        self._arrived = asyncio.Event()
        self._ended = False

    @property
    def started_at(self) -> datetime | None:
        """When position 0 was, by the box's clock as it is set now."""
        if self._clock.origin is None:
            return None
        return datetime.fromtimestamp(round(self._wall() - self._now() + self._clock.origin, 3), UTC)

    @property
    def lag(self) -> float:
        """Seconds by which the sound is behind the wall clock."""
        return self._clock.lag(self._now())

    def arrive(self, samples: NDArray[np.int16]) -> None:
        """The next samples, mono 16 kHz, the last of which was recorded just now."""
        if not len(samples):
            return
        placed = self._clock.arrive(len(samples), self._now())
        if placed.silence:
            self._put(_silence(placed))
        if placed.cut < len(samples):
            self._put(SoundBlock(placed.position, self._amplified(samples[placed.cut :])))

    def break_off(self) -> None:
        """The connection is lost: silence follows, and what comes then is placed anew."""
        self._clock.break_off()
        self._arrived.set()

    def end(self) -> None:
        """There will be no more."""
        self._ended = True
        self._arrived.set()

    async def blocks(self) -> AsyncGenerator[SoundBlock, None]:
        """All sound from now on, until `end`."""
        self._queue.clear()
        self._queued = 0
        self._ended = False
        while True:
            while self._queue:
                block = self._queue.popleft()
                self._queued -= len(block.samples)
                yield block
            if self._ended:
                return
            self._arrived.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_IDLE_SECONDS if self._clock.broken else None):
                    await self._arrived.wait()
            if placed := self._clock.idle(self._now()):
                self._put(_silence(placed))

    def _put(self, block: SoundBlock) -> None:
        self._queue.append(block)
        self._queued += len(block.samples)
        if self._queued > _LONGEST_QUEUE_SECONDS * SAMPLE_RATE:
            oldest = self._queue.popleft()
            self._queued -= len(oldest.samples)
            if not self.dropped:
                _LOG.warning("listening does not keep up with a source, whose oldest sound is dropped")
            self.dropped += len(oldest.samples)
        self._arrived.set()

    def _amplified(self, samples: NDArray[np.int16]) -> NDArray[np.int16]:
        if self._factor == 1:
            return samples
        louder: NDArray[np.int16] = np.clip(np.rint(samples * self._factor), -32768, 32767).astype(np.int16)
        return louder


def _silence(placed: Placed) -> SoundBlock:
    return SoundBlock(placed.gap, np.zeros(placed.silence, np.int16))
