"""A chain of engines: when one fails, the next takes over within the same request.

The chain is an engine itself, so a lane runs it like any other. An engine that cannot be loaded, or fails or
overruns its time three times in a row, is set aside and tried again later, at growing intervals.
"""

import math
import threading
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wallflower.audio.pcm import SAMPLE_RATE
from wallflower.engines.base import (
    BatchEngine,
    Engine,
    EngineAbortedError,
    EngineError,
    Request,
    Transcription,
)
from wallflower.engines.caller import ABORT_SECONDS, Caller, HungError
from wallflower.memory import remapping

FAILURES = 3
"""An engine that fails this often in a row is set aside."""

_FIRST_PAUSE_SECONDS = 30.0
_LONGEST_PAUSE_SECONDS = 3600.0


Work = Callable[[Engine], list[Transcription]]
"""What is asked of whichever engine can do it."""


@dataclass(frozen=True, slots=True)
class Link:
    """One engine of a chain: its name for people, and how it is loaded (raises EngineError)."""

    name: str
    load: Callable[[], Engine]


@dataclass(frozen=True, slots=True)
class Setback:
    """An engine was set aside. retry_after: seconds until it is tried again."""

    name: str
    reason: str
    retry_after: float


class _Member:
    """A link, and how it has been doing."""

    def __init__(self, link: Link, before: "_Member | None" = None) -> None:
        """before: this engine under another link; what is known of it stays known."""
        self.link = link
        self.engine: Engine | None = None
        self.languages: Collection[str] = ()  # kept: others ask while it is unloaded
        self.longest_seconds = 0.0
        self.failures = 0
        self.pause = _FIRST_PAUSE_SECONDS
        self.retry_at = -math.inf
        self.problem: str | None = None
        self.caller: Caller | None = None
        self.stuck: tuple[Engine, Future[list[Transcription]]] | None = None
        if before is not None:
            self.pause, self.retry_at = before.pause, before.retry_at
            self.problem, self.stuck = before.problem, before.stuck


class EngineChain:
    """Engines in order of preference; the first that works decodes. Only one thread at a time may call it.

    deadline: given a segment's seconds, the seconds its decoding may take before it is aborted. patience:
    seconds it is given then to end; after them its engine is left behind.
    on_setback: told when an engine is set aside; on_switch: told the name of the one in use when it changes;
    both are called by the thread that decodes.
    """

    def __init__(
        self,
        links: Sequence[Link],
        *,
        on_setback: Callable[[Setback], None] = lambda _setback: None,
        on_switch: Callable[[str], None] = lambda _name: None,
        deadline: Callable[[float], float] = lambda seconds: 20.0 + 5.0 * seconds,
        patience: float = ABORT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Load the first engine that can be. Raises EngineError when none can."""
        self._members = [_Member(link) for link in links]
        self._on_setback = on_setback
        self._on_switch = on_switch
        self._deadline = deadline
        self._patience = patience
        self._clock = clock
        self._aborted = threading.Event()
        self._running: Engine | None = None
        self._current = self._first_loaded()

    @property
    def name(self) -> str:
        """The name of the engine that decoded last, or would decode now."""
        return self._current.link.name

    @property
    def problems(self) -> dict[str, str]:
        """Why engines are set aside, by name."""
        return {m.link.name: m.problem for m in self._members if m.problem is not None}

    @property
    def languages(self) -> Collection[str]:
        """As Engine says, of the engine in use."""
        return self._current.languages

    @property
    def longest_seconds(self) -> float:
        """As Engine says, of the engine in use."""
        return self._current.longest_seconds

    def transcribe(self, samples: NDArray[np.float32], request: Request) -> Transcription:
        """As Engine says. Raises EngineError when no engine of the chain could decode the segment."""
        seconds = len(samples) / SAMPLE_RATE
        return self._decode(request, seconds, lambda engine: [engine.transcribe(samples, request)])[0]

    @property
    def takes_batches(self) -> bool:
        """Whether the engine in use gains by several segments at once."""
        return isinstance(self._current.engine, BatchEngine)

    def transcribe_batch(
        self, segments: Sequence[NDArray[np.float32]], request: Request
    ) -> list[Transcription]:
        """As BatchEngine says; an engine that knows no batches decodes them one by one."""
        seconds = sum(map(len, segments)) / SAMPLE_RATE

        def decode(engine: Engine) -> list[Transcription]:
            if isinstance(engine, BatchEngine):
                return engine.transcribe_batch(segments, request)
            return [engine.transcribe(samples, request) for samples in segments]

        return self._decode(request, seconds, decode)

    def _decode(self, request: Request, seconds: float, work: Work) -> list[Transcription]:
        """Have the first engine that can do the work. seconds: of sound."""
        self._aborted.clear()
        reasons = []
        for member in self._in_order():
            engine = self._loaded(member)
            self._check_abort()  # one that came while a model was loaded, or between two engines
            if engine is None:
                continue
            if request.language is not None and request.language not in engine.languages:
                reasons.append(f"{member.link.name} does not speak {request.language}")
                continue
            if request.languages and not set(request.languages) & set(engine.languages):
                reasons.append(f"{member.link.name} does not speak {', '.join(request.languages)}")
                continue
            try:
                result = self._timed(member, engine, seconds, work)
            except EngineError as error:
                if self._aborted.is_set() and isinstance(error, EngineAbortedError):
                    raise
                reasons.append(f"{member.link.name}: {error}")
                self._failed(member, error)
                self._check_abort()
            else:
                member.failures = 0
                self._use(member)
                return result
        raise EngineError(f"no engine could decode it: {'; '.join(reasons) or self._all_problems()}")

    def abort(self) -> None:
        """As Engine says."""
        self._aborted.set()
        if (running := self._running) is not None:
            running.abort()

    def unload(self) -> None:
        """As Engine says."""
        for member in self._members:
            _unload(member)

    def relink(self, links: Sequence[Link]) -> None:
        """Go on with these engines instead. To be called between two segments, by the thread that decodes.

        The old ones are unloaded first: a box need not hold both. Raises EngineError when none can be loaded;
        each segment then tries them anew.
        """
        self.unload()
        known = {member.link.name: member for member in self._members}
        self._members = [_Member(link, known.get(link.name)) for link in links]
        self._current = self._first_loaded()
        self._on_switch(self._current.link.name)

    def _check_abort(self) -> None:
        if self._aborted.is_set():
            raise EngineAbortedError("decoding was aborted")

    def _first_loaded(self) -> _Member:
        for member in self._in_order():
            if self._loaded(member) is not None:
                return member
        raise EngineError(f"no engine can be loaded: {self._all_problems()}")

    def _in_order(self) -> list[_Member]:
        """By preference, but for those that are set aside: they are the last resort."""
        now = self._clock()
        return sorted(self._members, key=lambda member: now < member.retry_at)

    def _all_problems(self) -> str:
        return "; ".join(f"{name}: {problem}" for name, problem in self.problems.items())

    def _loaded(self, member: _Member) -> Engine | None:
        """The member's engine, loaded if need be; None when it cannot be, or still hangs."""
        if not _freed(member):
            return None
        if member.engine is None:
            try:
                member.engine = member.link.load()
            except EngineError as error:
                self._set_aside(member, str(error))
                return None
            member.languages = member.engine.languages
            member.longest_seconds = member.engine.longest_seconds
        return member.engine

    def _timed(self, member: _Member, engine: Engine, seconds: float, work: Work) -> list[Transcription]:
        if member.caller is None:
            member.caller = Caller()
        self._running = engine
        try:
            return member.caller.call(
                lambda: work(engine),
                seconds=self._deadline(seconds),
                abort=engine.abort,
                aborted=self._aborted,
                patience=self._patience,
            )
        except HungError as error:  # neither its thread nor its memory can be had back
            member.caller.end()  # should it end after all
            member.stuck = (engine, error.call)
            member.engine = member.caller = None
            raise
        finally:
            self._running = None

    def _failed(self, member: _Member, error: EngineError) -> None:
        member.failures += 1
        if isinstance(error, HungError) or member.failures >= FAILURES or member.problem is not None:
            self._set_aside(member, str(error))

    def _set_aside(self, member: _Member, reason: str) -> None:
        _unload(member)
        member.failures = 0
        if member.problem is not None:
            member.pause = min(2 * member.pause, _LONGEST_PAUSE_SECONDS)
        first_time = member.problem != reason
        member.problem = reason
        member.retry_at = self._clock() + member.pause
        if first_time:
            self._on_setback(Setback(member.link.name, reason, member.pause))

    def _use(self, member: _Member) -> None:
        """`member` works: it is the one in use, and engines behind it need no memory any more."""
        member.problem = None
        member.retry_at = -math.inf
        member.pause = _FIRST_PAUSE_SECONDS
        if member is not self._current:
            self._current = member
            self._on_switch(member.link.name)
        for later in self._members[self._members.index(member) + 1 :]:
            _unload(later)


def _unload(member: _Member) -> None:
    engine, member.engine = member.engine, None
    caller, member.caller = member.caller, None
    if caller is not None:
        caller.end()
    if engine is not None:
        with remapping():
            engine.unload()


def _freed(member: _Member) -> bool:
    """Whether no call of this engine hangs any more; one that came to its end after all is unloaded."""
    if member.stuck is None:
        return True
    engine, call = member.stuck
    if not call.done():
        return False
    member.stuck = None
    with remapping():
        engine.unload()
    return True
