from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from wallflower.speakers.embedding import SIZE
from wallflower.speakers.rendering import Rendering
from wallflower.speakers.segmentation import FRAME_SECONDS
from wallflower.speakers.settings import Revising
from wallflower.speakers.windows import Window

FRAMES = 589


def _window(start: float, *speaks: tuple[int, float, float]) -> Window:
    """speaks: a local speaker, and from when to when, in seconds of the window."""
    activity = np.zeros((FRAMES, 3), np.uint8)
    for local, begin, end in speaks:
        activity[int(begin / FRAME_SECONDS) : int(end / FRAME_SECONDS), local] = 255
    return Window(start, activity, np.zeros((3, SIZE), np.float16), np.zeros(3, np.float32))


def _rendering(*windows: Window, owners: list[list[int]], speakers: int = 2) -> Rendering:
    return Rendering(windows, np.array(owners), speakers, Revising())


def _near(found: list[tuple[float, float, int]], *expected: tuple[float, float, int]) -> None:
    assert [speaker for *_, speaker in found] == [speaker for *_, speaker in expected]
    for (start, end, _), (begin, stop, _) in zip(found, expected, strict=True):
        assert (start, end) == pytest.approx((begin, stop), abs=0.06)


def _likeness(*values: float) -> NDArray[np.float32]:
    return np.array(values, np.float32)


def test_overlap_is_kept() -> None:
    window = _window(100, (0, 1, 5), (1, 4, 8))
    _near(_rendering(window, owners=[[1, 0, -1]]).stretches(), (101, 105, 1), (104, 108, 0))


def test_who_is_nobody_is_left_out() -> None:
    assert _rendering(_window(0, (0, 1, 5)), owners=[[-1, -1, -1]]).stretches() == []


def test_speech_that_the_windows_leave_out_is_of_who_speaks_nearby() -> None:
    rendering = _rendering(_window(0, (0, 2, 4), (1, 6, 8)), owners=[[0, 1, -1]])
    rendering.fill([(1.8, 5.0), (9.0, 9.5)])
    _near(rendering.stretches(), (1.8, 4.25, 0), (6, 8, 1))


def test_silence_has_nothing_to_fill() -> None:
    rendering = _rendering(_window(0), owners=[[-1, -1, -1]])
    rendering.fill([(1, 2)])
    rendering.witness(1, 2, _likeness(0.9, 0.1))
    assert rendering.stretches() == []


def test_a_turn_tells_two_apart_whom_the_windows_take_for_one() -> None:
    rendering = _rendering(_window(0, (0, 1, 9)), owners=[[0, -1, -1]])
    rendering.witness(5, 9.2, _likeness(0.1, 0.8))
    _near(rendering.stretches(), (1, 5, 0), (5, 9, 1))


def test_a_turn_of_two_by_the_windows_tells_nothing() -> None:
    rendering = _rendering(_window(0, (0, 1, 5), (1, 5.5, 9)), owners=[[0, 1, -1]])
    rendering.witness(1, 9, _likeness(0.1, 0.8))
    _near(rendering.stretches(), (1, 5, 0), (5.5, 9, 1))


def test_a_turn_that_is_like_both_tells_nothing() -> None:
    rendering = _rendering(_window(0, (0, 1, 9)), owners=[[0, -1, -1]])
    rendering.witness(5, 9, _likeness(0.50, 0.55))
    _near(rendering.stretches(), (1, 9, 0))


times = st.floats(-5, 30).flatmap(lambda start: st.tuples(st.just(start), st.floats(start, start + 8)))


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 2), st.floats(0, 5), st.floats(5, 10)), max_size=4), min_size=1
    )
    .filter(lambda each: len(each) < 5)
    .flatmap(
        lambda speech: st.tuples(
            st.just(speech),
            st.lists(st.permutations([0, 1, 2, -1]), min_size=len(speech), max_size=len(speech)),
        )
    ),
    st.lists(st.tuples(times, st.lists(st.floats(-1, 1), min_size=3, max_size=3)), max_size=5),
)
def test_stretches_are_in_order_and_nobody_speaks_twice_at_once(
    content: tuple[list[list[tuple[int, float, float]]], list[list[int]]],
    turns: list[tuple[tuple[float, float], list[float]]],
) -> None:
    speech, owners = content
    windows = [_window(5.0 * index, *each) for index, each in enumerate(speech)]
    rendering = _rendering(*windows, owners=[each[:3] for each in owners], speakers=3)
    rendering.fill([turn for turn, _ in turns])
    for (start, end), likeness in turns:
        rendering.witness(start, end, _likeness(*likeness))
    found = rendering.stretches()
    assert found == sorted(found)
    assert all(0 <= start < end <= 5 * len(speech) + 5.1 and 0 <= who < 3 for start, end, who in found)
    for who in range(3):
        theirs = [(start, end) for start, end, each in found if each == who]
        assert all(end < start for (_, end), (start, _) in pairwise(theirs))
