"""How alike texts are, and who is compared with whom."""

import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallflower.engines.agreement import (
    Agreement,
    Pair,
    agreements,
    edit_distance,
    family,
    normalised,
    pairs_of,
    similarity,
)
from wallflower.models.catalog import find_model

TEXT = st.text(max_size=40)
FEW_LETTERS = st.text("abc ", max_size=12)
OPENVINO = find_model("whisper-base-openvino-int8")


def _distance_as_in_the_book(first: str, second: str) -> int:
    table = [[i + j for j in range(len(second) + 1)] for i in range(len(first) + 1)]
    for i, one in enumerate(first, 1):
        for j, other in enumerate(second, 1):
            table[i][j] = min(table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + (one != other))
    return table[-1][-1]


@given(FEW_LETTERS, FEW_LETTERS)
def test_distance_is_the_textbook_s(first: str, second: str) -> None:
    assert edit_distance(first, second) == _distance_as_in_the_book(first, second)


@given(TEXT, TEXT, TEXT)
def test_distance_is_one(first: str, second: str, third: str) -> None:
    assert edit_distance(first, second) == edit_distance(second, first)
    assert (edit_distance(first, second) == 0) == (first == second)
    assert edit_distance(first, third) <= edit_distance(first, second) + edit_distance(second, third)


@given(st.text(st.characters(), max_size=40))
def test_normalised_has_letters_and_single_spaces_alone(text: str) -> None:
    plain = normalised(text)
    assert plain == " ".join(plain.split())
    assert not {unicodedata.category(letter)[0] for letter in plain.replace(" ", "")} & set("PSZ")


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("It’s the  Best, of\ttimes…", "its the best of times"),
        ("well-known — 3½ °C", "well known 31 2 c"),
        ("ＦＵＬＬ　ｗｉｄｔｈ", "full width"),
        ("Straße, ÉTÉ", "strasse été"),
        ("हिन्दी।", "हिन्दी"),
        ("...", ""),
    ],
)
def test_normalised(text: str, plain: str) -> None:
    assert normalised(text) == plain


@given(st.lists(st.tuples(TEXT, TEXT), max_size=4))
def test_similarity_is_a_share(texts: list[tuple[str, str]]) -> None:
    first, second = [one for one, _ in texts], [other for _, other in texts]
    assert 0 <= similarity(first, second) <= 1
    assert 0 <= similarity(first, second, symmetric=False) <= 1
    assert similarity(first, second) == similarity(second, first)
    assert similarity(first, first) == 1


def test_similarity_is_pooled() -> None:
    assert similarity(["abcdefgh", "x"], ["abcdefgh", "y"]) == pytest.approx(1 - 1 / 9)
    assert similarity(["ab"], ["abcd"]) == pytest.approx(0.5)
    assert similarity(["abcd"], ["ab"], symmetric=False) == pytest.approx(0.5)
    assert similarity(["ab"], ["abcdefg"], symmetric=False) == 0
    assert similarity([""], ["invented"], symmetric=False) == 0


def test_a_conversion_is_held_against_the_unquantised_one_of_its_engine() -> None:
    models = [
        find_model(f"whisper-base-{form}")
        for form in ("ggml-q8_0", "ggml-q5_1", "ggml-f16", "openvino-int8", "openvino-fp16")
    ]
    pairs = pairs_of(models)
    f16, fp16 = "whisper-base-ggml-f16", "whisper-base-openvino-fp16"
    assert [pair for pair in pairs if pair.reference] == [
        Pair(f16, "whisper-base-ggml-q8_0", f16, 0.95),
        Pair(f16, "whisper-base-ggml-q5_1", f16, 0.95),
        Pair(fp16, "whisper-base-openvino-int8", fp16, 0.95),
    ]
    between = [pair for pair in pairs if not pair.reference]
    assert len(between) == 6
    assert {pair.limit for pair in between} == {0.90}


def test_without_an_unquantised_one_each_is_held_against_each() -> None:
    pairs = pairs_of([find_model("whisper-base-ggml-q8_0"), find_model("whisper-base-ggml-q5_1")])
    assert pairs == [Pair("whisper-base-ggml-q8_0", "whisper-base-ggml-q5_1", "", 0.90)]


def test_float32_is_the_better_reference() -> None:
    single = replace(OPENVINO, id="mine", title="Mine", precision="f32")
    (pair,) = pairs_of([find_model("whisper-base-openvino-fp16"), single])
    assert pair == Pair("mine", "whisper-base-openvino-fp16", "mine", 0.95)


def test_the_limit_itself_is_not_enough() -> None:
    pair = Pair("a", "b", "a", 0.95)
    assert not Agreement(pair, 0.95).good
    assert Agreement(pair, 0.951).good
    (found,) = agreements([pair], {"a": ["x" * 20], "b": ["x" * 19]})
    assert found == Agreement(pair, 0.95)


@pytest.mark.parametrize(
    ("model_id", "checkpoint"),
    [
        ("whisper-base-openvino-int8", "whisper-base"),
        ("whisper-base-ggml-q8_0", "whisper-base"),
        ("moonshine-tiny-en", "moonshine-tiny-en"),
    ],
)
def test_family(model_id: str, checkpoint: str) -> None:
    assert family(find_model(model_id)) == checkpoint


def test_family_of_an_added_one_is_its_name_without_engine_and_precision() -> None:
    model = replace(OPENVINO, id="kitchen-openvino-int8", made=None)
    assert family(model) == family(replace(model, id="kitchen-ggml-f16", precision="f16")) == "kitchen"
