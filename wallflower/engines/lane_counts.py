"""What a lane has done, and how busy it is."""

import math
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from wallflower.engines.lane_jobs import Priority

_WINDOW_SECONDS = 5.0
_RECENT = 256


@dataclass(frozen=True, slots=True)
class JobTimes:
    """What one job took: seconds in the queue, and in the worker. sound: the length of what was decoded."""

    priority: Priority
    waited: float
    worked: float
    sound: float = 0.0


@dataclass(slots=True)
class LaneCounts:
    """What a lane has done so far.

    jobs: those that were done, well or not. waited, worked: seconds, summed over all jobs, those that were
    stopped too. superseded: partials in whose place came a newer one or the final. dropped: partials that
    went for something more urgent, or because the queue was full. requeued: jobs stopped and put back.
    refused: batch work that found the queue full. recent: the last jobs that were done.
    """

    jobs: Counter[Priority] = field(default_factory=Counter)
    waited: float = 0.0
    worked: float = 0.0
    superseded: int = 0
    dropped: int = 0
    requeued: int = 0
    refused: int = 0
    recent: deque[JobTimes] = field(default_factory=lambda: deque(maxlen=_RECENT))


class Load:
    """The share of the last seconds that the worker was busy: a mean that forgets at an exponential rate."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._marked = clock()
        self._working: Priority | None = None
        self._busy = self._partial = 0.0

    def begin(self, priority: Priority) -> None:
        """The worker takes up a job."""
        self._mark()
        self._working = priority

    def end(self) -> None:
        """The worker is free."""
        self._mark()
        self._working = None

    @property
    def busy(self) -> float:
        """The share with any work, 0 to 1."""
        self._mark()
        return self._busy

    @property
    def partials(self) -> float:
        """The share with partials, 0 to 1."""
        self._mark()
        return self._partial

    def _mark(self) -> None:
        """Take the time since the last mark, in which the worker did one thing, into the means."""
        now = self._clock()
        keep = math.exp((self._marked - now) / _WINDOW_SECONDS)
        self._marked = now
        working = self._working is not None
        partial = self._working is not None and self._working.is_partial
        self._busy = keep * self._busy + (1 - keep) * working
        self._partial = keep * self._partial + (1 - keep) * partial
