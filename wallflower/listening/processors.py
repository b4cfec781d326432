"""What is done with a source's sound, each thing apart: one that fails or hangs stops no other.

A processor has a queue and a task of its own. It is tried again after a pause that doubles; after repeated
failure it is set aside, and tried again much later.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import structlog

from wallflower.audio.pcm import SAMPLE_RATE
from wallflower.audio.source import SoundBlock

_LOG = structlog.get_logger(__name__)

_QUEUE_SECONDS = 30.0
_FIRST_PAUSE_SECONDS = 1.0
_FAILURES = 5
"""So many one after the other, and it is set aside."""
_ASIDE_SECONDS = 600.0
_STEADY_SECONDS = 60.0
_LOOK_SECONDS = 2.0
_GOODBYE_SECONDS = 5.0


class Blocks:
    """Sound on its way to a processor: so many seconds at most; what comes then is left out, and counted."""

    def __init__(self, seconds: float = _QUEUE_SECONDS) -> None:
        self.missed = 0
        """Samples that were left out."""
        self._bound = round(seconds * SAMPLE_RATE)
        self._waiting: deque[SoundBlock] = deque()
        self._samples = 0
        self._changed = asyncio.Event()
        self._ended = False
        self._taken_at = time.monotonic()

    @property
    def waiting(self) -> int:
        """Samples that wait."""
        return self._samples

    @property
    def waits_for(self) -> float:
        """Seconds since one was taken, while some wait; else 0."""
        return time.monotonic() - self._taken_at if self._waiting else 0.0

    def put(self, block: SoundBlock) -> None:
        """Add a block, if there is room."""
        if self._samples >= self._bound:
            self.missed += len(block.samples)
            return
        if not self._waiting:
            self._taken_at = time.monotonic()
        self._waiting.append(block)
        self._samples += len(block.samples)
        self._changed.set()

    def end(self) -> None:
        """No more will come."""
        self._ended = True
        self._changed.set()

    def clear(self) -> None:
        """Leave out what waits."""
        self.missed += self._samples
        self._waiting.clear()
        self._samples = 0

    async def __aiter__(self) -> AsyncIterator[SoundBlock]:
        """The blocks, until there is no more."""
        while True:
            while self._waiting:
                block = self._waiting.popleft()
                self._samples -= len(block.samples)
                self._taken_at = time.monotonic()
                yield block
            if self._ended:
                return
            self._changed.clear()
            await self._changed.wait()


@dataclass(frozen=True, slots=True)
class ProcessorHealth:
    """How a processor is. problem: why it does not work now; empty when it does. set_aside: whether it
    failed so often that it is left alone for a while. failures: since the start. missed: seconds of sound
    that it was too slow for, or did not work during.
    """

    name: str
    problem: str = ""
    set_aside: bool = False
    failures: int = 0
    missed: float = 0.0


Work = Callable[[Blocks], Awaitable[None]]
"""Takes the blocks as they come, until they end."""


class Processor:
    """Runs one kind of work on the sound of one source. On the event loop; `run` is its owner's task."""

    def __init__(
        self,
        name: str,
        work: Work,
        *,
        source: str,
        patience: float,
        queue_seconds: float = _QUEUE_SECONDS,
        first_pause: float = _FIRST_PAUSE_SECONDS,
    ) -> None:
        """patience: seconds without taking a block that waits, after which it hangs. source: its slug."""
        self.blocks = Blocks(queue_seconds)
        self._name = name
        self._work = work
        self._log = _LOG.bind(processor=name, source=source)
        self._patience = patience
        self._first_pause = first_pause
        self._problem = ""
        self._set_aside = False
        self._failures = 0

    @property
    def health(self) -> ProcessorHealth:
        """How it is now."""
        missed = self.blocks.missed / SAMPLE_RATE
        return ProcessorHealth(self._name, self._problem, self._set_aside, self._failures, missed)

    async def run(self) -> None:
        """Work until the blocks end, again after each failure."""
        in_a_row = 0
        while True:
            begun = time.monotonic()
            problem = await self._run_once()
            if problem is None:
                return
            if time.monotonic() - begun > _STEADY_SECONDS + self._patience:
                in_a_row = 0
            in_a_row += 1
            self._failures += 1
            self._problem = problem
            self._set_aside = in_a_row >= _FAILURES
            pause = _ASIDE_SECONDS if self._set_aside else self._first_pause * 2 ** (in_a_row - 1)
            self._log.error(
                "set aside" if self._set_aside else "failed", reason=problem, retry_in_s=round(pause, 1)
            )
            self.blocks.clear()
            await asyncio.sleep(pause)
            self.blocks.clear()

    async def _run_once(self) -> str | None:
        """Why it failed; None when it is done."""
        task = asyncio.ensure_future(self._work(self.blocks))
        begun = time.monotonic()
        try:
            while True:
                await asyncio.wait({task}, timeout=min(_LOOK_SECONDS, self._patience))
                if task.done():
                    break
                if self.blocks.waits_for > self._patience:
                    return f"it hangs: nothing was taken for {self.blocks.waits_for:.0f} s"
                if self._problem and time.monotonic() - begun > self._first_pause:
                    self._problem, self._set_aside = "", False
                    self._log.info("works again")
        finally:
            await _ended(task)
        try:
            task.result()
        except asyncio.CancelledError:
            return "it was cancelled"
        except Exception as error:  # noqa: BLE001  # whatever it is: report, restart
            self._log.debug("failure", exc_info=error)
            return str(error) or type(error).__name__
        self._problem = ""
        return None


async def _ended(task: "asyncio.Future[None]") -> None:
    """Cancel it, and wait for that; one that does not end is left behind."""
    if not task.done():
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait({task}, timeout=_GOODBYE_SECONDS)
    if task.done() and not task.cancelled():
        task.exception()
