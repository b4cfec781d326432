"""What is chosen on this box: with real models and real children, measured once and remembered."""

import asyncio
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from wallflower.config import Options, OptionsError
from wallflower.engines import choosing
from wallflower.engines.choosing import Plan, plan_engines, print_of, survey_here
from wallflower.engines.exclusions import FILE as EXCLUSIONS
from wallflower.engines.known import offers_of
from wallflower.engines.selection import Candidate
from wallflower.engines.timings import Calibration, Timing, load_calibration, store_calibration
from wallflower.engines.wishes import SelectionError, Wishes
from wallflower.errors import ExitCode
from wallflower.hardware.facts import Facts, Library, ProbedDevice
from wallflower.hardware.probe import gather_facts
from wallflower.models.catalog import ModelError, find_model
from wallflower.models.fetching import fetcher_of
from wallflower.models.progress import Silent
from wallflower.models.store import Store

OPENVINO = "openvino:cpu:whisper-base-openvino-int8"
GGML = "whispercpp:cpu:whisper-base-ggml-q8_0"
MOONSHINE = "moonshine:cpu:moonshine-tiny-en"
TIMINGS = {OPENVINO: Timing(0.2, 0.1), GGML: Timing(0.6, 0.2), MOONSHINE: Timing(0.05, 0.03)}


class Notes(Silent):
    """Keeps what is noted."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, message: str) -> None:
        self.lines.append(message)

    def about(self, word: str) -> list[str]:
        return [line for line in self.lines if word in line]


async def _plan(home: Path, notes: Notes | None = None, **options: Any) -> Plan:
    chosen = Options(data_dir=str(home), offline=True, **options)
    notes = notes or Notes()
    return await plan_engines(chosen, fetcher_of(chosen, notes), notes)


def _keys(plan: Plan) -> list[str]:
    return [each.key for each in plan.stand_ins]


def _exclude(home: Path, *names: str) -> None:
    (home / EXCLUSIONS).write_text(json.dumps({"excluded": {name: {"since": "today"} for name in names}}))


def _damage(home: Path, model_id: str) -> None:
    for path in Store(home / "models").files(find_model(model_id)).values():
        size = path.stat().st_size
        path.unlink()
        path.write_bytes(bytes(size))


@pytest.fixture(scope="session")
def facts() -> Facts:
    """This box, really looked at."""
    return asyncio.run(gather_facts())


@pytest.fixture
def asks_nothing(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From now on no library is tried and nothing measured."""

    def forbid() -> None:
        def ask(*_arguments: object, **_more: object) -> None:
            pytest.fail("a child was asked")

        monkeypatch.setattr(choosing, "gather_facts", ask)
        monkeypatch.setattr(choosing, "calibrate", ask)

    return forbid


@pytest.fixture
def known(own_data_dir: Path, facts: Facts, asks_nothing: Callable[[], None]) -> Path:
    """A data directory with all models, of a box that was measured; nothing may be asked any more."""
    store_calibration(own_data_dir, print_of(Store(own_data_dir / "models")), Calibration(facts, TIMINGS))
    asks_nothing()
    return own_data_dir


@pytest.fixture
def become(monkeypatch: pytest.MonkeyPatch) -> Callable[[Facts], None]:
    """Makes another box of this one, and what its children measure is made up."""

    def become(facts: Facts) -> None:
        async def gather() -> Facts:
            return facts

        async def calibrate(
            those: list[Candidate], *_more: object, **_: object
        ) -> tuple[Mapping[str, Timing], dict[str, str]]:
            return {each.key: TIMINGS.get(each.key, Timing(0.1, 0.1)) for each in those}, {}

        monkeypatch.setattr(choosing, "gather_facts", gather)
        monkeypatch.setattr(choosing, "calibrate", calibrate)

    return become


async def test_first_start_measures_and_the_second_only_reads(
    own_data_dir: Path, asks_nothing: Callable[[], None]
) -> None:
    _exclude(own_data_dir, "whispercpp")
    notes = Notes()
    first = await _plan(own_data_dir, notes)
    assert notes.about("looking at this box")
    assert [line.split(" by ")[0] for line in notes.about(" by ")] == [
        "measuring whisper-base-openvino-int8", "measuring moonshine-tiny-en",
    ]  # fmt: skip
    assert first.finals.model_id in {"whisper-base-openvino-int8", "moonshine-tiny-en"}  # by its speed today
    assert "as measured here" in first.reason
    kept = load_calibration(own_data_dir, print_of(Store(own_data_dir / "models")))
    assert kept is not None
    assert (set(kept.timings), kept.failed) == ({OPENVINO, MOONSHINE}, {})

    asks_nothing()
    notes = Notes()
    assert await _plan(own_data_dir, notes) == first
    assert notes.lines == []


async def test_a_model_that_cannot_be_measured_is_left_out_and_not_tried_at_each_start(
    own_data_dir: Path, asks_nothing: Callable[[], None]
) -> None:
    _exclude(own_data_dir, "openvino")
    _damage(own_data_dir, "whisper-base-ggml-q8_0")
    notes = Notes()
    plan = await _plan(own_data_dir, notes)
    assert (plan.finals.key, _keys(plan), plan.quickest) == (MOONSHINE, [], plan.finals)
    (line,) = notes.about(f"{GGML}: ")
    assert "wallflower models verify" in line

    asks_nothing()
    assert await _plan(own_data_dir) == plan
    kept = load_calibration(own_data_dir, print_of(Store(own_data_dir / "models")))
    assert kept is not None
    assert list(kept.failed) == [GGML]


async def test_one_that_could_not_be_measured_is_told_with_the_next_step(
    own_data_dir: Path, facts: Facts
) -> None:
    failed = {GGML: "it is damaged"}
    found = Calibration(facts, TIMINGS, failed)
    wishes = Wishes(languages=("en",))
    told = survey_here(found, offers_of([find_model("whisper-base-ggml-q8_0")]), wishes, own_data_dir)
    assert told.candidates == ()
    (out,) = told.left_out
    assert out.reason.startswith(
        "could not be measured: it is damaged; try it again with: wallflower hardware"
    )


async def test_the_most_accurate_in_time_and_who_stands_in(known: Path) -> None:
    plan = await _plan(known)
    assert plan.finals.key == OPENVINO
    assert plan.quick is not None
    assert plan.quickest is not None
    assert plan.quick.key == plan.quickest.key == MOONSHINE
    assert _keys(plan) == [GGML, MOONSHINE]
    assert "most accurate of those that answer a command within 2 s" in plan.reason


async def test_policy_speed_takes_the_quickest(known: Path) -> None:
    for plan in (await _plan(known, policy="speed"), await _plan(known, power="powersave")):
        assert (plan.finals.key, plan.quick) == (MOONSHINE, None)
        assert set(_keys(plan)) == {OPENVINO, GGML}
    assert (await _plan(known, power="powersave", policy="accuracy")).finals.key == OPENVINO


@pytest.mark.parametrize("languages", [[], ["de", "en"]])
async def test_a_language_to_be_detected_takes_a_whisper(known: Path, languages: list[str]) -> None:
    for policy in ("speed", "balanced"):
        plan = await _plan(known, language="auto", languages=languages, policy=policy)
        assert plan.finals.key in {OPENVINO, GGML}
    assert plan.quick is not None


async def test_german_takes_a_whisper(known: Path) -> None:
    plan = await _plan(known, language="de-AT")
    assert plan.finals.key == OPENVINO
    assert _keys(plan) == [GGML]


async def test_a_box_that_is_short_of_memory(known: Path) -> None:
    plan = await _plan(known, memory_limit=170)
    assert (plan.finals.key, _keys(plan)) == (MOONSHINE, [])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"language": "xx"}, "serves language 'xx' on device 'auto'.*does not understand xx"),
        ({"device": "npu"}, "no library here can use the device 'npu'; there are: cpu"),
        ({"memory_limit": 100}, "moonshine-tiny-en: needs 162 MB, 100 may be taken"),
    ],
)
async def test_what_cannot_be_had(
    own_data_dir: Path, facts: Facts, become: Callable[[Facts], None], options: dict[str, Any], said: str
) -> None:
    become(facts)
    for _ in range(2):
        with pytest.raises(SelectionError, match=said) as caught:
            await _plan(own_data_dir, **options)
        assert caught.value.exit_code == ExitCode.USAGE
    assert (await _plan(own_data_dir)).finals.key == OPENVINO  # which is no harm to what can


async def test_what_to_install_for_a_language(own_data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a box without the libraries: their modules cannot be imported."""
    for module in ("openvino", "_pywhispercpp"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(SelectionError, match=r"wallflower\[openvino\].*wallflower\[whispercpp\]"):
        await _plan(own_data_dir, language="de")
    plan = await _plan(own_data_dir)
    assert (plan.finals.key, _keys(plan)) == (MOONSHINE, [])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"model": "whisper-bse-ggml-q8_0"}, "allowed: auto, .*did you mean whisper-base-ggml-q8_0"),
        ({"model": "silero-vad"}, "does not turn speech into words"),
        ({"model": "moonshine-tiny-en", "language": "de"}, "allowed: en, which model moonshine-tiny-en"),
        ({"model": "moonshine-tiny-en", "memory_limit": 150}, "0, or at least 162, which model moonshine"),
    ],
)
async def test_options_that_do_not_go_together(tmp_path: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(OptionsError, match=said):
        await _plan(tmp_path, **options)


async def test_nothing_here_and_no_network(tmp_path: Path) -> None:
    for model in ("auto", "moonshine-tiny-en"):
        with pytest.raises(ModelError, match="wallflower models pull") as caught:
            await _plan(tmp_path, model=model)
        assert caught.value.exit_code == ExitCode.MODEL


async def test_a_named_model_where_there_is_nothing_to_choose_asks_nothing(
    own_data_dir: Path, asks_nothing: Callable[[], None]
) -> None:
    asks_nothing()
    plan = await _plan(own_data_dir, model="whisper-base-ggml-q8_0", device="cpu")
    assert (plan.finals.key, _keys(plan)) == (GGML, [MOONSHINE])
    plan = await _plan(own_data_dir, model="whisper-base-ggml-q8_0", device="cpu", language="de")
    assert (plan.finals.key, _keys(plan)) == (GGML, [])
    plan = await _plan(own_data_dir, model="moonshine-tiny-en")
    assert (plan.finals.key, _keys(plan), plan.quick) == (MOONSHINE, [], None)
    assert plan.reason == "moonshine-tiny-en by moonshine on cpu, as the options have it"


async def test_a_named_model_takes_the_best_device(
    own_data_dir: Path, facts: Facts, become: Callable[[Facts], None]
) -> None:
    become(_with_gpu(facts))
    plan = await _plan(own_data_dir, model="whisper-base-openvino-int8")
    assert plan.finals.key == "openvino:gpu:whisper-base-openvino-int8"
    assert _keys(plan) == [OPENVINO, MOONSHINE]


async def test_a_named_model_whose_engine_is_left_out_is_stood_in_for(
    own_data_dir: Path, facts: Facts, become: Callable[[Facts], None]
) -> None:
    become(facts)
    _exclude(own_data_dir, "openvino:cpu")
    named = "whisper-base-openvino-int8"
    plan = await _plan(own_data_dir, model=named)
    assert (plan.finals.key, _keys(plan)) == (MOONSHINE, [])
    assert plan.reason.startswith("moonshine-tiny-en stands in for what the options ask for: ")
    assert "wallflower hardware --allow openvino:cpu" in plan.reason
    with pytest.raises(SelectionError, match="--allow openvino:cpu"):
        await _plan(own_data_dir, model=named, language="de")
    _exclude(own_data_dir, "openvino:cpu", "moonshine")
    with pytest.raises(SelectionError, match="--allow openvino:cpu"):
        await _plan(own_data_dir, model=named)


async def test_a_device_that_came_since_is_found(
    known: Path, facts: Facts, become: Callable[[Facts], None]
) -> None:
    """Versions and device files are the same: a driver was installed."""
    become(_with_gpu(facts))
    plan = await _plan(known, device="gpu")
    assert plan.finals.key == "openvino:gpu:whisper-base-openvino-int8"
    assert _keys(plan) == [MOONSHINE]  # whatever becomes of the GPU
    kept = load_calibration(known, print_of(Store(known / "models")))
    assert kept is not None
    assert set(kept.timings) >= set(TIMINGS)  # nothing is measured twice
    plan = await _plan(known)
    assert plan.finals.key == "openvino:gpu:whisper-base-openvino-int8"


async def test_a_model_that_cannot_be_fetched_is_said_and_tried_again_at_the_next_start(
    own_data_dir: Path, facts: Facts, become: Callable[[Facts], None], tmp_path: Path
) -> None:
    become(facts)
    home = tmp_path / "home"
    blobs = home / "models" / "blobs"
    blobs.mkdir(parents=True)
    for path in Store(own_data_dir / "models").files(find_model("moonshine-tiny-en")).values():
        (blobs / path.name).symlink_to(path.resolve())
    notes = Notes()
    plan = await _plan(home, notes, policy="speed")
    assert (plan.finals.key, notes.about("missing")) == (MOONSHINE, [])  # the quickest was all it wanted
    for _ in range(2):
        notes = Notes()
        assert (await _plan(home, notes)).finals.key == MOONSHINE
        assert len(notes.about("model files are missing")) == 2
    with pytest.raises(ModelError, match="wallflower models pull"):
        await _plan(home, language="de")
    for folder in ("blobs", "pins"):
        (home / "models" / folder).mkdir(exist_ok=True)
        for path in (own_data_dir / "models" / folder).iterdir():
            if not (home / "models" / folder / path.name).exists():
                (home / "models" / folder / path.name).symlink_to(path.resolve())
    notes = Notes()
    assert (await _plan(home, notes)).finals.key == OPENVINO
    assert notes.about("missing") == []


def _with_gpu(facts: Facts) -> Facts:
    gpu = ProbedDevice("gpu", "a GPU", ran=True)
    return replace(facts, libraries=tuple(_and(each, gpu) for each in facts.libraries))


def _and(library: Library, gpu: ProbedDevice) -> Library:
    return replace(library, devices=(*library.devices, gpu)) if library.name == "openvino" else library
