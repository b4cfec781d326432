"""Bringing speech to one level, so that the VAD hears a far speaker as it hears a near one."""

import numpy as np
from numpy.typing import NDArray

from wallflower.speakers.settings import Diarizing

_LEAST_DB = -75.0  # of a frame that says anything about how loud it is here


class Levelling:
    """A running gain for one session. It follows loud frames within a few and forgets them slowly. It only
    turns up: speech above the target passes as it is.
    """

    def __init__(self, settings: Diarizing) -> None:
        self._target = settings.level
        self._highest = settings.highest_gain
        self._decay = settings.forgetting
        self._loud: float | None = None

    def apply(self, frames: NDArray[np.int16], seconds: float) -> NDArray[np.int16]:
        """The next frames [n, samples] of `seconds` each, at the target level."""
        mean = np.mean(np.square(frames, dtype=np.float32), axis=1)
        levels = 10 * np.log10(mean / 32768.0**2 + 1e-12)
        result = np.empty_like(frames)
        for index, (frame, level) in enumerate(zip(frames, levels.tolist(), strict=True)):
            gain = 10 ** (self._gain(level, seconds) / 20)
            result[index] = np.clip(frame * np.float32(gain), -32768, 32767)
        return result

    def _gain(self, level: float, seconds: float) -> float:
        if level > _LEAST_DB:
            kept = -1000.0 if self._loud is None else self._loud - self._decay * seconds
            # A loud frame is followed within a few frames, not at once: a click is not speech.
            self._loud = level if self._loud is None else max(kept, kept + (level - kept) * 0.3)
        if self._loud is None:
            return 0.0
        return min(max(self._target - self._loud, 0.0), self._highest)
