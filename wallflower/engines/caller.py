"""Calls on a thread of their own, so that one that never ends can be left behind."""

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait

from wallflower.engines.base import EngineAbortedError, EngineError, Transcription

Answers = list[Transcription]
"""What an engine makes of the segments that it is given."""

_LOOK_SECONDS = 0.25
_ABORT_AGAIN_SECONDS = 0.05
ABORT_SECONDS = 5.0
"""How long a decoding may go on after it was told to stop; an engine that cannot be stopped between steps
needs the time of a whole segment.
"""


class HungError(EngineError):
    """A call did not end although it was told to; its thread is left behind. `call` tells when it ends."""

    def __init__(self, message: str, call: "Future[Answers]") -> None:
        super().__init__(message)
        self.call = call


class Caller:
    """One thread that does one call after the other. It ends with the process, whatever it is doing."""

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[tuple[Future[Answers], Callable[[], Answers]] | None] = (
            queue.SimpleQueue()
        )
        threading.Thread(target=self._work, daemon=True, name="engine").start()

    def call(
        self,
        work: Callable[[], Answers],
        *,
        seconds: float,
        abort: Callable[[], None],
        aborted: threading.Event,
        patience: float,
    ) -> Answers:
        """Do it, for so many seconds at most; then it is aborted.

        aborted: set when somebody else did that already. patience: seconds from the abort until it is given
        up. Raises EngineError when the time is over, HungError when it did not even end then,
        EngineAbortedError when the abort came from outside, and what `work` raises.
        """
        call: Future[Answers] = Future()
        self._calls.put((call, work))
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and not aborted.is_set():
            wait([call], min(_LOOK_SECONDS, left))
            if call.done():
                return call.result()
        ordered = aborted.is_set()
        deadline = time.monotonic() + patience
        while not call.done() and time.monotonic() < deadline:
            abort()  # again and again: one that comes as the work begins may be overlooked
            wait([call], _ABORT_AGAIN_SECONDS)
        if not call.done():
            reason = f"it hangs: it took longer than {seconds:.0f} s" if not ordered else "it hangs"
            raise HungError(f"{reason} and cannot be stopped", call)
        try:
            return call.result()
        except EngineAbortedError as error:
            if ordered:
                raise
            raise EngineError(f"it took longer than {seconds:.0f} s") from error

    def end(self) -> None:
        """No more calls will come."""
        self._calls.put(None)

    def _work(self) -> None:
        while (job := self._calls.get()) is not None:
            call, work = job
            try:
                call.set_result(work())
            except BaseException as error:  # noqa: BLE001  # the caller raises it
                call.set_exception(error)
            del job, call, work  # or the sound would be kept until the next call
