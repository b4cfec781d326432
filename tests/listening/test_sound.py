"""The sound of a session against a plain list."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallflower.listening.sound import Sound


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 200)), max_size=20))
def test_positions_hold_after_drops(steps: list[tuple[int, int]]) -> None:
    sound, whole, dropped = Sound(), np.empty(0, np.int16), 0
    for length, drop in steps:
        new = np.arange(len(whole), len(whole) + length, dtype=np.int16)
        sound.append(new)
        whole = np.concatenate([whole, new])
        sound.drop_before(drop)
        dropped = max(dropped, min(drop, len(whole)))
        assert sound.end == len(whole)
        np.testing.assert_array_equal(sound.copy(dropped, sound.end), whole[dropped:])


def test_sound_that_is_gone_or_to_come_is_refused() -> None:
    sound = Sound()
    sound.append(np.zeros(100, np.int16))
    sound.drop_before(50)
    for start, end in ((49, 60), (60, 101), (70, 60)):
        with pytest.raises(ValueError, match="not among 50 to 100"):
            sound.copy(start, end)


def test_copy_outlives_the_sound() -> None:
    sound = Sound()
    sound.append(np.arange(10, dtype=np.int16))
    copy = sound.copy(0, 10)
    sound.drop_before(10)
    sound.append(np.zeros(10, np.int16))
    np.testing.assert_array_equal(copy, np.arange(10))
