"""How loud a source is, once a second."""

from collections.abc import Callable
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from wallflower.audio.pcm import SAMPLE_RATE
from wallflower.events import SoundLevel
from wallflower.listening.processors import Blocks

SILENT_DBFS = -100.0

_WINDOW = SAMPLE_RATE


class LevelMeter:
    """Tells the level of each second of sound. at: the time of a place in the sound, in seconds."""

    def __init__(
        self, source: str, tell: Callable[[SoundLevel], None], at: Callable[[float], datetime]
    ) -> None:
        self._source = source
        self._tell = tell
        self._at = at

    async def work(self, blocks: Blocks) -> None:
        """Measure until the blocks end. What is left over then, less than a second, is not told."""
        square, peak, count = 0.0, 0.0, 0
        async for block in blocks:
            samples = block.samples.astype(np.float32)
            square += float(np.dot(samples, samples))
            peak = max(peak, _peak(samples))
            count += len(samples)
            if count >= _WINDOW:
                rms = (square / count) ** 0.5
                self._tell(SoundLevel(self._source, _dbfs(rms), _dbfs(peak), self._at(block.end)))
                square, peak, count = 0.0, 0.0, 0


def _peak(samples: NDArray[np.float32]) -> float:
    return float(max(samples.max(), -samples.min())) if len(samples) else 0.0


def _dbfs(amplitude: float) -> float:
    """amplitude: in the units of 16 bits."""
    return max(SILENT_DBFS, 20 * float(np.log10(amplitude / 32768))) if amplitude > 0 else SILENT_DBFS
