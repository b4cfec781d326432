"""How long to wait before a source is tried again."""

import random
from collections.abc import Callable

STEADY_SECONDS = 30.0
"""Sound for that long in a row, and the pauses begin anew."""

_FIRST_SECONDS = 1.0
_LONGEST_SECONDS = 120.0


class Backoff:
    """Pauses from 1 s to 2 min that double, each with a jitter of a fifth."""

    def __init__(self, jitter: Callable[[float, float], float] = random.uniform) -> None:
        self._jitter = jitter
        self._next = _FIRST_SECONDS

    def steady(self) -> None:
        """There was sound for STEADY_SECONDS."""
        self._next = _FIRST_SECONDS

    def pause(self, *, longest: bool = False) -> float:
        """Seconds to wait now. longest: haste would not help, and some cameras lock out who asks often."""
        seconds = _LONGEST_SECONDS if longest else self._next
        self._next = min(2 * self._next, _LONGEST_SECONDS)
        return min(seconds * self._jitter(0.8, 1.2), _LONGEST_SECONDS)
