"""Calls that end, that are stopped, and that never end."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from wallflower.engines.base import EngineAbortedError, EngineError, Transcription
from wallflower.engines.caller import Caller, HungError

_DONE = [Transcription("done", "en")]


class Work:
    """Work that goes on until it is let go, or stopped where it heeds that."""

    def __init__(self, *, heeds: bool) -> None:
        self.go = threading.Event()
        self.begun = threading.Event()
        self.aborts = 0
        self._heeds = heeds
        self._stop = threading.Event()

    def __call__(self) -> list[Transcription]:
        self._stop.clear()  # as engines do: an abort before this is overlooked
        self.begun.set()
        while not self.go.wait(0.005):
            if self._heeds and self._stop.is_set():
                raise EngineAbortedError("aborted")
        return _DONE

    def abort(self) -> None:
        self.aborts += 1
        self._stop.set()


@pytest.fixture
def caller() -> Iterator[Caller]:
    caller = Caller()
    yield caller
    caller.end()


def _call(
    caller: Caller,
    work: Work | Callable[[], list[Transcription]],
    *,
    seconds: float = 20.0,
    aborted: bool = False,
) -> list[Transcription]:
    event = threading.Event()
    if aborted:
        event.set()
    abort = work.abort if isinstance(work, Work) else lambda: None
    return caller.call(work, seconds=seconds, abort=abort, aborted=event, patience=0.3)


def test_results_and_errors_come_through(caller: Caller) -> None:
    def broken() -> list[Transcription]:
        raise EngineError("broken")

    assert _call(caller, lambda: _DONE) is _DONE
    with pytest.raises(EngineError, match="broken"):
        _call(caller, broken)
    assert _call(caller, lambda: _DONE) is _DONE


def test_what_takes_too_long_is_stopped(caller: Caller) -> None:
    with pytest.raises(EngineError, match="it took longer than 0 s") as caught:
        _call(caller, Work(heeds=True), seconds=0.05)
    assert not isinstance(caught.value, EngineAbortedError | HungError)
    assert _call(caller, lambda: _DONE) is _DONE


def test_what_cannot_be_stopped_is_left_behind_and_tells_when_it_ends(caller: Caller) -> None:
    work = Work(heeds=False)
    with pytest.raises(HungError, match="it hangs: it took longer than 0 s and cannot be stopped") as caught:
        _call(caller, work, seconds=0.05)
    assert work.aborts
    assert not caught.value.call.done()
    work.go.set()
    assert caught.value.call.result(20) is _DONE


def test_an_abort_from_outside(caller: Caller) -> None:
    work = Work(heeds=True)
    aborted = threading.Event()

    def stop() -> None:
        work.begun.wait(20)
        aborted.set()

    threading.Thread(target=stop).start()
    with pytest.raises(EngineAbortedError):
        caller.call(work, seconds=60, abort=work.abort, aborted=aborted, patience=20)


def test_an_abort_that_comes_before_the_work_begins(caller: Caller) -> None:
    """The engine forgets it as it begins; so it is said again."""
    with pytest.raises(EngineAbortedError):
        _call(caller, Work(heeds=True), aborted=True)


def test_an_abort_that_comes_too_late_changes_nothing(caller: Caller) -> None:
    assert _call(caller, lambda: _DONE, aborted=True) is _DONE


def test_an_abort_that_is_not_heeded(caller: Caller) -> None:
    work = Work(heeds=False)
    with pytest.raises(HungError, match="^it hangs and cannot be stopped"):
        _call(caller, work, aborted=True)
    work.go.set()


def test_a_caller_that_is_told_to_ends_when_its_call_does() -> None:
    before = set(threading.enumerate())
    caller = Caller()
    (thread,) = set(threading.enumerate()) - before
    work = Work(heeds=False)
    with pytest.raises(HungError):
        _call(caller, work, seconds=0.05)
    caller.end()
    assert thread.is_alive()
    work.go.set()
    thread.join(20)
    assert not thread.is_alive()


def test_the_sound_is_not_kept_after_the_call(caller: Caller) -> None:
    import gc
    import weakref

    class Sound:
        pass

    sound = Sound()
    gone = weakref.ref(sound)

    def work(sound: Sound = sound) -> list[Transcription]:
        return _DONE

    _call(caller, work)
    del work, sound
    until = time.monotonic() + 20
    while gone() is not None and time.monotonic() < until:
        gc.collect()
        time.sleep(0.01)
    assert gone() is None


def test_a_process_can_end_while_a_call_hangs() -> None:
    program = """
import threading, time
from wallflower.engines.caller import Caller, HungError
try:
    Caller().call(
        lambda: time.sleep(1000), seconds=0.05, abort=lambda: None, aborted=threading.Event(), patience=0.1
    )
except HungError as error:
    print(error)
"""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert "hangs" in done.stdout
