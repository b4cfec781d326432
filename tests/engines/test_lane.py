"""The lane's order, bound and end, with an engine whose pace the test sets."""

import asyncio
import threading

import numpy as np
import pytest
from numpy.typing import NDArray

from wallflower.engines.base import EngineAbortedError, EngineError, Request, Transcription
from wallflower.engines.lane import Lane


class GatedEngine:
    """Decodes a segment, whose length is its number, when the gate is open."""

    languages = ("en",)
    longest_seconds = 30.0

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.begun: list[int] = []
        self.running = 0
        self.most_running = 0
        self._aborted = threading.Event()

    def transcribe(self, samples: NDArray[np.float32], request: Request) -> Transcription:
        self.begun.append(len(samples))
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            while not self.gate.wait(0.005):
                if self._aborted.is_set():
                    raise EngineAbortedError("aborted")
        finally:
            self.running -= 1
        return Transcription(str(len(samples)), "en")

    def abort(self) -> None:
        self._aborted.set()

    def unload(self) -> None:
        pass


def _segment(number: int) -> NDArray[np.float32]:
    return np.zeros(number, np.float32)


async def _until(condition: object) -> None:
    assert callable(condition)
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


async def test_first_come_first_served_one_at_a_time() -> None:
    engine = GatedEngine()
    engine.gate.set()
    lane = Lane(engine)
    results = await asyncio.gather(*(lane.transcribe(_segment(n), Request()) for n in range(20)))
    assert [result.text for result in results] == [str(n) for n in range(20)]
    assert engine.begun == list(range(20))
    assert engine.most_running == 1
    assert lane.counts.jobs == 20
    assert lane.counts.waited > 0
    assert lane.counts.worked > 0
    await lane.close()


async def test_full_queue_makes_the_submitter_wait_and_loses_nothing() -> None:
    engine = GatedEngine()
    lane = Lane(engine, queue_limit=2)
    tasks = [asyncio.create_task(lane.transcribe(_segment(n), Request())) for n in range(5)]
    await _until(lambda: engine.begun == [0])
    engine.gate.set()
    assert [(await task).text for task in tasks] == ["0", "1", "2", "3", "4"]
    await lane.close()


async def test_cancelled_segment_leaves_the_queue() -> None:
    engine = GatedEngine()
    lane = Lane(engine)
    first = asyncio.create_task(lane.transcribe(_segment(1), Request()))
    await _until(lambda: engine.begun)
    second = asyncio.create_task(lane.transcribe(_segment(2), Request()))
    third = asyncio.create_task(lane.transcribe(_segment(3), Request()))
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    engine.gate.set()
    assert (await first).text == "1"
    assert (await third).text == "3"
    assert engine.begun == [1, 3]
    await lane.close()


async def test_close_aborts_the_running_and_drops_the_waiting() -> None:
    engine = GatedEngine()
    lane = Lane(engine)
    running = asyncio.create_task(lane.transcribe(_segment(1), Request()))
    await _until(lambda: engine.begun)
    waiting = asyncio.create_task(lane.transcribe(_segment(2), Request()))
    await asyncio.sleep(0)
    await lane.close()
    with pytest.raises(EngineAbortedError):
        await running
    with pytest.raises((asyncio.CancelledError, EngineAbortedError)):
        await waiting
    assert engine.begun == [1]
    with pytest.raises(EngineError, match="closed"):
        await lane.transcribe(_segment(3), Request())
