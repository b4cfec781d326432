"""Log-mel spectrograms as Whisper takes them, in NumPy.

Source: `log_mel_spectrogram` of github.com/openai/whisper: a Hann window of 25 ms every 10 ms, power, mel
bands on Slaney's scale with equal area, the logarithm clipped to 8 decades below the loudest.

Nothing here multiplies matrices. NumPy's BLAS would do it with threads of its own, which spin on for tens
of milliseconds afterwards and take the cores from the encoder: measured on two cores, a 3 s command cost
564 instead of 470 ms of CPU time.
"""

import numpy as np
from numpy.typing import NDArray

from wallflower.audio.pcm import SAMPLE_RATE
from wallflower.models.conversion.mel import mel_edges

HOP = 160
"""Samples from one frame to the next: 10 ms."""

_WINDOW = 400
_MARGIN = _WINDOW // 2  # a frame is centred on its place, so the first reaches over the beginning
_LOWEST_POWER = 1e-10
_FLOOR = -10.0  # its logarithm
_DECADES = 8.0


class LogMel:
    """Makes spectrograms of `bands` mel bands. Holds no sound; threads may share it."""

    def __init__(self, bands: int) -> None:
        self.bands = bands
        self._hann = np.hanning(_WINDOW + 1)[:-1].astype(np.float32)
        edges = mel_edges(bands)
        bins = np.linspace(0, SAMPLE_RATE / 2, _WINDOW // 2 + 1)[:-1]  # the last weighs nothing
        # Each bin lies between two neighbouring edges, where one band rises and the one before it falls.
        gap = np.searchsorted(edges, bins, side="right") - 1
        share = (bins - edges[gap]) / np.diff(edges)[gap]
        area = np.concatenate([[0.0], 2 / (edges[2:] - edges[:-2]), [0.0]])  # none before, none after
        self._rising = (share * area[gap + 1]).astype(np.float32)[:, np.newaxis]
        self._falling = ((1 - share) * area[gap]).astype(np.float32)[:, np.newaxis]
        first = np.searchsorted(gap, np.arange(bands + 1))
        self._first = np.minimum(first, len(bins) - 1)
        self._empty = np.diff(np.append(first, len(bins))) == 0  # with many bands some hold no bin

    def __call__(self, samples: NDArray[np.float32], frames: int) -> NDArray[np.float32]:
        """The spectrogram [1, bands, frames] of `samples`, cut or filled with silence to `frames` frames.

        Only frames that touch the sound are computed; the others are the floor.
        """
        samples = samples[: frames * HOP]
        touched = min(frames, -(-(len(samples) + _MARGIN) // HOP))
        power = self._power(samples, touched)
        rising = np.add.reduceat(power * self._rising, self._first, axis=0)
        falling = np.add.reduceat(power * self._falling, self._first, axis=0)
        rising[self._empty] = 0
        falling[self._empty] = 0
        bands = rising[:-1] + falling[1:]
        result = np.full((self.bands, frames), _FLOOR, np.float32)
        result[:, :touched] = np.log10(np.maximum(bands, _LOWEST_POWER))
        np.maximum(result, result.max() - np.float32(_DECADES), out=result)
        scaled: NDArray[np.float32] = (result + np.float32(4)) / np.float32(4)
        return scaled[np.newaxis]

    def _power(self, samples: NDArray[np.float32], frames: int) -> NDArray[np.float32]:
        """The power spectrum of the first frames, [bins, frames]; sound is mirrored at both ends."""
        padded = np.zeros(frames * HOP + 2 * _MARGIN, np.float32)
        inside = samples[: len(padded) - _MARGIN]
        padded[_MARGIN : _MARGIN + len(inside)] = inside
        padded[:_MARGIN] = padded[2 * _MARGIN : _MARGIN : -1]
        end = _MARGIN + frames * HOP
        if len(samples) > frames * HOP - _MARGIN:
            padded[end:] = padded[end - 2 : end - 2 - _MARGIN : -1]
        windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::HOP][:frames]
        spectrum = np.fft.rfft(windows * self._hann, axis=1)[:, :-1].T
        return np.asarray(spectrum.real**2 + spectrum.imag**2, np.float32)
