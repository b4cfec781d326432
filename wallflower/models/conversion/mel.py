"""The mel filters that Whisper was trained with: triangles on Slaney's scale, of area 1 (as librosa's)."""

import numpy as np
from numpy.typing import NDArray

from wallflower.audio.pcm import SAMPLE_RATE

_WINDOW = 400  # samples of a Fourier transform
_LINEAR_STEP = 200 / 3  # Hz in a mel below the break
_BREAK_HERTZ = 1000.0
_BREAK_MEL = _BREAK_HERTZ / _LINEAR_STEP
_LOG_STEP = np.log(6.4) / 27


def mel_edges(bands: int) -> NDArray[np.float64]:
    """The frequencies in Hz between which the bands rise and fall, [bands + 2], up to half the rate."""
    highest = _BREAK_MEL + np.log(SAMPLE_RATE / 2 / _BREAK_HERTZ) / _LOG_STEP
    mels = np.linspace(0, highest, bands + 2)
    above = _BREAK_HERTZ * np.exp(_LOG_STEP * (mels - _BREAK_MEL))
    return np.where(mels < _BREAK_MEL, _LINEAR_STEP * mels, above)


def mel_filters(mels: int) -> NDArray[np.float32]:
    """The weight of each of 201 frequencies in each mel band; mels × 201."""
    frequencies = np.linspace(0, SAMPLE_RATE / 2, 1 + _WINDOW // 2)
    corners = mel_edges(mels)
    widths = np.diff(corners)
    distances = corners[:, np.newaxis] - frequencies
    rising = -distances[:-2] / widths[:-1, np.newaxis]
    falling = distances[2:] / widths[1:, np.newaxis]
    triangles = np.maximum(0, np.minimum(rising, falling))
    areas = (corners[2:] - corners[:-2]) / 2
    return (triangles * (1 / areas)[:, np.newaxis]).astype(np.float32)
