"""Times for the words of a text that was joined and repaired."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from wallflower.engines.base import Word
from wallflower.speech.placing import placed_words


def _words(text: str) -> list[Word]:
    return [Word(each, float(at), at + 0.5, 0.9) for at, each in enumerate(text.split())]


def test_the_text_has_the_last_say_on_case_and_punctuation() -> None:
    placed = placed_words("It was, the best.", "en", _words("it was the best"))
    assert [(word.text, word.start) for word in placed] == [("It", 0), ("was,", 1), ("the", 2), ("best.", 3)]


def test_words_that_an_overlap_has_twice_count_once() -> None:
    placed = placed_words("a b c d", "en", _words("a b b c c d"))
    assert [word.start for word in placed] == [0, 1, 3, 5]


def test_a_word_that_was_put_right_has_no_time_so_none_has() -> None:
    assert placed_words("the Küchenlicht", "en", _words("the kitchen licked")) == []


def test_a_dash_belongs_to_the_word_before_it() -> None:
    placed = placed_words("one – two", "en", _words("one two"))
    assert [word.text for word in placed] == ["one –", "two"]


def test_languages_without_spaces_agree_as_a_whole() -> None:
    assert placed_words("今天。", "zh", _words("今 天")) == _words("今 天")
    assert placed_words("天", "zh", _words("今 天")) == []


@given(st.text(), st.lists(st.text(max_size=4), max_size=9))
def test_joined_they_are_the_text_and_times_never_go_back(text: str, words: list[str]) -> None:
    given_words = [Word(each, float(-at), float(at)) for at, each in enumerate(words)]
    placed = placed_words(text, "en", given_words)
    if placed:
        assert " ".join(word.text for word in placed).split() == text.split()
    assert all(a.start <= b.start <= b.end for a, b in itertools.pairwise(placed))
