"""Turns of made-up speech probabilities, with embeddings of made-up voices."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from wallflower.speakers.embedding import SIZE
from wallflower.speakers.settings import Diarizing
from wallflower.speakers.turns import FRAME_SECONDS, Turn, TurnFinder

SETTINGS = Diarizing()


def _voices(*changes: float) -> list[NDArray[np.float32]]:
    return [np.eye(SIZE, dtype=np.float32)[number] for number in range(len(changes) + 1)]


def _turns(probabilities: list[float], *changes: float, block: int = 16) -> list[Turn]:
    """changes: seconds at which another voice goes on."""
    voices = _voices(*changes)

    def embed(start: float, end: float) -> NDArray[np.float32]:
        assert start < end
        edges = [start, *(min(max(at, start), end) for at in changes), end]
        mixed = sum(
            ((b - a) * voice for (a, b), voice in zip(pairwise(edges), voices, strict=True)), start=0.0
        )
        return np.asarray(mixed / np.linalg.norm(mixed), np.float32)

    finder = TurnFinder(SETTINGS, embed)
    found: list[Turn] = []
    for at in range(0, len(probabilities), block):
        found += finder.feed(probabilities[at : at + block])
    return found + finder.finish()


def _speech(seconds: float) -> list[float]:
    return [0.9] * round(seconds / FRAME_SECONDS)


def _silence(seconds: float) -> list[float]:
    return [0.0] * round(seconds / FRAME_SECONDS)


def test_a_pause_ends_a_turn() -> None:
    first, second = _turns(_speech(2) + _silence(1) + _speech(1.5) + _silence(1))
    assert abs(first.end - 2.15) < 0.1
    assert abs(second.start - 2.85) < 0.1


def test_a_short_pause_and_a_short_sound_are_nothing() -> None:
    assert len(_turns(_speech(1) + _silence(0.2) + _speech(1))) == 1
    assert _turns(_silence(1) + _speech(0.15) + _silence(1)) == []


def test_a_change_of_voice_ends_a_turn() -> None:
    first, second = _turns(_speech(7), 3.4)
    assert abs(first.end - 3.4) < SETTINGS.change_hop
    assert second.start == first.end


def test_one_who_goes_on_is_told_every_few_seconds() -> None:
    turns = _turns(_speech(20))
    assert [round(turn.seconds) for turn in turns] == [8, 8, 4]


@given(
    st.lists(st.tuples(st.floats(0, 1), st.integers(1, 150)), max_size=20),
    st.lists(st.floats(0, 30), max_size=3).map(sorted),
    st.integers(1, 50),
)
def test_turns_are_in_order_and_end_in_time(
    speech: list[tuple[float, int]], changes: list[float], block: int
) -> None:
    probabilities = [each for each, times in speech for _ in range(times)]
    turns = _turns(probabilities, *changes, block=block)
    assert turns == _turns(probabilities, *changes, block=1000)
    assert all(a.end <= b.start for a, b in pairwise(turns))
    for turn in turns:
        assert 0 <= turn.start < turn.end <= len(probabilities) * FRAME_SECONDS + 1e-6
        assert turn.seconds <= SETTINGS.longest_turn + 2 * SETTINGS.margin + FRAME_SECONDS
