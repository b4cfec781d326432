"""Noticing text that nobody said: what a model makes up on silence, noise and music."""

import zlib

import numpy as np
from numpy.typing import NDArray

from wallflower.engines.base import Transcription

QUIETEST_DBFS = -62.0
"""A segment below this is nobody near the microphone. Far meetings in the development sets lie at -51."""

_NO_SPEECH = 0.6
_UNSURE = -1.0
"""Whisper's own rule: silence when it thinks so and is not sure of its words."""
_VERY_UNSURE = -1.8
_MOST_COMPRESSED = 2.8
"""Text that zlib packs this tight says the same thing again and again; Whisper's own limit is 2.4, which
short rhymes reach."""
_SHORTEST_COMPRESSED = 60


def loudness(samples: NDArray[np.float32]) -> float:
    """The level of the loudest tenth of a second, in dBFS."""
    window = 1600
    if not len(samples):
        return -np.inf
    pad = -len(samples) % window
    blocks = np.pad(samples, (0, pad)).reshape(-1, window)
    power = float((blocks**2).mean(axis=1).max())
    return 10 * float(np.log10(power)) if power > 0 else -np.inf


def made_up(transcription: Transcription, samples: NDArray[np.float32], *, begun: bool = False) -> str:
    """Why the text is not to be believed; empty when it is. samples: what it was made from, in [-1, 1].
    begun: its first words were believed before, so what is told of certainty is about a few last ones alone.
    """
    if not transcription.text:
        return ""
    average = transcription.average_log_probability
    if average is not None and not begun:
        if transcription.no_speech is not None and transcription.no_speech > _NO_SPEECH and average < _UNSURE:
            return "the model hears no speech"
        if average < _VERY_UNSURE:
            return "the model is guessing"
    if loudness(samples) < QUIETEST_DBFS:
        return "too quiet to be speech"
    text = transcription.text.encode()
    if len(text) >= _SHORTEST_COMPRESSED and len(text) / len(zlib.compress(text)) > _MOST_COMPRESSED:
        return "it repeats itself"
    return ""
