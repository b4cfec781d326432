"""Stereo to mono where a channel may be dead."""

import numpy as np
import pytest
from numpy.typing import NDArray

from wallflower.audio.mixdown import Mixdown

RATE = 16_000


def tone(seconds: float, level: float = 8000) -> NDArray[np.int16]:
    return np.rint(level * np.sin(2 * np.pi * 440 * np.arange(int(seconds * RATE)) / RATE)).astype(np.int16)


def mixed(left: NDArray[np.int16], right: NDArray[np.int16], block: int = 512) -> NDArray[np.int16]:
    mixdown = Mixdown(RATE)
    stereo = np.stack([left, right], axis=1)
    return np.concatenate([mixdown.mix(stereo[at : at + block]) for at in range(0, len(stereo), block)])


@pytest.mark.parametrize("dead_left", [True, False])
@pytest.mark.parametrize("offset", [0, 900], ids=["nothing", "an offset"])
def test_a_dead_channel_takes_nothing_from_the_live_one(dead_left: bool, offset: int) -> None:
    live = tone(2)
    dead = np.full_like(live, offset)
    out = mixed(dead, live) if dead_left else mixed(live, dead)
    assert np.abs(out.astype(int) - live).max() <= 1


def test_two_live_channels_are_averaged() -> None:
    out = mixed(tone(1, 8000), tone(1, 2000))
    assert np.abs(out.astype(int) - tone(1, 5000)).max() <= 1


def test_mono_as_two_equal_channels_is_left_as_it_is() -> None:
    assert np.array_equal(mixed(tone(1), tone(1)), tone(1))


def test_a_channel_that_dies_is_left_after_seconds_and_not_in_a_pause_between_words() -> None:
    pause = np.zeros(2 * RATE, np.int16)
    left = tone(30)
    right = np.concatenate([tone(5), pause, tone(5), np.zeros(18 * RATE, np.int16)])
    out = mixed(left, right).astype(int)
    assert np.abs(out[int(5.5 * RATE) : 7 * RATE] - left[int(5.5 * RATE) : 7 * RATE] / 2).max() < 10
    assert np.abs(out[-RATE:] - left[-RATE:]).max() <= 1
    assert np.abs(np.diff(out)).max() < 3000  # no click


def test_silence_and_nothing() -> None:
    silence = np.zeros(RATE, np.int16)
    assert not mixed(silence, silence).any()
    assert len(Mixdown(RATE).mix(np.empty((0, 2), np.int16))) == 0


def test_the_loudest_does_not_wrap_around() -> None:
    loudest = np.full(RATE, 32767, np.int16)
    loudest[::2] = -32768
    out = mixed(loudest, loudest)
    assert out.max() == 32767
    assert out.min() == -32768
