"""Spellings of one sound meet, and distances behave as distances do."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallflower.speech.sounds import difference, edits, plain, skeleton, sound

_SOUNDS = st.text("aeioubdfghklmnprstwjy", max_size=12)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("phone", "fone"),
        ("knight", "nite"),
        ("quay", "kway"),
        ("zack", "sak"),
        ("bridge", "brij"),
        ("anna", "ana"),
    ],
)
def test_spellings_of_one_sound(one: str, other: str) -> None:
    assert difference(sound(one), sound(other)) <= 0.6


def test_plain_takes_case_accents_and_signs_away() -> None:
    assert plain("Ünï-Code’s") == "unicodes"
    assert plain("Straße") == "strasse"
    assert plain("…") == ""


def test_a_skeleton_merges_what_is_mixed_up() -> None:
    assert skeleton(sound("gable")) == skeleton(sound("cable"))
    assert skeleton(sound("lamp")) != skeleton(sound("desk"))


def test_alike_costs_less_than_other() -> None:
    assert difference("gabl", "kabl") < difference("rabl", "kabl")
    assert difference("bet", "bat") < difference("bet", "bets")
    assert difference("abcd", "kfts", 0.5) == math.inf


@given(_SOUNDS, _SOUNDS)
def test_distances_are_symmetric_and_zero_for_the_same(one: str, other: str) -> None:
    assert difference(one, one) == edits(one, one) == 0
    assert difference(one, other) == pytest.approx(difference(other, one))
    assert edits(one, other) == edits(other, one) <= max(len(one), len(other))


@given(st.text())
def test_any_text_has_a_sound(text: str) -> None:
    assert len(skeleton(sound(plain(text)))) <= len(sound(plain(text)))
