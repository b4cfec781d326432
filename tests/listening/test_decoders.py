"""The engines of a plan: who decodes, and what changes with the share of the box."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from wallflower.engines.base import Engine, EngineError, Request, Transcription
from wallflower.engines.choosing import Plan
from wallflower.engines.known import offers_of
from wallflower.engines.selection import Candidate, plain_candidate
from wallflower.events import EngineInUse, EngineSetAside, Happening
from wallflower.hardware.power import PROFILES, Profile, stepped
from wallflower.listening.condition import Condition
from wallflower.listening.decoders import Decoders
from wallflower.models.catalog import SUGGESTED_MODELS, find_model

OPENVINO, GGML, MOONSHINE = (
    plain_candidate(offer) for offer in offers_of(find_model(name) for name in SUGGESTED_MODELS)
)
PROFILE = PROFILES["balanced"]
_SEGMENT = np.zeros(16_000, np.float32)


class NamedEngine:
    """Says the name of its model."""

    languages = ("en",)
    longest_seconds = 30.0

    def __init__(self, name: str) -> None:
        self.name = name
        self.unloaded = False

    def transcribe(self, samples: NDArray[np.float32], request: Request) -> Transcription:
        return Transcription(self.name, "en")

    def abort(self) -> None:
        pass

    def unload(self) -> None:
        self.unloaded = True


class Bench:
    """Loads engines that are made up."""

    def __init__(self) -> None:
        self.missing: set[str] = set()
        self.loads: list[tuple[str, Profile]] = []
        self.made: list[NamedEngine] = []
        self.happened: list[Happening] = []

    def load(self, candidate: Candidate, profile: Profile) -> Engine:
        if candidate.key in self.missing:
            raise EngineError("its device is gone")
        self.loads.append((candidate.key, profile))
        self.made.append(NamedEngine(candidate.model_id))
        return self.made[-1]

    def decoders(self, plan: Plan, profile: Profile = PROFILE) -> Decoders:
        return Decoders(plan, self.load, profile=profile, on_happening=self.happened.append)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def _plan(*, quick: Candidate | None = None, quickest: Candidate | None = MOONSHINE) -> Plan:
    return Plan(OPENVINO, quick, (GGML, MOONSHINE), quickest, "a test")


def _text(decoders: Decoders) -> str:
    return decoders.finals.transcribe(_SEGMENT, Request("en")).text


def test_only_what_is_used_is_loaded(bench: Bench) -> None:
    decoders = bench.decoders(_plan())
    assert _text(decoders) == OPENVINO.model_id == decoders.model.id
    assert [key for key, _ in bench.loads] == [OPENVINO.key]
    assert decoders.condition == Condition(OPENVINO.key)
    assert bench.happened == []


def test_the_first_that_can_be_loaded_stands_in(bench: Bench) -> None:
    bench.missing = {OPENVINO.key, GGML.key}
    decoders = bench.decoders(_plan())
    assert decoders.model.id == MOONSHINE.model_id == _text(decoders)
    assert bench.happened == [EngineSetAside(each.key, "its device is gone", 30) for each in (OPENVINO, GGML)]
    assert decoders.condition.in_use == MOONSHINE.key
    assert list(decoders.condition.set_aside) == [OPENVINO.key, GGML.key]


def test_none_at_all(bench: Bench) -> None:
    bench.missing = {OPENVINO.key, GGML.key, MOONSHINE.key}
    with pytest.raises(EngineError, match="no engine can be loaded: .*its device is gone"):
        bench.decoders(_plan())


def test_partials_have_an_engine_of_their_own(bench: Bench) -> None:
    decoders = bench.decoders(_plan(quick=MOONSHINE))
    assert decoders.quick is bench.made[-1]
    assert decoders.condition == Condition(OPENVINO.key, MOONSHINE.key)
    decoders.unload()
    assert all(engine.unloaded for engine in bench.made)


def test_without_an_engine_for_partials_all_else_goes_on(bench: Bench) -> None:
    bench.missing = {MOONSHINE.key}
    decoders = bench.decoders(_plan(quick=MOONSHINE))
    assert decoders.quick is None
    assert _text(decoders) == OPENVINO.model_id
    assert decoders.condition == Condition(OPENVINO.key, "", {MOONSHINE.key: "its device is gone"})
    decoders.unload()


def test_fewer_partials_load_nothing_anew_and_fewer_threads_do(bench: Bench) -> None:
    decoders = bench.decoders(_plan())
    decoders.use(stepped(PROFILE, 1))
    assert len(bench.loads) == 1
    assert decoders.profile == stepped(PROFILE, 1)
    decoders.use(stepped(PROFILE, 2))
    assert bench.loads[-1] == (OPENVINO.key, stepped(PROFILE, 2))
    assert [engine.unloaded for engine in bench.made] == [True, False]


def test_a_hot_box_takes_the_quickest_and_a_cool_one_the_best(bench: Bench) -> None:
    decoders = bench.decoders(_plan())
    decoders.use(stepped(PROFILE, 3))
    assert _text(decoders) == MOONSHINE.model_id == decoders.model.id
    decoders.use(PROFILE)
    assert _text(decoders) == OPENVINO.model_id == decoders.model.id
    assert bench.happened == [EngineInUse(MOONSHINE.key), EngineInUse(OPENVINO.key)]
    assert sum(not engine.unloaded for engine in bench.made) == 1


def test_a_hot_box_without_anything_quicker(bench: Bench) -> None:
    decoders = bench.decoders(_plan(quickest=None))
    decoders.use(stepped(PROFILE, 3))
    assert decoders.model.id == OPENVINO.model_id


def test_a_box_that_can_load_nothing_any_more_finds_back(bench: Bench) -> None:
    decoders = bench.decoders(replace(_plan(), stand_ins=()))
    bench.missing = {OPENVINO.key}
    with pytest.raises(EngineError, match="its device is gone"):
        decoders.use(stepped(PROFILE, 2))
    assert decoders.condition.set_aside == {OPENVINO.key: "its device is gone"}
    bench.missing = set()
    assert _text(decoders) == OPENVINO.model_id
    assert decoders.condition == Condition(OPENVINO.key)
