"""Words from tokens, and their places from attention."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from wallflower.engines.word_times import align, split_words, timed_words

LETTERS = "Grüß Gott".encode()


def _bytes(tokens: list[int]) -> str:
    return bytes(tokens).decode("utf-8", "replace")


def test_words_begin_at_spaces_and_keep_their_punctuation() -> None:
    pieces = [" Turn", " off", ",", " every", "thing", "."]
    words = split_words(range(6), lambda tokens: "".join(pieces[t] for t in tokens), spaces=True)
    assert words == [("Turn", 0, 1), ("off,", 1, 3), ("everything.", 3, 6)]


def test_punctuation_after_a_space_is_no_word() -> None:
    pieces = [" Quelle", " heure", " ?"]
    words = split_words(range(3), lambda tokens: "".join(pieces[t] for t in tokens), spaces=True)
    assert words == [("Quelle", 0, 1), ("heure ?", 1, 3)]


def test_letters_of_several_tokens_stay_whole() -> None:
    assert split_words(list(LETTERS), _bytes, spaces=True) == [("Grüß", 0, 6), ("Gott", 6, 11)]


def test_without_spaces_each_letter_is_a_word_and_takes_the_punctuation() -> None:
    tokens = list("你好。".encode())
    assert split_words(tokens, _bytes, spaces=False) == [("你", 0, 3), ("好。", 3, 9)]


def test_text_that_ends_inside_a_letter_is_kept() -> None:
    assert split_words(list("aü".encode()[:-1]), _bytes, spaces=True) == [
        ("a\N{REPLACEMENT CHARACTER}", 0, 2)
    ]


def test_alignment_follows_a_ridge() -> None:
    attention = np.full((2, 5, 120), 1e-3, np.float32)
    for row, begin in enumerate([0, 20, 45, 70, 100]):
        attention[:, row, begin : begin + 20] = 1
    entered = align(attention, 120)
    assert np.abs(entered - [0, 20, 45, 70, 100]).max() <= 6
    assert align(attention, 60).max() < 60


@given(
    arrays.arrays(
        np.float32,
        st.tuples(st.integers(1, 3), st.integers(1, 8), st.integers(1, 30)),
        elements=st.floats(0, 1, width=32),
    )
)
def test_positions_never_decrease(attention: NDArray[np.float32]) -> None:
    positions = attention.shape[2]
    entered = align(attention, positions)
    assert len(entered) == attention.shape[1]
    assert np.all(np.diff(entered) >= 0)
    assert 0 <= entered.min() <= entered.max() < positions


def test_times_stay_inside_and_confidence_is_the_mean() -> None:
    words = [("one", 0, 2), ("two", 2, 3)]
    first, second = timed_words(words, np.array([0, 5, 50, 100]), [0.5, 1.0, 0.25, 0.9], 1.5)
    assert (first.text, first.start, first.end) == ("one", 0.0, 1.0)
    assert first.confidence == pytest.approx(0.75)
    assert (second.start, second.end, second.confidence) == (1.0, 1.5, 0.25)
