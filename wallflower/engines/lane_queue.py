"""What waits in a lane: a class for each priority, and in it a line for each key, served in turn."""

import itertools
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator

from wallflower.engines.base import BatchEngine
from wallflower.engines.lane_jobs import Job, Priority

BATCH_SIZE = 8
"""Segments that a batch engine gets in one call, at most."""

REQUEUES = 3
"""A job that was stopped and put back this often is not stopped again."""


class LaneQueue:
    """The jobs that wait. It has no bound of its own: the lane asks for its length."""

    def __init__(self) -> None:
        self._classes = {priority: OrderedDict[object, deque[Job]]() for priority in Priority}

    def __len__(self) -> int:
        return sum(map(self.count, Priority))

    def count(self, priority: Priority) -> int:
        """The jobs of one class."""
        return sum(len(line) for line in self._classes[priority].values())

    def append(self, job: Job) -> None:
        """Put a job at the end of its key's line."""
        self._classes[job.priority].setdefault(job.key, deque()).append(job)

    def put_back(self, jobs: Iterable[Job]) -> None:
        """Put jobs at the head of their class, in their order."""
        for job in reversed(list(jobs)):
            lines = self._classes[job.priority]
            lines.setdefault(job.key, deque()).appendleft(job)
            lines.move_to_end(job.key, last=False)

    def replace(self, older: Job, newer: Job) -> None:
        """Give `newer` the place of `older`, which has its key and priority."""
        line = self._classes[older.priority][older.key]
        line[line.index(older)] = newer

    def remove(self, job: Job) -> bool:
        """Take a job out; False when it does not wait here."""
        lines = self._classes[job.priority]
        line = lines.get(job.key, ())
        if job not in line:
            return False
        lines[job.key].remove(job)
        if not line:
            del lines[job.key]
        return True

    def partial_of(self, key: object) -> Job | None:
        """The partial segment of this key that waits."""
        for priority in (Priority.VOICE_PARTIAL, Priority.AMBIENT_PARTIAL):
            for job in self._classes[priority].get(key, ()):
                if job.speech is not None:
                    return job
        return None

    def least_urgent_partial(self) -> Job | None:
        """The partial whose turn would come last."""
        for priority in (Priority.AMBIENT_PARTIAL, Priority.VOICE_PARTIAL):
            if waiting := list(_in_turn(self._classes[priority])):
                return waiting[-1]
        return None

    def take(self) -> list[Job]:
        """The next job, with those that its engine can decode in the same call; none when none waits."""
        for lines in self._classes.values():
            first = next(_in_turn(lines), None)
            if first is not None:
                mates = [job for job in _in_turn(lines) if job is not first and _share(first, job)]
                jobs = [first, *mates[: BATCH_SIZE - 1]]
                for job in jobs:
                    self.remove(job)
                if first.key in lines:
                    lines.move_to_end(first.key)
                return jobs
        return []

    def clear(self) -> list[Job]:
        """Take out all jobs, in their order."""
        jobs = [job for lines in self._classes.values() for job in _in_turn(lines)]
        for lines in self._classes.values():
            lines.clear()
        return jobs


def _in_turn(lines: OrderedDict[object, deque[Job]]) -> Iterator[Job]:
    """The jobs of a class as they will be served: the first of each line, then the second of each."""
    for heads in itertools.zip_longest(*lines.values()):
        yield from (job for job in heads if job is not None)


def _share(first: Job, other: Job) -> bool:
    """Whether two jobs of a class may go to the engine in one call, at nobody's cost.

    The answers of a batch come together. For a voice command that is no loss only among its own segments.
    """
    if first.speech is None or other.speech is None or first.priority.is_partial:
        return False
    if first.priority is Priority.VOICE_FINAL and (first.key is None or first.key != other.key):
        return False
    return (
        first.speech.engine is other.speech.engine
        and first.speech.request == other.speech.request
        and isinstance(first.speech.engine, BatchEngine)
        and first.speech.engine.takes_batches
        and not any(job.alone or job.requeues >= REQUEUES for job in (first, other))
    )
