"""The lane: the one worker of an accelerator, and the queue in front of it.

All decisions are made on the event loop, where jobs are handed to the worker one by one. So an abort, which
is called there too, can only hit the job that it was meant for: the next one begins after the loop has seen
the end of this one. There is no other lock around inference.
"""

import asyncio
import functools
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from wallflower.engines.base import Engine, EngineAbortedError, EngineError, Request, Transcription
from wallflower.engines.lane_counts import JobTimes, LaneCounts, Load
from wallflower.engines.lane_jobs import Job, LaneFullError, Priority, Run, Speech, SupersededError
from wallflower.engines.lane_queue import REQUEUES, LaneQueue

__all__ = ["Lane", "LaneCounts", "LaneFullError", "Priority", "SupersededError"]

QUEUE_LIMIT = 64
"""Jobs that may wait in a lane. Finals go beyond it: their submitters wait for them, and bound them."""

_ABORT_AGAIN_SECONDS = 0.02
"""An abort that comes before the engine has begun is overlooked: it is said again until the job ends."""

T = TypeVar("T")


class Lane:
    """Runs the jobs of all sessions, one at a time, the most urgent first. For one event loop.

    A waiting voice final aborts a job of lower priority: a partial is dropped, another segment put back at
    the head of its class. Within a class the keys (sessions) take turns, each first come first served.
    """

    def __init__(self, *, queue_limit: int = QUEUE_LIMIT) -> None:
        """queue_limit: from so many waiting jobs on partials are dropped; batch work may fill half of it."""
        self.counts = LaneCounts()
        self._limit = queue_limit
        self._queue = LaneQueue()
        self._load = Load()
        self._running: Run | None = None
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="lane")
        self._closed = False

    @property
    def waiting(self) -> int:
        """Jobs in the queue."""
        return len(self._queue)

    @property
    def load(self) -> float:
        """The share of the last seconds in which the worker was busy, 0 to 1."""
        return self._load.busy

    @property
    def partial_share(self) -> float:
        """The share of the last seconds that went into partials, 0 to 1."""
        return self._load.partials

    async def transcribe(
        self,
        engine: Engine,
        samples: NDArray[np.float32],
        request: Request,
        *,
        priority: Priority = Priority.VOICE_FINAL,
        key: object = None,
    ) -> Transcription:
        """Decode one segment of mono float32 samples at 16 kHz when its turn comes.

        key: whose segment it is. A newer partial of the key takes the place of the one that waits; a final
        ends it, waiting or running. Cancelling takes the segment out of the queue, or stops its decoding.
        Raises SupersededError for a partial, LaneFullError for batch work, EngineError.
        """
        work = functools.partial(engine.transcribe, samples, request)
        result: Transcription = await self._do(work, priority, key, Speech(engine, samples, request))
        return result

    async def run(self, work: Callable[[], T], *, priority: Priority, key: object = None) -> T:
        """Do a piece of other work, of 100 ms at most, when its turn comes: once begun it is not stopped.

        Raises what `work` raises, SupersededError for a partial, LaneFullError for batch work, and
        EngineError when the lane is closed.
        """
        result: T = await self._do(work, priority, key, None)
        return result

    async def close(self) -> None:
        """Abort the job under way, drop those that wait, and end the worker."""
        self._closed = True
        for job in self._queue.clear():
            job.answer.set_exception(EngineError("the lane is closed"))
        try:
            if (run := self._running) is not None and run.outcome is not None:
                if run.may_be_stopped:
                    self._stop(run)
                await asyncio.wait({run.outcome})
        finally:
            self._worker.shutdown(wait=self._running is None)

    async def _do(
        self, work: Callable[[], Any], priority: Priority, key: object, speech: Speech | None
    ) -> Any:
        job = Job(work, priority, key, asyncio.get_running_loop().create_future(), speech)
        self._enqueue(job)
        self._make_way(job)
        self._next()
        try:
            return await job.answer
        except asyncio.CancelledError:
            self._withdraw(job)
            raise

    def _enqueue(self, job: Job) -> None:
        """Give the job its place, or raise why there is none."""
        if self._closed:
            raise EngineError("the lane is closed")
        if job.priority is Priority.BATCH:
            if self._queue.count(Priority.BATCH) >= max(1, self._limit // 2) or self.waiting >= self._limit:
                self.counts.refused += 1
                raise LaneFullError(f"{self.waiting} jobs are waiting for the speech engine; try again later")
        elif job.speech is not None and job.key is not None:
            older = self._queue.partial_of(job.key)
            if older is not None:
                self._supersede(older)
                if older.priority is job.priority:
                    self._queue.replace(older, job)
                    return
                self._queue.remove(older)
        if self.waiting >= self._limit:
            self._make_room(job)
        self._queue.append(job)

    def _make_room(self, job: Job) -> None:
        """Drop a partial that is less urgent than the job, or the job itself if it is a partial."""
        victim = self._queue.least_urgent_partial()
        if victim is not None and victim.priority > job.priority:
            self._queue.remove(victim)
            self._drop(victim)
        elif job.priority.is_partial:
            self.counts.dropped += 1
            raise SupersededError("the queue is full")

    def _make_way(self, job: Job) -> None:
        """Stop what runs if the job that has come to wait takes its place."""
        run = self._running
        if run is None or not run.may_be_stopped:
            return
        (first, *_) = run.jobs
        if first.priority.is_partial:
            if job.speech is not None and job.priority.is_final and first.key == job.key is not None:
                self._supersede(first)
                self._stop(run)
            elif job.priority is Priority.VOICE_FINAL:
                self._drop(first)
                self._stop(run)
        elif job.priority is Priority.VOICE_FINAL < run.priority and run.most_requeues < REQUEUES:
            run.preempted = True
            self._stop(run)

    def _supersede(self, partial: Job) -> None:
        self.counts.superseded += 1
        partial.fail(SupersededError("newer sound took its place"))

    def _drop(self, partial: Job) -> None:
        self.counts.dropped += 1
        partial.fail(SupersededError("something more urgent took its place"))

    def _withdraw(self, job: Job) -> None:
        """Nobody waits for the job any more."""
        run = self._running
        if self._queue.remove(job) or run is None or job not in run.jobs:
            return
        if run.may_be_stopped and all(each.answer.done() for each in run.jobs):
            self._stop(run)

    def _stop(self, run: Run) -> None:
        """Abort the run, again and again until it has ended."""
        speech = run.jobs[0].speech
        if self._running is not run or speech is None:
            return
        run.stopping = True
        speech.engine.abort()
        asyncio.get_running_loop().call_later(_ABORT_AGAIN_SECONDS, self._stop, run)

    def _next(self) -> None:
        if self._running is not None or self._closed or not (jobs := self._queue.take()):
            return
        run = Run(jobs, time.monotonic())
        for job in jobs:
            job.waited += run.begun - job.since
            self.counts.waited += run.begun - job.since
        self._load.begin(run.priority)
        self._running = run
        run.outcome = asyncio.get_running_loop().run_in_executor(self._worker, run.work)
        run.outcome.add_done_callback(functools.partial(self._ended, run))

    def _ended(self, run: Run, outcome: "asyncio.Future[Sequence[Any]]") -> None:
        """The worker is free: answer those who wait, or put back what was stopped, and go on."""
        self._running = None
        self._load.end()
        worked = time.monotonic() - run.begun
        self.counts.worked += worked
        for job in run.jobs:
            job.worked += worked / len(run.jobs)
        error = outcome.exception()
        aborted = isinstance(error, EngineAbortedError)
        if aborted and run.preempted and not self._closed:
            again = self._put_back(run.jobs)
            self.counts.requeued += len(again)
            for job in again:
                job.requeues += 1
        elif error is not None and not aborted and len(run.jobs) > 1 and not self._closed:
            for job in self._put_back(run.jobs):  # one bad segment is no reason to fail the others
                job.alone = True
        else:
            results = outcome.result() if error is None else [None] * len(run.jobs)
            for job, result in zip(run.jobs, results, strict=True):
                if not aborted:
                    self.counts.jobs[job.priority] += 1
                    self.counts.recent.append(JobTimes(job.priority, job.waited, job.worked, job.sound))
                if error is not None:
                    job.fail(error)
                elif not job.answer.done():
                    job.answer.set_result(result)
        self._next()

    def _put_back(self, jobs: Sequence[Job]) -> list[Job]:
        """Those of the jobs that somebody waits for, in the queue again."""
        again = [job for job in jobs if not job.answer.done()]
        for job in again:
            job.since = time.monotonic()
        self._queue.put_back(again)
        return again
