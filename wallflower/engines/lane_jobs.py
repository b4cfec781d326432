"""What a lane is asked to do, and how it says that it will not."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wallflower.audio.pcm import SAMPLE_RATE
from wallflower.engines.base import BatchEngine, Engine, EngineAbortedError, EngineError, Request


class SupersededError(EngineError):
    """A partial was not decoded, because a newer one, the final or something more urgent took its place."""


class LaneFullError(EngineError):
    """Batch work was refused, because too much is waiting already."""


class Priority(IntEnum):
    """How urgent a job is; the lowest number goes first. Voice: somebody waits for an answer."""

    VOICE_FINAL = 0
    VOICE_PARTIAL = 1
    AMBIENT_FINAL = 2
    AMBIENT_PARTIAL = 3
    BATCH = 4

    @property
    def is_partial(self) -> bool:
        """Whether the words are a first idea of a segment that still grows."""
        return self in {Priority.VOICE_PARTIAL, Priority.AMBIENT_PARTIAL}

    @property
    def is_final(self) -> bool:
        """Whether the words are the last ones of a segment just heard."""
        return self in {Priority.VOICE_FINAL, Priority.AMBIENT_FINAL}


@dataclass(frozen=True, slots=True, eq=False)
class Speech:
    """A segment to be decoded. samples: mono float32 at 16 kHz."""

    engine: Engine
    samples: NDArray[np.float32]
    request: Request


@dataclass(slots=True, eq=False)
class Job:
    """One job of a lane. speech: None for other work. since: when it last began to wait.

    waited, worked: seconds so far. requeues: how often it was stopped and put back. alone: never in a batch.
    """

    work: Callable[[], Any]
    priority: Priority
    key: object
    answer: "asyncio.Future[Any]"
    speech: Speech | None = None
    since: float = field(default_factory=time.monotonic)
    waited: float = 0.0
    worked: float = 0.0
    requeues: int = 0
    alone: bool = False

    @property
    def sound(self) -> float:
        """Seconds of sound to be decoded; 0 for other work."""
        return len(self.speech.samples) / SAMPLE_RATE if self.speech else 0.0

    def fail(self, error: BaseException) -> None:
        """Answer with an error, if nobody has answered yet."""
        if not self.answer.done():
            self.answer.set_exception(error)


@dataclass(slots=True, eq=False)
class Run:
    """What the worker has in hand: one job, or several that the engine decodes in one call.

    stopping: it is to be aborted. preempted: and what is no partial is to be put back then.
    """

    jobs: list[Job]
    begun: float
    stopping: bool = False
    preempted: bool = False
    outcome: "asyncio.Future[Sequence[Any]] | None" = None

    @property
    def priority(self) -> Priority:
        """That of all its jobs."""
        return self.jobs[0].priority

    @property
    def most_requeues(self) -> int:
        """How often the job was put back that was so most often."""
        return max(job.requeues for job in self.jobs)

    @property
    def may_be_stopped(self) -> bool:
        """Other work than speech is in pieces so short that it is not."""
        return self.jobs[0].speech is not None and not self.stopping

    def work(self) -> Sequence[Any]:
        """Do it; called by the worker."""
        if self.stopping:
            raise EngineAbortedError("the decoding was stopped before it began")
        first, *others = self.jobs
        if not others:
            return [first.work()]
        speech = [job.speech for job in self.jobs if job.speech is not None]
        engine = speech[0].engine
        assert isinstance(engine, BatchEngine)
        results = engine.transcribe_batch([each.samples for each in speech], speech[0].request)
        if len(results) != len(self.jobs):
            raise EngineError(f"the engine gave {len(results)} answers to {len(self.jobs)} segments")
        return results
