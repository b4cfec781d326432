"""What a chain does when its engines fail, and that no segment is lost."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from wallflower.engines.base import EngineAbortedError, EngineError, Request, Transcription
from wallflower.engines.chain import FAILURES, EngineChain, Link, Setback
from wallflower.engines.lane import Lane
from wallflower.engines.moonshine import MoonshineEngine

_SEGMENT = np.zeros(16_000, np.float32)


class ScriptedEngine:
    """Says its name, or fails as its script says."""

    longest_seconds = 30.0

    def __init__(self, name: str, script: Callable[[], str | None]) -> None:
        self.languages = (name,)
        self.name = name
        self.script = script
        self.aborted = threading.Event()
        self.unloaded = False
        self.hanging, self.released = threading.Event(), threading.Event()

    def transcribe(self, samples: NDArray[np.float32], request: Request) -> Transcription:
        assert not self.unloaded
        self.aborted.clear()
        problem = self.script()
        if problem == "hang for good":
            self.hanging.set()
            assert self.released.wait(60)
            return Transcription("too late", self.name)
        if problem == "hang":
            assert self.aborted.wait(5)
            raise EngineAbortedError("aborted")
        if problem is not None:
            raise EngineError(problem)
        return Transcription(self.name, self.name)

    def abort(self) -> None:
        self.aborted.set()

    def unload(self) -> None:
        self.unloaded = True


class Bench:
    """Engines a and b, whose state the test sets, on a clock of its own."""

    def __init__(self) -> None:
        self.now = 0.0
        self.problem: dict[str, str | None] = {"a": None, "b": None}
        self.load_problem: dict[str, str | None] = {"a": None, "b": None}
        self.made: list[ScriptedEngine] = []
        self.setbacks: list[Setback] = []
        self.switches: list[str] = []

    def chain(self, *names: str) -> EngineChain:
        return EngineChain(
            self.links(*names or ("a", "b")),
            on_setback=self.setbacks.append,
            on_switch=self.switches.append,
            deadline=lambda seconds: 0.05 * seconds,
            patience=0.3,
            clock=lambda: self.now,
        )

    def links(self, *names: str) -> list[Link]:
        return [Link(name, lambda name=name: self._load(name)) for name in names]  # type: ignore[misc]

    def _load(self, name: str) -> ScriptedEngine:
        if (problem := self.load_problem[name]) is not None:
            raise EngineError(problem)
        self.made.append(ScriptedEngine(name, lambda: self.problem[name]))
        return self.made[-1]

    def loaded(self) -> list[str]:
        return [engine.name for engine in self.made if not engine.unloaded]


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    for engine in bench.made:
        engine.released.set()


def _text(chain: EngineChain) -> str:
    return chain.transcribe(_SEGMENT, Request()).text


def test_the_first_decodes_and_the_others_take_no_memory(bench: Bench) -> None:
    chain = bench.chain()
    assert _text(chain) == "a"
    assert (chain.name, tuple(chain.languages), chain.longest_seconds) == ("a", ("a",), 30.0)
    assert bench.loaded() == ["a"]


def test_a_failing_engine_loses_no_segment(bench: Bench) -> None:
    chain = bench.chain()
    bench.problem["a"] = "the device is gone"
    for _ in range(FAILURES):
        assert _text(chain) == "b"
    assert bench.setbacks == [Setback("a", "the device is gone", 30.0)]
    assert chain.problems == {"a": "the device is gone"}
    assert tuple(chain.languages) == ("b",)
    assert bench.loaded() == ["b"]


def test_one_failure_alone_sets_nobody_aside(bench: Bench) -> None:
    chain = bench.chain()
    for _ in range(2 * FAILURES):
        bench.problem["a"] = "a bad moment"
        assert _text(chain) == "b"
        bench.problem["a"] = None
        assert _text(chain) == "a"
    assert bench.setbacks == []


def test_an_engine_that_cannot_be_loaded_is_passed_over(bench: Bench) -> None:
    bench.load_problem["a"] = "install wallflower[a]"
    chain = bench.chain()
    assert _text(chain) == "b"
    assert [setback.reason for setback in bench.setbacks] == ["install wallflower[a]"]


def test_it_is_tried_again_later_and_told_once(bench: Bench) -> None:
    bench.load_problem["a"] = "no such device"
    chain = bench.chain()
    retries = []
    for _ in range(400):
        bench.now += 10
        before = chain._members[0].retry_at
        assert _text(chain) == "b"
        if chain._members[0].retry_at != before:
            retries.append(bench.now)
    assert 5 <= len(retries) <= 9  # at growing intervals
    assert len(bench.setbacks) == 1
    bench.load_problem["a"] = None
    bench.now += 10_000
    assert _text(chain) == "a"
    assert chain.problems == {}
    assert bench.loaded() == ["a"]


def test_an_engine_that_overruns_its_time_is_stopped(bench: Bench) -> None:
    chain = bench.chain()
    bench.problem["a"] = "hang"
    for _ in range(FAILURES):
        assert _text(chain) == "b"
    assert "longer than" in bench.setbacks[0].reason


def test_abort_from_outside_is_no_failure(bench: Bench) -> None:
    chain = EngineChain([Link("a", lambda: bench._load("a")), Link("b", lambda: bench._load("b"))])
    bench.problem["a"] = "hang"
    stopper = threading.Timer(0.05, chain.abort)
    stopper.start()
    with pytest.raises(EngineAbortedError):
        _text(chain)
    stopper.join()
    assert chain.problems == {}


def test_when_all_fail_all_reasons_are_told(bench: Bench) -> None:
    chain = bench.chain()
    bench.problem = {"a": "broken pipe", "b": "out of memory"}
    with pytest.raises(EngineError, match="a: broken pipe; b: out of memory"):
        _text(chain)
    for _ in range(2 * FAILURES):
        with pytest.raises(EngineError):
            _text(chain)
    with pytest.raises(EngineError, match="a: broken pipe; b: out of memory"):
        _text(chain)
    bench.load_problem = {"a": "gone", "b": "gone too"}
    with pytest.raises(EngineError, match="no engine can be loaded: a: gone; b: gone too"):
        bench.chain()


def test_a_language_it_does_not_speak_is_no_failure_of_an_engine(bench: Bench) -> None:
    chain = bench.chain()
    for _ in range(2 * FAILURES):
        assert chain.transcribe(_SEGMENT, Request("b")).text == "b"
    with pytest.raises(EngineError, match="a does not speak fr; b does not speak fr"):
        chain.transcribe(_SEGMENT, Request("fr"))
    assert chain.problems == {}
    assert chain.transcribe(_SEGMENT, Request("a")).text == "a"


def test_unload_leaves_nothing(bench: Bench) -> None:
    chain = bench.chain()
    bench.problem["a"] = "a bad moment"
    _text(chain)
    assert bench.loaded() == ["a", "b"]
    chain.unload()
    assert bench.loaded() == []


def test_real_engine_behind_a_broken_one(moonshine: MoonshineEngine, speech: NDArray[np.int16]) -> None:
    def load_broken() -> MoonshineEngine:
        raise EngineError("the file is damaged")

    chain = EngineChain([Link("broken", load_broken), Link("moonshine", lambda: moonshine)])
    samples = speech[:64_000].astype(np.float32) / np.float32(32768)
    assert "best of times" in chain.transcribe(samples, Request("en")).text.lower()
    assert chain.name == "moonshine"


def test_an_engine_that_hangs_is_left_behind_within_the_same_request(bench: Bench) -> None:
    chain = bench.chain()
    bench.problem["a"] = "hang for good"
    assert _text(chain) == "b"
    (setback,) = bench.setbacks
    assert "it hangs" in setback.reason
    assert bench.switches == ["b"]
    bench.now += setback.retry_after + 1
    assert _text(chain) == "b"  # it still hangs: another of it is not loaded
    assert len(bench.made) == 2


def test_an_engine_that_hung_is_unloaded_when_it_comes_back_and_tried_again(bench: Bench) -> None:
    chain = bench.chain()
    bench.problem["a"] = "hang for good"
    assert _text(chain) == "b"
    assert bench.loaded() == ["a", "b"]
    hung = bench.made[0]
    bench.problem["a"] = None
    hung.released.set()
    chain._members[0].stuck[1].result(20)  # type: ignore[index]
    bench.now += 60
    assert _text(chain) == "a"
    assert bench.loaded() == ["a"]
    assert bench.switches == ["b", "a"]
    assert chain.problems == {}


async def test_a_lane_can_be_closed_while_its_engine_hangs(bench: Bench) -> None:
    chain = EngineChain(bench.links("a", "b"))  # with time enough
    bench.problem["a"] = "hang for good"
    lane = Lane()
    job = asyncio.ensure_future(lane.transcribe(chain, _SEGMENT, Request()))
    assert await asyncio.to_thread(bench.made[0].hanging.wait, 20)
    await asyncio.wait_for(lane.close(), 20)
    with pytest.raises(EngineError):
        await job
    chain.unload()


def test_the_only_engine_is_the_last_resort_of_itself(bench: Bench) -> None:
    """Rather a try that may fail than an utterance that is surely lost."""
    chain = bench.chain("a")
    bench.problem["a"] = "a bad moment"
    for _ in range(2 * FAILURES):
        with pytest.raises(EngineError, match="a: a bad moment"):
            _text(chain)
    assert list(chain.problems) == ["a"]
    bench.problem["a"] = None
    assert _text(chain) == "a"
    assert chain.problems == {}


def test_one_that_is_set_aside_helps_out_where_the_others_do_not_speak_the_language(bench: Bench) -> None:
    chain = bench.chain()
    bench.load_problem["a"] = "no such device"
    chain.relink(bench.links("a", "b"))
    assert _text(chain) == "b"
    bench.load_problem["a"] = None
    assert chain.transcribe(_SEGMENT, Request("a")).text == "a"


def test_a_device_that_vanishes_and_comes_back(bench: Bench) -> None:
    chain = bench.chain()
    assert _text(chain) == "a"
    bench.problem["a"] = bench.load_problem["a"] = "the device is lost"
    said = []
    for _ in range(100):
        bench.now += 5
        said.append(_text(chain))
    assert set(said) == {"b"}
    assert [setback.reason for setback in bench.setbacks] == ["the device is lost"]
    bench.problem["a"] = bench.load_problem["a"] = None
    bench.now += 3600
    assert _text(chain) == "a"


def test_relinked_it_goes_on_with_other_engines_and_holds_no_old_ones(bench: Bench) -> None:
    chain = bench.chain()
    assert _text(chain) == "a"
    chain.relink(bench.links("b", "a"))
    assert chain.name == "b"
    assert bench.switches == ["b"]
    assert bench.loaded() == ["b"]
    assert _text(chain) == "b"


def test_relinked_it_knows_what_did_not_work(bench: Bench) -> None:
    chain = bench.chain()
    bench.problem["a"] = "hang for good"
    assert _text(chain) == "b"
    chain.relink(bench.links("a", "b"))
    assert chain.name == "b"
    assert list(chain.problems) == ["a"]
    assert _text(chain) == "b"
    assert bench.made[0].unloaded is False  # it still hangs
    assert [engine.name for engine in bench.made] == ["a", "b", "b"]


def test_relinked_without_any_that_can_be_loaded_it_tries_again_at_each_segment(bench: Bench) -> None:
    chain = bench.chain()
    bench.load_problem = {"a": "no memory", "b": "no memory"}
    with pytest.raises(EngineError, match="a: no memory; b: no memory"):
        chain.relink(bench.links("a", "b"))
    with pytest.raises(EngineError, match="no memory"):
        _text(chain)
    assert chain.name in {"a", "b"}
    bench.load_problem["b"] = None
    assert _text(chain) == "b"


class _Batches:
    """Two engines' worth of behaviour: one call for several segments, until it is spoilt."""

    languages: tuple[str, ...] = ("en",)
    longest_seconds = 30.0
    takes_batches = True

    def __init__(self) -> None:
        self.spoilt = False
        self.calls: list[int] = []

    def transcribe(self, samples: NDArray[np.float32], request: Request) -> Transcription:
        return self.transcribe_batch([samples], request)[0]

    def transcribe_batch(
        self, segments: Sequence[NDArray[np.float32]], request: Request
    ) -> list[Transcription]:
        if self.spoilt:
            raise EngineError("spoilt")
        self.calls.append(len(segments))
        return [Transcription(f"batch {len(each)}", "en") for each in segments]

    def abort(self) -> None: ...
    def unload(self) -> None: ...


class _OneByOne(_Batches):
    takes_batches = False

    transcribe_batch = None  # type: ignore[assignment]

    def transcribe(self, samples: NDArray[np.float32], request: Request) -> Transcription:
        return Transcription(f"one {len(samples)}", "en")


def test_a_chain_hands_batches_on_to_an_engine_that_takes_them() -> None:
    first = _Batches()
    chain = EngineChain([Link("batches", lambda: first), Link("one by one", _OneByOne)])
    segments = [np.zeros(count, np.float32) for count in (10, 20)]
    assert chain.takes_batches
    assert [each.text for each in chain.transcribe_batch(segments, Request())] == ["batch 10", "batch 20"]
    assert first.calls == [2]
    first.spoilt = True  # the next engine decodes all of them, within the same call
    assert [each.text for each in chain.transcribe_batch(segments, Request())] == ["one 10", "one 20"]
    assert not chain.takes_batches
