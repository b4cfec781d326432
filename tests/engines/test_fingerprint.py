"""What changes a fingerprint, and what does not."""

from dataclasses import replace
from pathlib import Path

import pytest

from wallflower.engines.fingerprint import fingerprint
from wallflower.hardware.facts import Accelerator, Facts, ProbedDevice, from_json, to_json
from wallflower.hardware.probe import read_box

FACTS = from_json((Path(__file__).parent / "facts" / "n100.json").read_text("utf-8"))
MODELS = {"moonshine-tiny-en": ["a" * 64, "b" * 64], "silero-vad": ["c" * 64]}
OPENVINO = FACTS.library("openvino")


def with_library(**changes: object) -> Facts:
    changed = replace(OPENVINO, **changes)  # type: ignore[arg-type]
    return replace(FACTS, libraries=(FACTS.libraries[0], changed, *FACTS.libraries[2:]))


def test_it_is_stable() -> None:
    first = fingerprint(FACTS, MODELS)
    assert len(first) == 16
    assert fingerprint(from_json(to_json(FACTS)), MODELS) == first
    assert fingerprint(FACTS, {name: MODELS[name][::-1] for name in reversed(MODELS)}) == first
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
        replace(FACTS, libraries=FACTS.libraries[:1]),
        replace(FACTS, platform="darwin"),
    ],
)
def test_another_box_has_another(facts: Facts) -> None:
    assert fingerprint(facts, MODELS) != fingerprint(FACTS, MODELS)


@pytest.mark.parametrize(
    "facts",
    [
        with_library(devices=()),
        with_library(devices=(*OPENVINO.devices, ProbedDevice("npu", "AI Boost", ran=True))),
        with_library(problem="it crashed by SIGILL"),
    ],
)
def test_what_only_a_probe_could_tell_does_not_count(facts: Facts) -> None:
    """A start would have to try the libraries first, which takes seconds."""
    assert fingerprint(facts, MODELS) == fingerprint(FACTS, MODELS)


def test_another_model_or_checksum_has_another() -> None:
    some = {"silero-vad": MODELS["silero-vad"]}
    changed = {**MODELS, "silero-vad": ["d" * 64]}
    assert len({fingerprint(FACTS, models) for models in ({}, some, MODELS, changed)}) == 4


def test_of_this_box() -> None:
    assert fingerprint(read_box(), {}) == fingerprint(read_box(), {})
