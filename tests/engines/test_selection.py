"""The choice on boxes of all kinds, from facts.

`here.json` was recorded by `wallflower hardware --json` on the machine that this was written on. The others
are composed from what makers and kernels publish of those boxes, in the same form: none was at hand.
"""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallflower.engines.known import _FAMILIES, ENGINES, Offer, family_of, offers_of
from wallflower.engines.selection import Candidate, candidates, choose, survey
from wallflower.engines.timings import Timing
from wallflower.engines.wishes import Policy, SelectionError, Wishes
from wallflower.hardware.facts import Facts, from_json
from wallflower.models.catalog import catalog, find_model

FACTS = {
    path.stem: from_json(path.read_text("utf-8")) for path in (Path(__file__).parent / "facts").glob("*.json")
}
MANY = ("en", "de", "fr", "nl")
MB = 1_000_000


def whisper(size: str, engine: str, precision: str, megabytes: int) -> Offer:
    times, more = (3, 80) if engine == "openvino" else (2, 60)
    memory = (megabytes * times + more) * MB
    return Offer(f"whisper-{size}-{engine}-{precision}", engine, precision, MANY, memory)


MOONSHINE = Offer("moonshine-tiny-en", "moonshine", "int8", ("en",), 150 * MB)
BASE = [
    whisper("base", "openvino", "int8", 77),
    whisper("base", "whispercpp", "q8_0", 82),
    whisper("base", "onnx", "int8", 100),
]
OFFERS = [
    MOONSHINE,
    *BASE,
    whisper("small", "openvino", "int8", 250),
    whisper("small", "whispercpp", "q8_0", 260),
]


def keys(found: list[Candidate]) -> list[str]:
    return [f"{each.engine}:{each.device}:{each.model_id.split('-')[1]}" for each in found]


@pytest.mark.parametrize(
    ("box", "first"),
    [
        ("here", "openvino:cpu:base"),
        ("pi4", "moonshine:cpu:tiny"),
        ("pi5", "openvino:cpu:base"),
        ("n100", "openvino:gpu:base"),
        ("core_ultra", "openvino:gpu:base"),
        ("orin", "onnx:tensorrt:base"),
        ("m4", "whispercpp:metal:base"),
        ("atom", "moonshine:cpu:tiny"),
    ],
)
def test_first_guess_with_moonshine_and_whisper_base(box: str, first: str) -> None:
    assert keys(candidates(FACTS[box], [MOONSHINE, *BASE], Wishes()))[0] == first


@pytest.mark.parametrize("box", sorted(FACTS))
@pytest.mark.parametrize("policy", ["accuracy", "balanced", "speed"])
def test_every_box_has_a_choice(box: str, policy: Policy) -> None:
    found = candidates(FACTS[box], OFFERS, Wishes(policy=policy))
    assert len({each.key for each in found}) == len(found)
    choice = choose(found, {}, policy=policy)
    assert choice.finals.device == "cpu"  # what the project has not tested is not taken unmeasured
    assert "by estimate, nothing was measured yet" in choice.reason
    assert "\n" not in choice.reason


def test_policies() -> None:
    facts = FACTS["here"]
    assert candidates(facts, OFFERS, Wishes(policy="accuracy"))[0].model_id.startswith("whisper-small")
    assert candidates(facts, OFFERS, Wishes(policy="speed"))[0].model_id == "moonshine-tiny-en"


def test_an_npu_and_a_gpu_are_candidates_but_not_tested() -> None:
    found = candidates(FACTS["core_ultra"], BASE, Wishes())
    assert {each.device for each in found} == {"cpu", "gpu", "npu"}
    assert [each.device for each in found if each.tested] == ["cpu"] * 3


def test_an_atom_says_what_it_lacks() -> None:
    result = survey(FACTS["atom"], OFFERS, Wishes())
    assert {each.engine for each in result.candidates} == {"moonshine", "onnx"}
    reasons = {each.engine: each.reason for each in result.left_out}
    assert "SIGILL" in reasons["openvino"]
    assert "avx2" in reasons["whispercpp"]


def test_a_library_that_is_missing() -> None:
    (left_out,) = survey(FACTS["orin"], [BASE[0]], Wishes()).left_out
    assert left_out.reason == "openvino: not installed; install wallflower[openvino]"


def test_languages() -> None:
    result = survey(FACTS["here"], OFFERS, Wishes(languages=("de-CH",)))
    assert all(each.complete for each in result.candidates)
    assert [each.reason for each in result.left_out] == ["does not understand de"]
    found = candidates(FACTS["here"], OFFERS, Wishes(languages=("en-GB", "de"), policy="speed"))
    assert (found[-1].model_id, found[-1].complete, found[-1].languages) == (MOONSHINE.id, False, ("en",))
    assert "only en" in found[-1].reason
    choice = choose(found, {}, policy="speed")
    assert choice.finals.complete
    assert choice.partials is not None
    assert choice.partials.model_id == MOONSHINE.id
    assert candidates(FACTS["here"], OFFERS, Wishes(languages=("ja",))) == []
    assert len(candidates(FACTS["here"], OFFERS, Wishes(languages=()))) == len(OFFERS)


def test_the_most_languages() -> None:
    found = candidates(FACTS["here"], OFFERS, Wishes(languages=(), widest=True, policy="speed"))
    assert found[-1].model_id == MOONSHINE.id
    assert [each.complete for each in found] == [*[True] * (len(found) - 1), False]
    assert candidates(FACTS["here"], [], Wishes(languages=(), widest=True)) == []


def test_a_language_that_only_some_understand() -> None:
    choice = choose(candidates(FACTS["here"], [MOONSHINE], Wishes(languages=("de", "en"))), {})
    assert choice.finals.model_id == MOONSHINE.id
    assert "understands only en of the languages wished for" in choice.reason


def test_memory() -> None:
    result = survey(FACTS["pi4"], OFFERS, Wishes(memory_bytes=230 * MB))
    assert {each.model_id for each in result.candidates} == {MOONSHINE.id, BASE[1].id}
    reasons = {each.model_id: each.reason for each in result.left_out}
    assert reasons["whisper-base-openvino-int8"] == "needs 311 MB, 230 may be taken"


def test_two_engines_only_where_both_fit() -> None:
    found = candidates(FACTS["here"], [MOONSHINE, BASE[0]], Wishes())
    assert choose(found, {}, memory_bytes=400 * MB).partials is None
    assert choose(found, {}, memory_bytes=500 * MB).partials is not None


def test_named_device_engine_and_model() -> None:
    facts = FACTS["core_ultra"]
    assert {each.device for each in candidates(facts, OFFERS, Wishes(device="npu"))} == {"npu"}
    assert {each.engine for each in candidates(facts, OFFERS, Wishes(engine="whispercpp"))} == {"whispercpp"}
    assert {each.model_id for each in candidates(facts, OFFERS, Wishes(model=BASE[2].id))} == {BASE[2].id}
    assert {each.device for each in candidates(FACTS["m4"], OFFERS, Wishes(device="gpu"))} == {"metal"}
    assert candidates(facts, OFFERS, Wishes(device="auto")) == candidates(facts, OFFERS, Wishes())


@pytest.mark.parametrize(
    ("box", "wishes", "said"),
    [
        ("n100", Wishes(device="npu"), r"use the device 'npu'; there are: cpu \(onnxruntime, openvino, "),
        ("n100", Wishes(device="cuda"), r"gpu \(openvino\)"),
        ("orin", Wishes(device="npu"), r"openvino: not installed; install wallflower\[openvino\]"),
        ("pi4", Wishes(device="gpu"), "the system has Broadcom GPU v3d"),
        ("here", Wishes(engine="openwine"), "there is no engine 'openwine'; there are: openvino, whispercpp"),
        (
            "atom",
            Wishes(engine="whispercpp"),
            "'whispercpp' cannot be used here: pywhispercpp: it was built for",
        ),
    ],
)
def test_what_is_named_but_absent(box: str, wishes: Wishes, said: str) -> None:
    with pytest.raises(SelectionError, match=said):
        candidates(FACTS[box], OFFERS, wishes)


def test_a_device_that_is_not_passed_in_or_broken() -> None:
    facts = FACTS["n100"]
    openvino = facts.library("openvino")
    broken = replace(openvino.devices[1], ran=False, problem="it hung: no answer within 20 s")
    libraries = (replace(openvino, devices=(openvino.devices[0], broken)),)
    hidden = (replace(facts.accelerators[0], path=""),)
    bad = replace(facts, libraries=libraries, accelerators=hidden)
    with pytest.raises(SelectionError, match="it hung.*pass its device file into the container"):
        candidates(bad, OFFERS, Wishes(device="gpu"))
    left_out = survey(bad, OFFERS, Wishes()).left_out
    assert ("openvino", "gpu", "it hung: no answer within 20 s") in {
        (each.engine, each.device, each.reason) for each in left_out
    }
    with pytest.raises(SelectionError, match="there are: none at all"):
        candidates(replace(facts, libraries=()), OFFERS, Wishes(device="gpu"))


def test_excluded() -> None:
    result = survey(FACTS["n100"], OFFERS, Wishes(), {"openvino:gpu": "it died", "whispercpp": "so did this"})
    assert {(each.engine, each.device) for each in result.candidates} == {
        ("openvino", "cpu"),
        ("onnx", "cpu"),
        ("moonshine", "cpu"),
    }
    assert {(each.engine, each.device, each.reason) for each in result.left_out} == {
        ("openvino", "gpu", "it died"),
        ("whispercpp", "", "so did this"),
    }


def timed(found: list[Candidate], **seconds: float) -> dict[str, Timing]:
    """Timings by the beginning of the model's id; `x` for the engine."""
    return {each.key: Timing(seconds[each.engine], 0.1) for each in found if each.engine in seconds}


def test_measurements_decide() -> None:
    found = candidates(FACTS["n100"], [MOONSHINE, *BASE], Wishes())
    timings = timed(found, openvino=0.9, whispercpp=0.6, onnx=0.7, moonshine=0.1)
    choice = choose(found, timings)
    assert (choice.finals.engine, choice.partials and choice.partials.engine) == ("whispercpp", "moonshine")
    assert choice.reason == (
        "whisper-base-whispercpp-q8_0 by whispercpp on cpu for finals: the most accurate of those that "
        "answer a command within 2 s (0.60 s, as measured here); moonshine-tiny-en by moonshine on cpu for "
        "English partials (0.10 s)"
    )
    assert choose(found, timings, policy="speed").finals.engine == "moonshine"
    assert choose(found, timings, policy="speed").partials is None


def test_what_was_not_measured_is_passed_over() -> None:
    found = candidates(FACTS["n100"], [MOONSHINE, *BASE], Wishes())
    assert choose(found, timed(found, onnx=1.0)).finals.engine == "onnx"


def test_a_box_too_slow_for_whisper() -> None:
    found = candidates(FACTS["pi4"], [MOONSHINE, *BASE], Wishes())
    choice = choose(found, timed(found, openvino=9.0, whispercpp=4.0, onnx=8.0, moonshine=0.8))
    assert (choice.finals.engine, choice.partials) == ("moonshine", None)
    german = candidates(FACTS["pi4"], [MOONSHINE, *BASE], Wishes(languages=("de",)))
    choice = choose(german, timed(german, openvino=9.0, whispercpp=4.0, onnx=8.0))
    assert choice.finals.engine == "whispercpp"
    assert "nothing answers within 2 s" in choice.reason


def test_one_that_falls_behind_on_long_speech() -> None:
    found = candidates(FACTS["here"], BASE[:2], Wishes())
    timings = {found[0].key: Timing(0.2, 1.1), found[1].key: Timing(1.5, 0.5)}
    assert choose(found, timings).finals == found[1]


def test_partials_must_be_much_quicker() -> None:
    found = candidates(FACTS["here"], [MOONSHINE, BASE[0]], Wishes())
    assert choose(found, timed(found, openvino=0.2, moonshine=0.16)).partials is None


def test_nothing_to_choose_from() -> None:
    with pytest.raises(SelectionError, match="wallflower hardware"):
        choose([], {})


def test_the_catalogue_offers_what_speaks() -> None:
    offers = offers_of(catalog().values())
    assert "moonshine-tiny-en" in {offer.id for offer in offers}
    assert {offer.engine for offer in offers} <= set(ENGINES)
    moonshine = next(offer for offer in offers if offer.id == "moonshine-tiny-en")
    assert moonshine.precision == "int8"
    assert moonshine.memory_bytes == find_model("moonshine-tiny-en").memory
    assert all(offer.memory_bytes > 0 and offer.precision != "-" for offer in offers)


@pytest.mark.parametrize("offer", offers_of(catalog().values()), ids=lambda offer: offer.id)
def test_every_model_of_the_catalogue_has_its_family(offer: Offer) -> None:
    name = offer.id.removesuffix("-en")
    for mark in ("-ggml-", "-openvino-", "-onnx-"):
        name = name.partition(mark)[0]
    for version in ("-tdt-0.6b-v3", "-tdt-0.6b-v2", "-ctc-0.6b"):
        name = name.removesuffix(version)
    if name in {"whisper-large-v3", "distil-whisper-large-v3", "distil-whisper-large-v3.5"}:
        name = name.partition("-v3")[0]
    assert family_of(offer.id) == _FAMILIES[name]


def test_families() -> None:
    assert family_of("whisper-large-v3-turbo-q5_0").tier < family_of("whisper-large-v3").tier
    assert family_of("whisper-base").tier > family_of("moonshine-tiny-en").tier
    assert family_of("my-own").tier < family_of("whisper-base").tier


@given(
    st.sampled_from(sorted(FACTS)),
    st.lists(st.sampled_from(OFFERS), unique=True),
    st.builds(
        Wishes,
        policy=st.sampled_from(["accuracy", "balanced", "speed"]),
        languages=st.lists(st.sampled_from([*MANY, "ja"]), max_size=2).map(tuple),
        memory_bytes=st.none() | st.integers(0, 1000 * MB),
    ),
)
def test_all_that_is_offered_is_accounted_for(box: str, offers: list[Offer], wishes: Wishes) -> None:
    facts: Facts = FACTS[box]
    result = survey(facts, offers, wishes)
    for offer in offers:
        found = [each for each in result.candidates if each.model_id == offer.id]
        out = [
            each
            for each in result.left_out
            if each.engine == offer.engine and each.model_id in {"", offer.id}
        ]
        assert found or out
    for each in result.candidates:
        assert wishes.memory_bytes is None or each.memory_bytes <= wishes.memory_bytes
        assert not wishes.languages or each.languages
        usable = facts.library(ENGINES[each.engine].library).usable
        assert each.device in {device.device for device in usable}
    if result.candidates:
        assert choose(result.candidates, {}, policy=wishes.policy).finals in result.candidates
