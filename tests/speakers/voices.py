"""Voices to tell apart: one person's speech, and the same played quicker and slower, which are others."""

from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from wallflower.audio.pcm import SAMPLE_RATE
from wallflower.audio.wav import read_stream

QUICK, SLOW, SLOWER = 1.35, 0.75, 0.65


def read_voice(path: Path) -> NDArray[np.int16]:
    with path.open("rb") as file:
        return np.concatenate(list(read_stream(file)))


def played(sound: NDArray[np.int16], speed: float) -> NDArray[np.int16]:
    """The sound at another speed, and so with another voice."""
    other: NDArray[np.int16] = soxr.resample(sound, SAMPLE_RATE * speed, SAMPLE_RATE)
    return other


def seconds(sound: NDArray[np.int16], start: float, end: float) -> NDArray[np.int16]:
    return sound[int(start * SAMPLE_RATE) : int(end * SAMPLE_RATE)]


def silence(length: float) -> NDArray[np.int16]:
    return np.zeros(int(length * SAMPLE_RATE), np.int16)


def noise(length: float, level: float, seed: int = 1) -> NDArray[np.int16]:
    """Noise of `level`, RMS in steps of int16."""
    values = np.random.default_rng(seed).normal(size=int(length * SAMPLE_RATE)) * level
    return np.clip(values, -32768, 32767).astype(np.int16)
