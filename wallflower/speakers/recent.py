"""The last seconds of a session's sound."""

import numpy as np
from numpy.typing import NDArray

from wallflower.audio.pcm import SAMPLE_RATE


class RecentSound:
    """Keeps the last `samples` of mono 16 kHz sound, in a buffer of twice that which never grows."""

    def __init__(self, samples: int) -> None:
        self._kept = samples
        self._buffer = np.zeros(2 * samples, np.int16)
        self._filled = 0
        self._start = 0  # where the buffer begins in the session

    @property
    def end(self) -> int:
        """Samples of the session so far."""
        return self._start + self._filled

    def add(self, samples: NDArray[np.int16]) -> None:
        """Take the next sound; at most `samples` at once."""
        if self._filled + len(samples) > len(self._buffer):
            gone = self._filled - self._kept
            self._buffer[: self._kept] = self._buffer[gone : self._filled]
            self._start += gone
            self._filled = self._kept
        self._buffer[self._filled : self._filled + len(samples)] = samples
        self._filled += len(samples)

    def between(self, start: float, end: float) -> NDArray[np.int16]:
        """What is kept of the sound between two times in seconds: a view, valid until the next `add`."""
        first, last = (
            min(max(round(at * SAMPLE_RATE) - self._start, 0), self._filled) for at in (start, end)
        )
        return self._buffer[first:last]
