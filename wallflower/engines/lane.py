"""The lane: the one worker that runs an engine, and the queue in front of it."""

import asyncio
import functools
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from wallflower.engines.base import Engine, EngineAbortedError, EngineError, Request, Transcription

T = TypeVar("T")

QUEUE_LIMIT = 64
"""Segments that may wait in a lane. When it is full, a submitter waits for a place: nothing is dropped."""

_ABORT_SECONDS = 0.05


@dataclass(slots=True)
class LaneCounts:
    """What a lane has done so far. waited, worked: seconds, summed over all jobs."""

    jobs: int = 0
    waited: float = 0.0
    worked: float = 0.0


class Lane:
    """Runs the segments of all sessions through one engine, one after the other, first come first served."""

    def __init__(self, engine: Engine, *, queue_limit: int = QUEUE_LIMIT) -> None:
        self.counts = LaneCounts()
        self._engine = engine
        self._places = asyncio.Semaphore(queue_limit)
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="lane")
        self._closed = False

    async def transcribe(self, samples: NDArray[np.float32], request: Request) -> Transcription:
        """Decode one segment of mono float32 samples at 16 kHz when its turn comes.

        Cancelling takes it out of the queue if it has not begun. Raises EngineError.
        """
        async with self._places:
            if self._closed:
                raise EngineError("the lane is closed")
            asked = time.monotonic()
            return await asyncio.get_running_loop().run_in_executor(
                self._worker, self._work, samples, request, asked
            )

    async def run(self, work: Callable[[], T]) -> T:
        """Do other work between two segments."""
        return await asyncio.get_running_loop().run_in_executor(self._worker, work)

    def _work(self, samples: NDArray[np.float32], request: Request, asked: float) -> Transcription:
        if self._closed:
            raise EngineAbortedError("the lane is closed")
        begun = time.monotonic()
        try:
            return self._engine.transcribe(samples, request)
        finally:
            self.counts.jobs += 1
            self.counts.waited += begun - asked
            self.counts.worked += time.monotonic() - begun

    async def close(self) -> None:
        """Abort the job under way, drop those that wait, and end the worker."""
        self._closed = True
        end = functools.partial(self._worker.shutdown, wait=True, cancel_futures=True)
        ended = asyncio.ensure_future(asyncio.to_thread(end))
        while not ended.done():  # an abort that comes as a job begins may be overlooked: say it again
            self._engine.abort()
            await asyncio.wait({ended}, timeout=_ABORT_SECONDS)
