"""Stereo to mono, where a dead channel does not count."""

import numpy as np
from numpy.typing import NDArray

_DEAD = 10 ** (-30 / 20)  # quieter than the louder channel by 30 dB
_MEMORY_SECONDS = 10.0  # how long it takes for a channel's loudness to fall by 30 dB once it is quiet


class Mixdown:
    """Mixes one stream of stereo, block by block. The mean of both channels, or the live one alone."""

    def __init__(self, rate: int) -> None:
        """Rate: samples a second and channel, Hz."""
        self._rate = rate
        self._loudness = np.zeros(2)
        self._gains: NDArray[np.float32] | None = None

    def mix(self, stereo: NDArray[np.int16]) -> NDArray[np.int16]:
        """Mono samples, shape (n,), of `stereo`, shape (n, 2). Gains change over a block, without a click."""
        if not len(stereo):
            return np.empty(0, np.int16)
        floats = stereo.astype(np.float32)
        # The standard deviation, not the root mean square: an offset is no sound.
        faded = self._loudness * _DEAD ** (len(stereo) / self._rate / _MEMORY_SECONDS)
        self._loudness = np.maximum(floats.std(axis=0), faded)
        live = self._loudness >= max(self._loudness.max() * _DEAD, 1e-9)
        if not live.any():
            live[:] = True
        gains = (live / live.sum()).astype(np.float32)
        before = gains if self._gains is None else self._gains
        self._gains = gains
        if not np.array_equal(before, gains):
            gains = before + (gains - before) * np.linspace(0, 1, len(stereo), dtype=np.float32)[:, None]
        # Not a matrix product, for which BLAS could wake threads beside an engine's.
        mono = floats[:, 0] * gains[..., 0] + floats[:, 1] * gains[..., 1]
        mixed: NDArray[np.int16] = np.clip(np.rint(mono), -32768, 32767).astype(np.int16)
        return mixed
