"""Several segments in one call: who goes together, and what becomes of them if it does not end well."""

import asyncio

import pytest

from tests.engines.step_engine import BatchStepEngine, segment, until
from wallflower.engines.base import BatchEngine, Engine, EngineError, Request, Transcription
from wallflower.engines.lane import Lane, Priority
from wallflower.engines.moonshine import MoonshineEngine

_EN, _DE = Request("en"), Request("de")


class Bench:
    """A lane that is busy with other work, and an engine for it."""

    def __init__(self, *spoilt: int) -> None:
        self.engine, self.lane = BatchStepEngine(*spoilt), Lane()
        self.tasks: list[asyncio.Task[Transcription]] = []

    def ask(
        self,
        number: int,
        priority: Priority = Priority.AMBIENT_FINAL,
        key: object = None,
        *,
        request: Request = _EN,
        engine: Engine | None = None,
    ) -> "asyncio.Task[Transcription]":
        asked = self.lane.transcribe(
            engine or self.engine, segment(number), request, priority=priority, key=key
        )
        self.tasks.append(asyncio.create_task(asked))
        return self.tasks[-1]

    async def done(self) -> list[str]:
        """The texts of all, once the engine is let go."""
        self.engine.open()
        texts = [(await task).text for task in self.tasks]
        await self.lane.close()
        return texts


async def _busy(*spoilt: int) -> Bench:
    bench = Bench(*spoilt)
    bench.ask(1, Priority.VOICE_FINAL)
    await until(lambda: bench.engine.begun)
    return bench


def test_who_is_a_batch_engine(moonshine: MoonshineEngine) -> None:
    assert isinstance(BatchStepEngine(), BatchEngine)
    assert not isinstance(object(), BatchEngine)
    assert isinstance(moonshine, BatchEngine) == hasattr(moonshine, "transcribe_batch")


@pytest.mark.parametrize("priority", [Priority.AMBIENT_FINAL, Priority.BATCH])
async def test_waiting_segments_go_together(priority: Priority) -> None:
    bench = await _busy()
    numbers = list(range(10, 21))
    for number in numbers:
        bench.ask(number, priority, number % 3)
    assert await bench.done() == ["1", *map(str, numbers)]
    assert list(map(len, bench.engine.calls)) == [1, 8, 3]
    assert bench.lane.counts.jobs[priority] == 11
    assert sum(times.worked for times in bench.lane.counts.recent) == pytest.approx(bench.lane.counts.worked)


async def test_other_requests_engines_classes_and_work_go_alone() -> None:
    bench = await _busy()
    other = BatchStepEngine()
    other.open()
    bench.ask(10)
    bench.ask(11, request=_DE)
    bench.ask(12, engine=other)
    piece = asyncio.create_task(bench.lane.run(lambda: None, priority=Priority.AMBIENT_FINAL))
    bench.ask(13, Priority.BATCH)
    bench.ask(14)
    assert await bench.done() == ["1", "10", "11", "12", "13", "14"]
    await piece
    assert bench.engine.calls == [[1], [10, 14], [11], [13]]
    assert other.calls == [[12]]


async def test_voice_finals_go_together_only_within_a_session() -> None:
    bench = await _busy()
    for number, key in ((10, "a"), (11, "b"), (12, "a"), (13, None), (14, None)):
        bench.ask(number, Priority.VOICE_FINAL, key)
    assert await bench.done() == ["1", "10", "11", "12", "13", "14"]
    assert bench.engine.calls == [[1], [10, 12], [11], [13], [14]]


async def test_partials_go_alone() -> None:
    bench = await _busy()
    for number in (10, 11):
        bench.ask(number, Priority.VOICE_PARTIAL, number)
    await bench.done()
    assert bench.engine.calls == [[1], [10], [11]]


async def test_voice_final_stops_a_batch_which_goes_on_in_its_order() -> None:
    bench = await _busy()
    for number, key in ((10, "a"), (11, "b"), (12, "a")):
        bench.ask(number, key=key)
    await until(lambda: bench.lane.waiting == 3)
    bench.engine.finish()
    await until(lambda: len(bench.engine.calls) == 2)
    bench.ask(2, Priority.VOICE_FINAL)
    assert await bench.done() == ["1", "10", "11", "12", "2"]
    assert bench.engine.calls == [[1], [10, 11, 12], [2], [10, 11, 12]]
    assert bench.lane.counts.requeued == 3


async def test_one_bad_segment_fails_alone() -> None:
    bench = await _busy(11)
    bench.ask(10)
    bad = bench.ask(11)
    bench.ask(12)
    bench.tasks.remove(bad)
    assert await bench.done() == ["1", "10", "12"]
    with pytest.raises(EngineError, match="spoilt"):
        await bad
    assert bench.engine.calls == [[1], [10, 11, 12], [10], [11], [12]]


async def test_too_few_answers_are_asked_for_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = await _busy()
    whole = bench.engine.transcribe_batch
    monkeypatch.setattr(bench.engine, "transcribe_batch", lambda parts, request: whole(parts, request)[:1])
    bench.ask(10)
    bench.ask(11)
    assert await bench.done() == ["1", "10", "11"]


async def test_a_batch_goes_on_while_somebody_waits_for_a_part_of_it() -> None:
    bench = await _busy()
    gone = [bench.ask(10), bench.ask(11)]
    bench.ask(12)
    await until(lambda: bench.lane.waiting == 3)
    bench.engine.finish()
    await until(lambda: len(bench.engine.calls) == 2)
    for task in gone:
        task.cancel()
        bench.tasks.remove(task)
    await asyncio.sleep(0)
    assert bench.engine.aborts == 0
    assert await bench.done() == ["1", "12"]
