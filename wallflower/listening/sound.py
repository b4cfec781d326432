"""The sound of a session that is still needed, addressed by its place in the session."""

import numpy as np
from numpy.typing import NDArray


class Sound:
    """Mono 16 kHz int16 samples; positions count from the session's start, also after a drop."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._first = 0  # the position of the first sample that is still here

    @property
    def end(self) -> int:
        """The position after the last sample."""
        return self._first + len(self._bytes) // 2

    def append(self, samples: NDArray[np.int16]) -> None:
        """Add samples at the end."""
        self._bytes += samples.tobytes()

    def copy(self, start: int, end: int) -> NDArray[np.int16]:
        """A copy of the samples in [start, end). Raises ValueError for samples that are gone or to come."""
        if not self._first <= start <= end <= self.end:
            raise ValueError(f"samples {start} to {end} are not among {self._first} to {self.end}")
        piece = self._bytes[2 * (start - self._first) : 2 * (end - self._first)]
        return np.frombuffer(piece, np.int16)

    def drop_before(self, position: int) -> None:
        """Forget the samples before `position`."""
        gone = min(position, self.end) - self._first
        if gone > 0:
            del self._bytes[: 2 * gone]
            self._first += gone

    def skip_to(self, position: int) -> None:
        """Forget all samples; the next one has this position, which is none before the end."""
        self._bytes.clear()
        self._first = position
