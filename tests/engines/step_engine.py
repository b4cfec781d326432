"""An engine whose pace the tests set, for what no real one could be made to do at the right moment."""

import asyncio
import threading
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from wallflower.engines.base import EngineAbortedError, EngineError, Request, Transcription


def segment(number: int) -> NDArray[np.float32]:
    """A segment that stands for a number: its length."""
    return np.zeros(number, np.float32)


async def until(condition: Callable[[], object]) -> None:
    """Wait until it holds."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)


class StepEngine:
    """Decodes a segment, step by step, until it is told to finish it. It clears its abort as real ones do."""

    languages = ("en",)
    longest_seconds = 30.0

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.done: list[int] = []
        self.stopped: list[int] = []
        self.aborts = 0
        self.at_work = 0
        self.before_clear: Callable[[int], object] = lambda _number: None
        self.before_end: Callable[[int], object] = lambda _number: None
        self._open = False
        self._leave = threading.Semaphore(0)
        self._numbers: list[int] = []  # of the call under way
        self._abort = threading.Event()

    def transcribe(self, samples: NDArray[np.float32], request: Request) -> Transcription:
        return self.step_through([samples])[0]

    def step_through(self, segments: Sequence[NDArray[np.float32]]) -> list[Transcription]:
        numbers = [len(samples) for samples in segments]
        self.at_work += 1
        assert self.at_work == 1
        try:
            self.before_clear(numbers[0])
            self._abort.clear()
            self.begun += numbers
            self._numbers = numbers
            while not self._open and not self._leave.acquire(timeout=0.0005):
                self._check_abort(numbers)
            self.before_end(numbers[0])
            self.done += numbers
            return [Transcription(str(number), "en") for number in numbers]
        finally:
            self._numbers = []
            self.at_work -= 1

    @property
    def holds(self) -> list[int]:
        """The segments under way, while they are not told to end."""
        return [] if self._open or self._leave._value else self._numbers

    def finish(self, count: int = 1) -> None:
        """Let the segment under way end, or as many as `count`."""
        self._leave.release(count)

    def open(self) -> None:
        """Let all segments end as soon as they have begun."""
        self._open = True

    def abort(self) -> None:
        self.aborts += 1
        self._abort.set()

    def unload(self) -> None:
        pass

    def _check_abort(self, numbers: Sequence[int]) -> None:
        if self._abort.is_set():
            self.stopped += numbers
            raise EngineAbortedError("aborted")


class BatchStepEngine(StepEngine):
    """The same, and several at once; `spoilt` segments fail the call that they are in."""

    takes_batches = True

    def __init__(self, *spoilt: int) -> None:
        super().__init__()
        self.calls: list[list[int]] = []
        self.spoilt = spoilt

    def transcribe(self, samples: NDArray[np.float32], request: Request) -> Transcription:
        return self.transcribe_batch([samples], request)[0]

    def transcribe_batch(
        self, segments: Sequence[NDArray[np.float32]], request: Request
    ) -> list[Transcription]:
        self.calls.append([len(samples) for samples in segments])
        results = self.step_through(segments)
        if any(len(samples) in self.spoilt for samples in segments):
            raise EngineError("spoilt")
        return results
