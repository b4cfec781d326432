"""Log-mel filter banks as CAM++ takes them, in NumPy.

Source: `compute-fbank-feats` of Kaldi with 80 bands and without dither: frames of 25 ms every 10 ms, each
without its mean, pre-emphasis of 0.97, Povey's window, power, triangles on the mel scale from 20 Hz to 8 kHz,
logarithm. As in `engines/log_mel.py` no matrix is multiplied: NumPy's BLAS would take the cores from the
engine.
"""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wallflower.audio.pcm import SAMPLE_RATE

BANDS = 80
HOP = 160
"""Samples from one frame to the next: 10 ms."""

_WINDOW = 400
_FFT = 512
_LOWEST_HZ = 20.0
_PREEMPHASIS = np.float32(0.97)
_FLOOR = np.float32(np.finfo(np.float32).eps)


def filter_banks(samples: NDArray[np.int16]) -> NDArray[np.float32]:
    """The features [frames, 80] of mono 16 kHz sound; only frames that are whole: none of less than 25 ms."""
    if len(samples) < _WINDOW:
        return np.zeros((0, BANDS), np.float32)
    views = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[::HOP]
    frames = views.astype(np.float32)
    frames -= frames.mean(axis=1, keepdims=True)
    emphasised = np.empty_like(frames)
    emphasised[:, 1:] = frames[:, 1:] - _PREEMPHASIS * frames[:, :-1]
    emphasised[:, 0] = frames[:, 0] * (1 - _PREEMPHASIS)
    window, rising, falling, first, empty = _tables()
    spectrum = np.fft.rfft(emphasised * window, _FFT, axis=1)[:, :-1]
    power = np.asarray(spectrum.real**2 + spectrum.imag**2, np.float32)
    up = np.add.reduceat(power * rising, first, axis=1)
    down = np.add.reduceat(power * falling, first, axis=1)
    up[:, empty] = 0
    down[:, empty] = 0
    features: NDArray[np.float32] = np.log(np.maximum(up[:, :-1] + down[:, 1:], _FLOOR))
    return features


@cache
def _tables() -> tuple[NDArray[Any], ...]:
    """The window; how much of each bin is of the band that rises at it, and of the one that falls; the first
    bin between each two edges, and whether there is none. A bin lies between two neighbouring edges.
    """
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_WINDOW) / (_WINDOW - 1))) ** 0.85
    edges = np.linspace(_mel(_LOWEST_HZ), _mel(SAMPLE_RATE / 2), BANDS + 2)
    bins = _mel(np.arange(_FFT // 2) * SAMPLE_RATE / _FFT)
    gap = np.searchsorted(edges, bins, side="right") - 1
    inside = gap >= 0
    share = np.where(inside, (bins - edges[gap]) / np.diff(edges)[np.minimum(gap, BANDS)], 0.0)
    first = np.searchsorted(gap, np.arange(BANDS + 1))
    return (
        window.astype(np.float32),
        share.astype(np.float32),
        np.where(inside, 1 - share, 0.0).astype(np.float32),
        first,
        np.diff(np.append(first, len(bins))) == 0,
    )


def _mel(hertz: float | NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1127 * np.log1p(np.asarray(hertz) / 700))
