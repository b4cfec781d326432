"""The lane's order, bound and end, with an engine whose pace the test sets."""

import asyncio
import random
import threading

import pytest

from tests.engines.step_engine import StepEngine, segment, until
from wallflower.engines.base import EngineAbortedError, EngineError, Request, Transcription
from wallflower.engines.lane import Lane, LaneFullError, Priority, SupersededError


class Bench:
    """A lane, and the one engine that it is asked for."""

    def __init__(self, *, queue_limit: int = 64) -> None:
        self.engine = StepEngine()
        self.lane = Lane(queue_limit=queue_limit)

    def ask(
        self, number: int, priority: Priority = Priority.VOICE_FINAL, key: object = None
    ) -> "asyncio.Task[Transcription]":
        return asyncio.create_task(
            self.lane.transcribe(self.engine, segment(number), Request(), priority=priority, key=key)
        )

    async def keep_busy(self, priority: Priority = Priority.VOICE_FINAL) -> "asyncio.Task[Transcription]":
        task = self.ask(1, priority)
        await until(lambda: self.engine.begun)
        return task


async def _settle(bench: Bench, waiting: int) -> None:
    await until(lambda: bench.lane.waiting == waiting)


async def test_first_come_first_served_one_at_a_time() -> None:
    bench = Bench()
    bench.engine.open()
    results = await asyncio.gather(*(bench.ask(n) for n in range(20)))
    assert [result.text for result in results] == [str(n) for n in range(20)]
    assert bench.engine.begun == list(range(20))
    counts = bench.lane.counts
    assert counts.jobs == {Priority.VOICE_FINAL: 20}
    assert counts.waited > 0
    assert counts.worked > 0
    assert len(counts.recent) == 20
    assert sum(times.worked for times in counts.recent) == pytest.approx(counts.worked)
    assert sum(times.waited for times in counts.recent) == pytest.approx(counts.waited)
    await bench.lane.close()


async def test_the_most_urgent_first() -> None:
    bench = Bench()
    first = await bench.keep_busy()
    order = list(Priority)
    random.Random(0).shuffle(order)
    tasks = [bench.ask(10 + priority, priority, key=priority) for priority in order]
    await _settle(bench, len(order))
    bench.engine.open()
    await asyncio.gather(first, *tasks)
    assert bench.engine.begun == [1, 10, 11, 12, 13, 14]
    await bench.lane.close()


async def test_sessions_take_turns() -> None:
    bench = Bench()
    tasks = [await bench.keep_busy()]
    tasks += [bench.ask(10 + n, Priority.AMBIENT_FINAL, "flood") for n in range(4)]
    tasks += [bench.ask(20 + n, Priority.AMBIENT_FINAL, key) for n, key in enumerate("ab")]
    await _settle(bench, 6)
    bench.engine.open()
    await asyncio.gather(*tasks)
    assert bench.engine.begun == [1, 10, 20, 21, 11, 12, 13]
    await bench.lane.close()


async def test_other_work_waits_its_turn_and_its_errors_are_handed_on() -> None:
    bench = Bench()
    first = await bench.keep_busy()
    piece = asyncio.create_task(
        bench.lane.run(lambda: list(bench.engine.done), priority=Priority.AMBIENT_FINAL)
    )
    bad = asyncio.create_task(bench.lane.run(lambda: int("none"), priority=Priority.BATCH))
    await _settle(bench, 2)
    last = bench.ask(2)
    bench.engine.open()
    assert await piece == [1, 2]
    with pytest.raises(ValueError):
        await bad
    await asyncio.gather(first, last)
    await bench.lane.close()


async def test_newer_partial_takes_the_place_of_the_waiting_one() -> None:
    bench = Bench()
    first = await bench.keep_busy()
    stale = bench.ask(2, Priority.VOICE_PARTIAL, "a")
    other = bench.ask(3, Priority.VOICE_PARTIAL, "b")
    nobodys = [bench.ask(n, Priority.VOICE_PARTIAL) for n in (5, 6)]
    await _settle(bench, 4)
    newer = bench.ask(4, Priority.VOICE_PARTIAL, "a")
    with pytest.raises(SupersededError):
        await stale
    bench.engine.open()
    await asyncio.gather(first, other, newer, *nobodys)
    assert bench.engine.begun == [1, 4, 3, 5, 6]  # the session keeps its turn
    assert bench.lane.counts.superseded == 1
    await bench.lane.close()


async def test_partial_that_became_urgent_goes_with_the_urgent() -> None:
    bench = Bench()
    first = await bench.keep_busy()
    stale = bench.ask(2, Priority.AMBIENT_PARTIAL, "a")
    ambient = bench.ask(3, Priority.AMBIENT_FINAL, "b")
    newer = bench.ask(4, Priority.VOICE_PARTIAL, "a")
    with pytest.raises(SupersededError):
        await stale
    bench.engine.open()
    await asyncio.gather(first, ambient, newer)
    assert bench.engine.begun == [1, 4, 3]
    await bench.lane.close()


@pytest.mark.parametrize("priority", [Priority.VOICE_FINAL, Priority.AMBIENT_FINAL])
async def test_final_ends_its_waiting_partial_and_no_other(priority: Priority) -> None:
    bench = Bench()
    first = await bench.keep_busy()
    mine = bench.ask(2, Priority.AMBIENT_PARTIAL, "a")
    other = bench.ask(3, Priority.AMBIENT_PARTIAL, "b")
    await _settle(bench, 2)
    piece = asyncio.create_task(bench.lane.run(lambda: None, priority=priority, key="b"))
    final = bench.ask(4, priority, "a")
    with pytest.raises(SupersededError):
        await mine
    bench.engine.open()
    await asyncio.gather(first, other, final, piece)
    assert bench.engine.begun == [1, 4, 3]
    await bench.lane.close()


async def test_full_lane_refuses_batch_and_drops_partials_but_no_final() -> None:
    bench = Bench(queue_limit=4)
    tasks = [await bench.keep_busy()]
    tasks += [bench.ask(n, Priority.BATCH) for n in (10, 11)]
    await _settle(bench, 2)
    with pytest.raises(LaneFullError, match="2 jobs are waiting"):  # the other half is not for batch work
        await bench.ask(12, Priority.BATCH)
    voice = bench.ask(20, Priority.VOICE_PARTIAL, "a")
    ambient = bench.ask(30, Priority.AMBIENT_PARTIAL, "b")
    await _settle(bench, 4)
    with pytest.raises(SupersededError):
        await bench.ask(31, Priority.AMBIENT_PARTIAL, "c")
    tasks.append(bench.ask(21, Priority.VOICE_PARTIAL, "d"))
    with pytest.raises(SupersededError):
        await ambient
    tasks.append(bench.ask(40, Priority.AMBIENT_FINAL, "e"))  # a voice partial is more urgent: it stays
    tasks.append(bench.ask(41, Priority.AMBIENT_FINAL, "e"))
    await _settle(bench, 6)
    tasks.append(bench.ask(42, Priority.VOICE_FINAL, "f"))
    dropped = tasks.pop(3)
    with pytest.raises(SupersededError):
        await dropped
    with pytest.raises(SupersededError):
        await bench.ask(22, Priority.VOICE_PARTIAL, "g")
    assert (bench.lane.counts.dropped, bench.lane.counts.refused) == (4, 1)
    bench.engine.open()
    await asyncio.gather(voice, *tasks)
    assert bench.engine.begun == [1, 42, 20, 40, 41, 10, 11]
    await bench.lane.close()


async def test_cancelled_segment_leaves_the_queue() -> None:
    bench = Bench()
    first = await bench.keep_busy()
    second, third = bench.ask(2), bench.ask(3)
    await _settle(bench, 2)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    bench.engine.open()
    assert (await first).text == "1"
    assert (await third).text == "3"
    assert bench.engine.begun == [1, 3]
    assert bench.engine.aborts == 0
    await bench.lane.close()


async def test_close_aborts_the_running_and_drops_the_waiting() -> None:
    bench = Bench()
    held, go_on = threading.Event(), threading.Event()

    def hold(_number: int) -> None:
        held.set()
        assert go_on.wait(10)

    bench.engine.before_clear = hold
    running = bench.ask(1, Priority.AMBIENT_FINAL)
    await until(held.is_set)
    waiting = bench.ask(2, Priority.AMBIENT_FINAL)
    urgent = bench.ask(3)  # stops the first, which shall not be put back any more
    await _settle(bench, 2)
    closing = asyncio.gather(bench.lane.close(), bench.lane.close())
    for task in (waiting, urgent):
        with pytest.raises(EngineError, match="the lane is closed"):
            await task
    go_on.set()
    await closing
    with pytest.raises(EngineAbortedError):
        await running
    assert bench.engine.begun == [1]
    with pytest.raises(EngineError, match="the lane is closed"):
        await bench.ask(4)


async def test_close_waits_for_other_work_and_may_be_cancelled() -> None:
    bench = Bench()
    gate = asyncio.Event()
    loop = asyncio.get_running_loop()
    piece = asyncio.create_task(
        bench.lane.run(
            lambda: asyncio.run_coroutine_threadsafe(gate.wait(), loop).result(), priority=Priority.BATCH
        )
    )
    await until(lambda: bench.lane.load > 0)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(bench.lane.close(), 0.01)
    gate.set()
    await bench.lane.close()
    assert await piece
