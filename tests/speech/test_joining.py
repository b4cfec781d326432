"""Texts of pieces of sound that overlap: no word lost, none doubled."""

from hypothesis import given
from hypothesis import strategies as st

from wallflower.speech.joining import REACH, join

_WORDS = st.lists(st.integers(0, 10_000).map(lambda number: f" w{number}"), unique=True, max_size=40)


@st.composite
def _cut(draw: st.DrawFn) -> tuple[list[str], int, int]:
    """Words, and from where to where both sides have them."""
    words = draw(st.lists(st.integers(0, 999).map(lambda n: f" w{n}"), unique=True, min_size=1, max_size=40))
    start = draw(st.integers(0, len(words) - 1))
    return words, start, draw(st.integers(start + 1, min(start + REACH, len(words))))


@given(_cut())
def test_what_both_have_comes_once(cut: tuple[list[str], int, int]) -> None:
    words, start, end = cut
    assert join(words[:end], words[start:]) == words


@given(_cut())
def test_words_that_were_cut_in_two_are_left_out(cut: tuple[list[str], int, int]) -> None:
    """Each side has, of the word at its edge, a piece that the other has whole."""
    words, start, end = cut
    shared = words[start : min(end, start + REACH - 1)]
    before, after = words[:start], words[start + len(shared) :]
    assert join([*before, *shared, " ha"], [" lf", *shared, *after]) == words


@given(_cut())
def test_a_word_that_is_cut_on_one_side_is_left_out(cut: tuple[list[str], int, int]) -> None:
    words, start, end = cut
    shared = words[start : min(end, start + REACH - 1)]
    before, after = words[:start], words[start + len(shared) :]
    assert join([*before, *shared], [" lf", *shared, *after]) == words
    assert join([*before, *shared, " ha"], [*shared, *after]) == words


@given(_WORDS, st.integers(0, 40))
def test_without_a_common_word_all_are_kept(words: list[str], place: int) -> None:
    assert join(words[:place], words[place:]) == words


@given(_cut(), st.booleans())
def test_case_and_punctuation_do_not_part_them(cut: tuple[list[str], int, int], upper: bool) -> None:
    words, start, end = cut
    right = [word.upper() if upper else f"{word}," for word in words[start:]]
    joined = join(words[:end], right)
    assert [word.lower().strip(",") for word in joined] == words


def test_words_that_come_again_are_not_lost() -> None:
    assert join(["no", " no"], ["no", " no", " never"]) == ["no", " no", " never"]
    assert join(["a", " b", " a", " b"], ["a", " b", " c"]) == ["a", " b", " a", " b", " c"]


def test_punctuation_alone_joins_nothing() -> None:
    assert join(["well", " –"], ["–", " then"]) == ["well", " –", "–", " then"]
