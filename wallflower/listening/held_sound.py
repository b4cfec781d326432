"""Sound on its way to the diarizer: held until it is known whether anybody speaks in it.

The session of the words has a VAD of its own, which is ahead by then. What is far from its speech needs no
second look, and that is nearly all sound of a day.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wallflower.audio.pcm import SAMPLE_RATE

_BEFORE_SECONDS = 1.0
"""So long before speech it is looked at,"""
_AFTER_SECONDS = 2.0
"""and so long after it."""
_LONGEST_SECONDS = 5.0
"""More is not held: the session may be behind, or gone."""
_PIECE_SECONDS = 1.0
"""Silence is handed on in pieces of this length at least."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Nobody speaks between these times, as far as it is known: seconds in the source's sound."""

    start: float
    end: float


class HeldSound:
    """In order; nothing is lost but by `clear`."""

    def __init__(self) -> None:
        self.samples = 0
        """That are held."""
        self._pieces: deque[NDArray[np.int16]] = deque()

    def add(self, samples: NDArray[np.int16]) -> None:
        """Hold the next sound."""
        self._pieces.append(samples)
        self.samples += len(samples)

    def clear(self) -> None:
        """Forget what is held."""
        self._pieces.clear()
        self.samples = 0

    def ready(self, start: float, silence: Silence | None) -> Iterator[tuple[NDArray[np.int16], bool]]:
        """What may go on now, and whether it is quiet: nobody speaks near it.

        start: where what is held begins, in seconds. silence: what is known; None: nobody looks.
        """
        while self._pieces:
            quiet, count, seconds = self._next(start, silence)
            if quiet is None or (quiet and seconds < _PIECE_SECONDS and self._seconds < _LONGEST_SECONDS):
                return
            taken = np.concatenate([self._pieces.popleft() for _ in range(count)])
            self.samples -= len(taken)
            start += seconds
            yield taken, quiet

    def rest(self) -> Iterator[NDArray[np.int16]]:
        """All that is held, at the end of the sound."""
        if self._pieces:
            rest = np.concatenate(self._pieces)
            self.clear()
            yield rest

    @property
    def _seconds(self) -> float:
        return self.samples / SAMPLE_RATE

    def _next(self, start: float, silence: Silence | None) -> tuple[bool | None, int, float]:
        """Of the first pieces that are alike: whether they are quiet, None when that is not known yet; how
        many they are, and how long.
        """
        alike: bool | None = None
        end = start
        for count, piece in enumerate(self._pieces):
            quiet = self._is_quiet(end, end + len(piece) / SAMPLE_RATE, silence)
            if count and quiet is not alike:
                return alike, count, end - start
            alike = quiet
            end += len(piece) / SAMPLE_RATE
        return alike, len(self._pieces), end - start

    def _is_quiet(self, start: float, end: float, silence: Silence | None) -> bool | None:
        if silence is None or start < silence.start + _AFTER_SECONDS:
            return False
        if end + _BEFORE_SECONDS <= silence.end:
            return True
        return None if self._seconds < _LONGEST_SECONDS else False
