"""Texts as pieces: nothing is lost, and they fit together again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallflower.speech.pieces import continued, same_key, split_pieces

LANGUAGES = st.sampled_from(["en", "de", "zh", "ja", "th"])


@given(st.text(), LANGUAGES)
def test_pieces_joined_are_the_text(text: str, language: str) -> None:
    assert "".join(split_pieces(text, language)) == text.strip()


@given(st.lists(st.text(st.characters(categories=["L", "N", "P"]), min_size=1), min_size=1))
def test_pieces_are_words_where_spaces_part_them(words: list[str]) -> None:
    pieces = split_pieces(" ".join(words), "en")
    assert [piece.strip() for piece in pieces] == words
    assert continued(pieces, "en") == [f" {word}" for word in words]


def test_languages_without_spaces_have_signs() -> None:
    assert split_pieces(" 今天天气 ", "zh") == ["今", "天", "天", "气"]
    assert continued(["今", "天"], "zh") == ["今", "天"]


def test_nothing_continues_as_nothing() -> None:
    assert split_pieces("  ", "en") == continued([], "en") == []


@pytest.mark.parametrize(
    ("one", "other"),
    [(" Times,", "times"), ("ＴＩＭＥＳ", "times!"), ("Straße", "STRASSE"), ("don’t", "don't")],
)
def test_case_and_punctuation_make_no_difference(one: str, other: str) -> None:
    assert same_key(one) == same_key(other) != ""


def test_punctuation_alone_has_no_key() -> None:
    assert same_key(" – ") == ""
    assert same_key("20°") != same_key("20")
