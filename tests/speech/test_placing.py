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


def test_where_little_is_the_same_nothing_has_a_time() -> None:
    assert placed_words("the Küchenlicht", "en", _words("the kitchen licked")) == []


def test_what_is_written_otherwise_has_the_time_between_its_neighbours() -> None:
    placed = placed_words(
        "1 pound of good meat and 1 1/2 – eggs", "en", _words("one pound of good meat and one half eggs")
    )
    assert [(word.text, word.start, word.end) for word in placed] == [
        ("1", 0, 0.5),
        ("pound", 1, 1.5),
        ("of", 2, 2.5),
        ("good", 3, 3.5),
        ("meat", 4, 4.5),
        ("and", 5, 5.5),
        ("1", 6, 6.75),
        ("1/2 –", 6.75, 7.5),
        ("eggs", 8, 8.5),
    ]
    assert [word.confidence for word in placed[:2]] == [None, 0.9]
    added = placed_words("so it was there again", "en", _words("so it was again"))
    assert [(word.text, word.start, word.end) for word in added][3] == ("there", 2.5, 2.5)
    assert placed_words("– one two three 4", "en", _words("one two three four")) == []


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
