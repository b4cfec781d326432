"""When somebody speaks in a clip, by its loudness: a judge that is none of the parts that are measured."""

import numpy as np
from numpy.typing import NDArray

from wallflower.audio.pcm import SAMPLE_RATE

_BLOCK = 160  # 10 ms
_BELOW_PEAK_DB = 35.0


def speech_span(samples: NDArray[np.int16]) -> tuple[float, float]:
    """Seconds at which the speech in a clip of one command begins and ends: the first and last 10 ms that are
    no more than 35 dB below the loudest.
    """
    blocks = samples[: len(samples) // _BLOCK * _BLOCK].reshape(-1, _BLOCK).astype(np.float64)
    power = (blocks**2).mean(axis=1) + 1e-9
    loud = np.flatnonzero(power >= power.max() * 10 ** (-_BELOW_PEAK_DB / 10))
    return float(loud[0] * _BLOCK / SAMPLE_RATE), float((loud[-1] + 1) * _BLOCK / SAMPLE_RATE)
