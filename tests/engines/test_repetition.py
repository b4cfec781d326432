"""Circles, and what only looks like one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallflower.engines.repetition import before_circle, repeated_tokens


@pytest.mark.parametrize(
    ("tokens", "excess"),
    [
        ([], 0),
        ([5] * 15, 0),  # a number can be said many times
        ([5] * 16, 15),
        ([1, 2, 5] + [5] * 15, 15),
        ([1, 2, 3] * 5, 0),
        ([9, *([1, 2, 3] * 6)], 15),
        ([1, 2, 3, 4, 5, 6, 7] * 2, 0),  # a line said twice
        ([8, *([1, 2, 3, 4, 5, 6, 7] * 3)], 14),
    ],
)
def test_what_repeats_is_counted(tokens: list[int], excess: int) -> None:
    assert repeated_tokens(tokens) == excess


@given(st.lists(st.integers(0, 3), max_size=60))
def test_what_is_left_ends_with_what_was_cut(tokens: list[int]) -> None:
    excess = repeated_tokens(tokens)
    if excess:
        kept, cut = tokens[:-excess], tokens[-excess:]
        period = next(n for n in range(1, len(kept) + 1) if (kept[-n:] * len(cut))[: len(cut)] == cut)
        assert excess % period == 0


def test_lines_that_differ_are_no_circle() -> None:
    assert repeated_tokens(list(range(200))) == 0


@pytest.mark.parametrize(
    ("tokens", "kept"),
    [
        ([], 0),
        ([1, 2, 3], 3),
        ([9, *[7] * 30], 2),
        ([9, *[7] * 30, 5, 6], 2),  # what comes after a circle is not to be trusted either
        ([9, *list(range(10, 20)) * 3, 8], 11),
        ([1, 2] * 4, 8),  # people do say a thing again
    ],
)
def test_what_stands_before_a_circle(tokens: list[int], kept: int) -> None:
    assert before_circle(tokens) == kept
