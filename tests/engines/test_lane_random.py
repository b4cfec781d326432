"""Random schedules: no job is lost, none is done twice, all get an answer, and the most urgent goes first."""

import asyncio
from dataclasses import dataclass, field

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.engines.step_engine import BatchStepEngine, StepEngine, segment, until
from wallflower.engines.base import EngineError, Request, Transcription
from wallflower.engines.lane import Lane, LaneFullError, Priority, SupersededError
from wallflower.engines.lane_queue import REQUEUES

_LIMIT = 6


@dataclass(frozen=True)
class Ask:
    """A new segment of a session."""

    priority: Priority
    key: int | None


@dataclass(frozen=True)
class Cancel:
    """One of those that are not answered loses interest."""

    which: int


@dataclass(frozen=True)
class Finish:
    """The engine ends the segment that it has in hand."""


@dataclass(frozen=True)
class Pass:
    """A moment passes, short enough that abort and end may cross."""

    seconds: float


_OPERATIONS = st.lists(
    st.one_of(
        st.builds(Ask, st.sampled_from(Priority), st.sampled_from([None, 1, 2, 3])),
        st.builds(Ask, st.sampled_from(Priority), st.sampled_from([None, 1, 2, 3])),
        st.builds(Cancel, st.integers(0, 100)),
        st.just(Finish()),
        st.builds(Pass, st.sampled_from([0.0, 0.0005, 0.001])),
    ),
    max_size=40,
)


@dataclass
class Schedule:
    """The lane under test, and what was asked of it. settled: after each step the engine is waited for."""

    engine: StepEngine
    settled: bool
    lane: Lane = field(default_factory=lambda: Lane(queue_limit=_LIMIT))
    asked: dict[int, Ask] = field(default_factory=dict)
    tasks: "dict[int, asyncio.Task[Transcription]]" = field(default_factory=dict)
    cancelled: set[int] = field(default_factory=set)

    async def run(self, operations: list[Ask | Cancel | Finish | Pass]) -> None:
        for operation in operations:
            begun = len(self.engine.begun)
            await self._do(operation)
            if self.settled:
                await self._settle()
                self._check_order(begun)
        self.engine.open()
        async with asyncio.timeout(20):
            results = await asyncio.gather(*self.tasks.values(), return_exceptions=True)
        await self.lane.close()
        for number, result in zip(self.tasks, results, strict=True):
            self._check_answer(number, result)
        assert len(self.engine.done) == len(set(self.engine.done))
        assert self.lane.waiting == 0
        assert all(self.engine.stopped.count(n) <= REQUEUES + 1 for n in self.asked)

    async def _do(self, operation: Ask | Cancel | Finish | Pass) -> None:
        match operation:
            case Ask(priority, key):
                number = len(self.asked)
                self.asked[number] = operation
                self.tasks[number] = asyncio.create_task(
                    self.lane.transcribe(self.engine, segment(number), Request(), priority=priority, key=key)
                )
            case Cancel(which):
                if waiting := self._waiting():
                    number = waiting[which % len(waiting)]
                    self.tasks[number].cancel()
                    self.cancelled.add(number)
            case Finish():
                if self.engine.at_work:
                    self.engine.finish()
            case Pass(seconds):
                await asyncio.sleep(seconds)

    def _waiting(self) -> list[int]:
        return [number for number, task in self.tasks.items() if not task.done()]

    async def _settle(self) -> None:
        """Until the engine holds a segment that nobody wants to stop, or there is none."""

        def settled() -> bool:
            run = self.lane._running
            if run is None:
                return not self._waiting()
            unanswered = [job for job in run.jobs if not job.answer.done()]
            return (
                self.engine.holds == [len(job.speech.samples) for job in run.jobs if job.speech]
                and not run.stopping
                and len(self._waiting()) == self.lane.waiting + len(unanswered)
            )

        await asyncio.sleep(0)
        await until(settled)

    def _check_order(self, begun: int) -> None:
        if len(self.engine.begun) > begun and self._waiting():
            now = self.asked[self.engine.begun[-1]].priority
            assert now == min(self.asked[number].priority for number in self._waiting())

    def _check_answer(self, number: int, result: Transcription | BaseException) -> None:
        ask = self.asked[number]
        if number in self.cancelled:
            assert isinstance(result, asyncio.CancelledError | Transcription | EngineError)
        elif isinstance(result, Transcription):
            assert result.text == str(number)
            assert number in self.engine.done
        elif isinstance(result, SupersededError):
            assert ask.priority.is_partial
        else:
            assert isinstance(result, LaneFullError)
            assert ask.priority is Priority.BATCH


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_OPERATIONS, st.booleans())
def test_step_by_step(operations: list[Ask | Cancel | Finish | Pass], batches: bool) -> None:
    engine = BatchStepEngine() if batches else StepEngine()
    asyncio.run(Schedule(engine, settled=True).run(operations))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_OPERATIONS, st.booleans())
def test_in_a_hurry(operations: list[Ask | Cancel | Finish | Pass], batches: bool) -> None:
    """What comes while the engine stops or ends crosses it, in an order that no test can set."""
    engine = BatchStepEngine() if batches else StepEngine()
    asyncio.run(Schedule(engine, settled=False).run(operations))
