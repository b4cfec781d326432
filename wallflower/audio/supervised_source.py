"""A source that is connected, watched, and connected again for as long as somebody listens."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import datetime

import numpy as np
import structlog
from numpy.typing import NDArray

from wallflower.audio.backoff import STEADY_SECONDS, Backoff
from wallflower.audio.live_sound import LiveSound
from wallflower.audio.pcm import SAMPLE_RATE, AudioError
from wallflower.audio.source import OnState, SoundBlock, SourceLostError, SourceState
from wallflower.events import SourceStatus

_LOG = structlog.get_logger(__name__)

_NOT_LISTENED = SourceState(SourceStatus.PAUSED, "nobody listens yet")
_SILENT_SECONDS = 60.0
_NOTHING = 8  # samples that stay within so much of their mean hold nothing: -72 dBFS

Arrive = Callable[[NDArray[np.int16]], None]
"""Takes the next samples, mono 16 kHz, as soon as they are here."""

Connection = Callable[[Arrive], Awaitable[str]]
"""Connects to a source and gives its sound until it is at its end. Returns why that is the end, for the user.

Raises SourceLostError when the sound breaks off, and AudioError when there is none to be had on this box.
"""


class SupervisedSource:
    """A `Source` that is made of connections, one after the other."""

    def __init__(
        self,
        connection: Connection,
        on_state: OnState,
        *,
        gain: float = 0.0,
        backoff: Backoff | None = None,
        now: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Gain: dB. now, wall: see LiveSound."""
        self._connection = connection
        self._on_state = on_state
        self._backoff = backoff or Backoff()
        self._now = now
        self._sound = LiveSound(gain=gain, now=now, wall=wall)
        self._state = _NOT_LISTENED
        self._listening = False
        self._paused = False
        self._runner: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._connected_at: float | None = None  # when the connection under way gave its first sound
        self._nothing = 0  # samples in a row that held nothing

    @property
    def state(self) -> SourceState:
        """How it is now."""
        return self._state

    @property
    def started_at(self) -> datetime | None:
        """When position 0 was; None before the first sound."""
        return self._sound.started_at

    async def blocks(self) -> AsyncGenerator[SoundBlock, None]:
        """The sound from now on, for one listener; see `Source`."""
        if self._listening:
            raise RuntimeError("a source has one listener")
        self._listening = True
        try:
            self._sound.break_off()
            if not self._paused:
                self._start()
            async for block in self._sound.blocks():
                yield block
            if self._runner is not None:
                await self._runner  # whatever went wrong in it is raised here
        finally:
            self._listening = False
            self._stop()
            if self._ending:
                await asyncio.wait(self._ending)

    def pause(self, reason: str) -> None:
        """Stop listening until `resume`."""
        self._paused = True
        self._stop()
        self._sound.break_off()
        self._tell(SourceStatus.PAUSED, reason)

    def resume(self) -> None:
        """Listen again, if paused."""
        if self._paused:
            self._paused = False
            if self._listening:
                self._start()
            else:
                self._tell(_NOT_LISTENED.status, _NOT_LISTENED.reason)

    def _start(self) -> None:
        self._tell(SourceStatus.CONNECTING)
        self._runner = asyncio.create_task(self._run(set(self._ending)))
        self._runner.add_done_callback(self._has_run)

    def _stop(self) -> None:
        """Begin to end what runs; it is waited for where something new begins, and at the end."""
        if self._runner is not None:
            self._runner.cancel()
            self._ending.add(self._runner)
            self._runner.add_done_callback(self._ending.discard)
            self._runner = None

    def _has_run(self, task: asyncio.Task[None]) -> None:
        if task is self._runner:
            self._sound.end()

    async def _run(self, before: set[asyncio.Task[None]]) -> None:
        if before:
            await asyncio.wait(before)  # a camera or a microphone may serve only one at a time
        while True:
            self._connected_at = None
            try:
                reason = await self._connection(self._arrive)
            except SourceLostError as error:
                self._lost(str(error), lasting=error.lasting)
            except AudioError as error:
                self._lost(str(error), lasting=True)
            except Exception:  # noqa: BLE001  # whatever it is: the other sources go on, and this one is tried again
                _LOG.exception("a source failed")
                self._lost("an error within Wallflower; its log tells more", lasting=False)
            else:
                self._tell(SourceStatus.PAUSED, reason)
                return
            longest = self._state.status is SourceStatus.FAILED
            await asyncio.sleep(self._backoff.pause(longest=longest))

    def _lost(self, reason: str, *, lasting: bool) -> None:
        self._sound.break_off()
        self._nothing = 0
        if self._connected_at is not None and self._now() - self._connected_at >= STEADY_SECONDS:
            self._backoff.steady()
        # What gave sound a moment ago will give it again, whatever it says on its way down.
        failed = lasting and self._connected_at is None
        self._tell(SourceStatus.FAILED if failed else SourceStatus.RECOVERING, reason)

    def _interrupted(self, reason: str) -> None:
        """Nothing comes, though there is nothing to connect to anew."""
        if self._connected_at is not None:
            self._connected_at = None
            self._sound.break_off()
            self._tell(SourceStatus.RECOVERING, reason)

    def _arrive(self, samples: NDArray[np.int16]) -> None:
        if not len(samples):
            return
        if self._connected_at is None:
            self._connected_at = self._now()
        self._sound.arrive(samples)
        mean = samples.mean()
        nothing = samples.max() - mean <= _NOTHING and mean - samples.min() <= _NOTHING
        self._nothing = self._nothing + len(samples) if nothing else 0
        if self._nothing < _SILENT_SECONDS * SAMPLE_RATE:
            self._tell(SourceStatus.HEALTHY)
        else:
            self._tell(SourceStatus.SILENT, "its sound holds nothing; is it muted?")

    def _tell(self, status: SourceStatus, reason: str = "") -> None:
        state = SourceState(status, reason)
        if state != self._state:
            self._state = state
            self._on_state(state)
