"""The spectrogram against one written out plainly: every frame, and a matrix of filters."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from wallflower.engines.log_mel import LogMel
from wallflower.models.conversion.mel import mel_edges

FRAMES = 40


def plain(samples: NDArray[np.float32], bands: int, frames: int) -> NDArray[np.float64]:
    sound = np.zeros(frames * 160)
    sound[: len(samples)] = samples[: len(sound)]
    padded = np.pad(sound, 200, mode="reflect")
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    power = np.stack(
        [np.abs(np.fft.rfft(padded[at : at + 400] * window)) ** 2 for at in range(0, frames * 160, 160)]
    )
    edges, bins = mel_edges(bands), np.linspace(0, 8000, 201)
    filters = np.zeros((bands, 201))
    for band in range(bands):
        low, middle, high = edges[band : band + 3]
        rise, fall = (bins - low) / (middle - low), (high - bins) / (high - middle)
        filters[band] = np.maximum(0, np.minimum(rise, fall)) * 2 / (high - low)
    logarithm = np.log10(np.maximum(power @ filters.T, 1e-10)).T
    result: NDArray[np.float64] = (np.maximum(logarithm, logarithm.max() - 8) + 4) / 4
    return result


@settings(max_examples=60, deadline=None)
@given(
    length=st.integers(0, FRAMES * 160 + 500),
    bands=st.sampled_from([80, 128]),
    seed=st.integers(0, 9),
    level=st.sampled_from([0.3, 1e-3, 1e-6]),
)
def test_any_length_agrees_with_the_plain_way(length: int, bands: int, seed: int, level: float) -> None:
    samples = np.random.default_rng(seed).normal(0, level, length).astype(np.float32)
    found = LogMel(bands)(samples, FRAMES)
    assert found.shape == (1, bands, FRAMES)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[0], plain(samples, bands, FRAMES), atol=2e-3)


@pytest.mark.parametrize("bands", [80, 128])
def test_speech_agrees_with_the_plain_way(speech: NDArray[np.int16], bands: int) -> None:
    samples = speech.astype(np.float32) / np.float32(32768)
    np.testing.assert_allclose(LogMel(bands)(samples, 3000)[0], plain(samples, bands, 3000), atol=2e-3)


def test_silence_is_the_floor() -> None:
    np.testing.assert_allclose(LogMel(80)(np.zeros(1600, np.float32), 20), -1.5, atol=1e-6)


def test_tone_is_in_its_band() -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000).astype(np.float32)
    edges = mel_edges(80)
    loudest = int(LogMel(80)(tone, 100)[0].mean(axis=1).argmax())
    assert edges[loudest] < 1000 < edges[loudest + 2]
