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
        """Measure until the blocks end. What is left over then, or before a gap, is not told."""
        window = np.empty(_WINDOW, np.float32)
        count, due = 0, 0
        async for block in blocks:
            if block.position != due:
                count = 0
            due = block.position + len(block.samples)
            rest = block.samples
            while len(rest):
                piece = rest[: _WINDOW - count]
                rest = rest[len(piece) :]
                window[count : count + len(piece)] = piece
                count += len(piece)
                if count == _WINDOW:
                    self._measure(window, (due - len(rest)) / SAMPLE_RATE)
                    count = 0

    def _measure(self, window: NDArray[np.float32], seconds: float) -> None:
        """seconds: the end of the window."""
        rms = float(np.mean(window * window)) ** 0.5
        peak = float(max(window.max(), -window.min()))
        self._tell(SoundLevel(self._source, _dbfs(rms), _dbfs(peak), self._at(seconds)))


def _dbfs(amplitude: float) -> float:
    """amplitude: in the units of 16 bits."""
    return max(SILENT_DBFS, 20 * float(np.log10(amplitude / 32768))) if amplitude > 0 else SILENT_DBFS
