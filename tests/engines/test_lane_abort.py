"""Whom an abort hits: the races with an engine that is held at the critical moment, and real engines."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.engines.step_engine import StepEngine, segment, until
from wallflower.engines.base import Engine, EngineError, Request, Transcription
from wallflower.engines.chain import EngineChain, Link
from wallflower.engines.lane import Lane, Priority, SupersededError
from wallflower.engines.lane_queue import REQUEUES
from wallflower.engines.moonshine import MoonshineEngine
from wallflower.engines.whisper_cpp import WhisperCppEngine
from wallflower.engines.whisper_openvino import WhisperOpenVinoEngine


def _ask(
    lane: Lane, engine: Engine, number: int, priority: Priority = Priority.VOICE_FINAL, key: object = None
) -> "asyncio.Task[Transcription]":
    return asyncio.create_task(
        lane.transcribe(engine, segment(number), Request(), priority=priority, key=key)
    )


@pytest.mark.parametrize("priority", [Priority.AMBIENT_FINAL, Priority.BATCH])
async def test_voice_final_stops_other_segments_which_are_done_afterwards(priority: Priority) -> None:
    engine, lane = StepEngine(), Lane()
    ambient = [_ask(lane, engine, 1, priority, "a"), _ask(lane, engine, 2, priority, "b")]
    await until(lambda: engine.begun)
    voice = _ask(lane, engine, 3)
    await until(lambda: engine.begun == [1, 3])
    engine.open()
    assert [task.text for task in await asyncio.gather(voice, *ambient)] == ["3", "1", "2"]
    assert (engine.begun, engine.stopped) == ([1, 3, 1, 2], [1])
    assert lane.counts.requeued == 1
    assert lane.counts.jobs == {Priority.VOICE_FINAL: 1, priority: 2}
    await lane.close()


@pytest.mark.parametrize("priority", [Priority.VOICE_PARTIAL, Priority.AMBIENT_PARTIAL])
async def test_voice_final_stops_a_partial_which_is_dropped(priority: Priority) -> None:
    engine, lane = StepEngine(), Lane()
    partial = _ask(lane, engine, 1, priority, "a")
    await until(lambda: engine.begun)
    voice = _ask(lane, engine, 2, key="b")
    with pytest.raises(SupersededError):
        await partial
    engine.open()
    assert (await voice).text == "2"
    assert (engine.begun, engine.done) == ([1, 2], [2])
    assert (lane.counts.dropped, lane.counts.superseded) == (1, 0)
    assert lane.partial_share > 0
    await lane.close()


async def test_final_stops_its_own_running_partial_and_no_other() -> None:
    engine, lane = StepEngine(), Lane()
    partial = _ask(lane, engine, 1, Priority.AMBIENT_PARTIAL, "a")
    await until(lambda: engine.begun)
    other = _ask(lane, engine, 2, Priority.AMBIENT_FINAL, "b")
    filed = _ask(lane, engine, 3, Priority.BATCH, "a")
    await until(lambda: lane.waiting == 2)
    assert engine.aborts == 0
    final = _ask(lane, engine, 4, Priority.AMBIENT_FINAL, "a")
    with pytest.raises(SupersededError):
        await partial
    engine.open()
    await asyncio.gather(other, final, filed)
    assert engine.begun == [1, 2, 4, 3]
    assert lane.counts.superseded == 1
    await lane.close()


async def test_what_is_stopped_again_and_again_gets_done() -> None:
    engine, lane = StepEngine(), Lane()
    ambient = _ask(lane, engine, 1, Priority.AMBIENT_FINAL)
    for times in range(REQUEUES):
        await until(lambda: engine.begun.count(1) == times + 1)  # noqa: B023
        voice = _ask(lane, engine, 2)
        await until(lambda: engine.begun.count(2) == times + 1)  # noqa: B023
        engine.finish()
        await voice
    await until(lambda: engine.begun.count(1) == REQUEUES + 1)
    aborts, voice = engine.aborts, _ask(lane, engine, 2)
    await until(lambda: lane.waiting == 1)
    engine.finish(2)
    assert (await ambient).text == "1"
    assert (await voice).text == "2"
    assert engine.aborts == aborts
    assert lane.counts.requeued == REQUEUES
    await lane.close()


async def test_cancelled_segment_is_stopped() -> None:
    engine, lane = StepEngine(), Lane()
    running = _ask(lane, engine, 1)
    await until(lambda: engine.begun)
    running.cancel()
    await until(lambda: engine.stopped == [1])
    engine.open()
    assert (await _ask(lane, engine, 2)).text == "2"
    await lane.close()


async def test_stopped_segment_that_nobody_wants_any_more_is_not_put_back() -> None:
    engine, lane = StepEngine(), Lane()
    ambient = _ask(lane, engine, 1, Priority.AMBIENT_FINAL)
    await until(lambda: engine.begun)
    voice = _ask(lane, engine, 2)
    await asyncio.sleep(0)
    ambient.cancel()
    await until(lambda: engine.begun == [1, 2])
    engine.open()
    await voice
    assert lane.waiting == 0
    assert lane.counts.requeued == 0
    await lane.close()


async def test_abort_that_the_engine_overlooks_is_repeated() -> None:
    """It comes when the job has begun, but before the engine clears what the last abort left."""
    engine, lane = StepEngine(), Lane()
    held, go_on = threading.Event(), threading.Event()

    def hold(number: int) -> None:
        if number == 1:
            held.set()
            assert go_on.wait(10)

    engine.before_clear = hold
    ambient = _ask(lane, engine, 1, Priority.AMBIENT_FINAL)
    await until(held.is_set)
    voice = _ask(lane, engine, 2)
    await until(lambda: engine.aborts)
    go_on.set()
    await until(lambda: engine.stopped == [1])
    engine.open()
    await asyncio.gather(voice, ambient)
    await lane.close()


async def test_abort_that_comes_as_a_segment_ends_hits_no_other() -> None:
    engine, lane = StepEngine(), Lane()
    held, go_on = threading.Event(), threading.Event()

    def hold(number: int) -> None:
        if number == 1:
            held.set()
            assert go_on.wait(10)

    engine.before_end = hold
    ambient = _ask(lane, engine, 1, Priority.AMBIENT_FINAL)
    await until(lambda: engine.begun)
    engine.finish()
    await until(held.is_set)
    voice = _ask(lane, engine, 2)
    await until(lambda: engine.aborts)
    go_on.set()
    assert (await ambient).text == "1"  # what was decoded is not thrown away
    await until(lambda: engine.begun == [1, 2])
    aborts = engine.aborts
    await asyncio.sleep(0.05)  # more than the time after which an abort is repeated
    assert engine.aborts == aborts
    assert engine.stopped == []
    engine.finish()
    assert (await voice).text == "2"
    await lane.close()


async def test_partial_that_ends_as_it_is_stopped_is_dropped_all_the_same() -> None:
    engine, lane = StepEngine(), Lane()
    partial = _ask(lane, engine, 1, Priority.VOICE_PARTIAL, "a")
    await until(lambda: engine.begun)
    engine.before_end = lambda _number: engine._abort.wait(10)
    engine.finish()
    await asyncio.sleep(0.01)
    voice = _ask(lane, engine, 2, key="a")
    with pytest.raises(SupersededError):
        await partial
    engine.before_end = lambda _number: None
    engine.open()
    assert (await voice).text == "2"
    await lane.close()


async def test_abort_between_two_engines_of_a_chain_stops_the_chain() -> None:
    """The first engine fails just as the abort comes; the second must not begin, nor the final be lost."""

    class Failing(StepEngine):
        def step_through(self, *segments: object) -> list[Transcription]:
            self.at_work += 1
            self._abort.wait(10)
            raise EngineError("the device is gone")

    failing, second, lane = Failing(), StepEngine(), Lane()
    chain = EngineChain([Link("failing", lambda: failing), Link("second", lambda: second)])
    ambient = _ask(lane, chain, 1, Priority.AMBIENT_FINAL)
    await until(lambda: failing.at_work)
    second.open()
    voice = _ask(lane, chain, 2)
    assert (await voice).text == "2"
    assert (await ambient).text == "1"
    assert second.begun == [2, 1]
    assert lane.counts.requeued == 1
    await lane.close()


async def test_abort_while_a_model_is_loaded_stops_the_chain() -> None:
    lane, engine, loading, loaded = Lane(), StepEngine(), threading.Event(), threading.Event()

    def fails() -> Engine:
        raise EngineError("no such device")

    def loads() -> Engine:
        if threading.current_thread().name.startswith("lane"):
            loading.set()
            assert loaded.wait(10)
        return engine

    broken = StepEngine()
    broken.transcribe = lambda samples, request: fails()  # type: ignore[method-assign, assignment, return-value]
    chain = EngineChain([Link("broken", lambda: broken), Link("second", loads)])
    ambient = _ask(lane, chain, 1, Priority.AMBIENT_FINAL)
    await until(loading.is_set)
    voice = _ask(lane, chain, 2)
    await asyncio.sleep(0.01)
    loaded.set()
    engine.open()
    assert (await voice).text == "2"
    assert (await ambient).text == "1"
    assert engine.begun == [2, 1]
    await lane.close()


@pytest.fixture(scope="module")
def whisper_cpp(whisper_ggml: Path) -> Iterator[WhisperCppEngine]:
    engine = WhisperCppEngine(whisper_ggml, threads=2)
    yield engine
    engine.unload()


@pytest.fixture(params=["moonshine", "whisper", "whisper_cpp", "chain"])
def engine(
    request: pytest.FixtureRequest, moonshine: MoonshineEngine, whisper: WhisperOpenVinoEngine
) -> Engine:
    if request.param == "chain":
        return EngineChain([Link("whisper", lambda: whisper), Link("moonshine", lambda: moonshine)])
    engine: Engine = request.getfixturevalue(request.param)
    return engine


async def test_real_engines_stop_for_a_voice_final_and_say_all_the_same(
    engine: Engine, speech: NDArray[np.int16]
) -> None:
    lane, request = Lane(), Request("en")
    passage = speech[:128_000].astype(np.float32) / np.float32(32768)
    alone = [engine.transcribe(samples, request).text for samples in (passage, passage[:48_000])]
    assert "age of wisdom" in alone[0]
    for _ in range(20):  # the ambient segment may be done before anyone can stop it
        stopped = lane.counts.requeued
        tasks = [
            asyncio.create_task(lane.transcribe(engine, passage, request, priority=Priority.AMBIENT_FINAL))
        ]
        await asyncio.sleep(0.03)
        partial = asyncio.create_task(
            lane.transcribe(engine, passage, request, priority=Priority.VOICE_PARTIAL, key="a")
        )
        tasks.append(asyncio.create_task(lane.transcribe(engine, passage[:48_000], request, key="a")))
        assert [result.text for result in await asyncio.gather(*tasks)] == alone
        with pytest.raises(SupersededError):
            await partial
        if lane.counts.requeued > stopped:
            break
    assert lane.counts.requeued
    await lane.close()
