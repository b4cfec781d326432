"""What changes a fingerprint, and what does not."""

from dataclasses import replace
from pathlib import Path

import pytest

from wallflower.engines.fingerprint import fingerprint
from wallflower.hardware.facts import Accelerator, Facts, ProbedDevice, from_json, to_json
from wallflower.models.catalog import Model, find_model

FACTS = from_json((Path(__file__).parent / "facts" / "n100.json").read_text("utf-8"))
MODELS = [find_model("moonshine-tiny-en"), find_model("silero-vad")]
OPENVINO = FACTS.library("openvino")


def with_library(**changes: object) -> Facts:
    changed = replace(OPENVINO, **changes)  # type: ignore[arg-type]
    return replace(FACTS, libraries=(FACTS.libraries[0], changed, *FACTS.libraries[2:]))


def test_it_is_stable() -> None:
    first = fingerprint(FACTS, MODELS)
    assert len(first) == 16
    assert fingerprint(from_json(to_json(FACTS)), MODELS) == first
    assert fingerprint(FACTS, reversed(MODELS)) == first
    assert fingerprint(replace(FACTS, libraries=FACTS.libraries[::-1]), MODELS) == first
    assert fingerprint(replace(FACTS, memory_bytes=FACTS.memory_bytes + 5_000_000), MODELS) == first


@pytest.mark.parametrize(
    "facts",
    [
        replace(FACTS, cpu=replace(FACTS.cpu, name="Intel(R) N305")),
        replace(FACTS, cpu=replace(FACTS.cpu, features=frozenset({"avx2"}))),
        replace(FACTS, cpu=replace(FACTS.cpu, cores=2)),
        replace(FACTS, memory_bytes=FACTS.memory_bytes // 2),
        replace(FACTS, accelerators=()),
        replace(
            FACTS, accelerators=(*FACTS.accelerators, Accelerator("npu", "Intel", "x", "/dev/accel/accel0"))
        ),
        with_library(version="2027.0"),
        with_library(devices=(*OPENVINO.devices, ProbedDevice("npu", "AI Boost", ran=True))),
        with_library(devices=(replace(OPENVINO.devices[0], problem="wrong result"), OPENVINO.devices[1])),
        with_library(problem="it crashed by SIGILL"),
        replace(FACTS, platform="darwin"),
    ],
)
def test_another_box_has_another(facts: Facts) -> None:
    assert fingerprint(facts, MODELS) != fingerprint(FACTS, MODELS)


def test_the_words_of_a_problem_do_not_count() -> None:
    one, two = (with_library(problem=f"cannot allocate at {address}") for address in ("0x1", "0x2"))
    assert fingerprint(one, MODELS) == fingerprint(two, MODELS)


def test_another_model_or_checksum_has_another() -> None:
    first = MODELS[0]
    changed: Model = replace(first, files=(replace(first.files[0], sha256="0" * 64), *first.files[1:]))
    prints = {fingerprint(FACTS, models) for models in ([], [first], MODELS, [changed])}
    assert len(prints) == 4
