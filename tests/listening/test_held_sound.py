"""Sound that is held until it is known whether anybody speaks in it."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from wallflower.audio.pcm import SAMPLE_RATE
from wallflower.listening.held_sound import HeldSound, Silence


def _sound(seconds: float) -> NDArray[np.int16]:
    return np.ones(round(seconds * SAMPLE_RATE), np.int16)


def _ready(held: HeldSound, start: float, silence: Silence | None) -> list[tuple[float, bool]]:
    return [(len(samples) / SAMPLE_RATE, quiet) for samples, quiet in held.ready(start, silence)]


def test_where_nobody_looks_all_goes_on_at_once() -> None:
    held = HeldSound()
    held.add(_sound(0.3))
    assert _ready(held, 0, None) == [(0.3, False)]
    assert held.samples == 0


def test_what_is_far_from_speech_is_quiet() -> None:
    held = HeldSound()
    for _ in range(4):
        held.add(_sound(0.5))
    assert _ready(held, 10, Silence(0, 12)) == [(1.0, True)]  # the rest may be just before speech
    assert _ready(held, 11, Silence(0, 12.5)) == []  # not worth a piece yet
    assert _ready(held, 11, Silence(0, 13)) == [(1.0, True)]


def test_speech_has_what_was_before_and_after_it() -> None:
    held = HeldSound()
    for _ in range(6):
        held.add(_sound(0.5))
    assert _ready(held, 10, Silence(9, 13)) == [(1.0, False), (1.0, True)]
    assert _ready(held, 12, Silence(12.8, 13)) == [(1.0, False)]


def test_nobody_waits_long_for_one_who_does_not_look() -> None:
    held = HeldSound()
    told = []
    for number in range(30):
        held.add(_sound(0.5))
        told += _ready(held, number * 0.5 + 0.5 - held.samples / SAMPLE_RATE, Silence(0, 3))
        assert held.samples <= 5 * SAMPLE_RATE
    assert told[0] == (0.5, False)  # the start of the sound, where speech may just have been
    assert not told[-1][1]


@given(
    st.lists(st.tuples(st.integers(1, 40_000), st.floats(0, 30), st.floats(0, 10)), max_size=30),
)
def test_nothing_is_lost_and_all_in_order(steps: list[tuple[int, float, float]]) -> None:
    held = HeldSound()
    given_, taken = [], []
    position = done = 0
    for length, start, silent in steps:
        piece = np.arange(position, position + length).astype(np.int16)
        position += length
        given_.append(piece)
        held.add(piece)
        for samples, _ in held.ready(done / SAMPLE_RATE, Silence(start, start + silent)):
            taken.append(samples)
            done += len(samples)
        assert held.samples == position - done
    taken += held.rest()
    assert held.samples == 0
    assert np.array_equal(np.concatenate([np.zeros(0), *given_]), np.concatenate([np.zeros(0), *taken]))
