"""Local segmentation: who of up to three speakers speaks when in 10 s, overlap included. PyanNet on ONNX
Runtime.

The speakers are local: number 0 of one window need not be number 0 of the next. Two of one window are two
people. Source: A. Plaquet, H. Bredin, "Powerset multi-class cross entropy loss for neural speaker
diarization" (2023).
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wallflower.engines.onnx import open_session

WINDOW_SECONDS = 10.0
LOCAL_SPEAKERS = 3
FRAME_SECONDS = 270 / 16_000
FIRST_SECONDS = 495.5 / 16_000
"""Where the middle of the first frame lies."""

# The classes of the powerset: nobody, each alone, each two together.
_MEMBERS = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1]], np.float32)


class Segmentation:
    """The segmentation model, shared by all sessions. Blocking: about 30 ms a window on one thread."""

    def __init__(self, path: Path) -> None:
        """Load the graph at `path`. Raises EngineError."""
        self._session = open_session(path, threads=1)

    def activity(self, samples: NDArray[np.int16]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Of each frame and local speaker: the probability that they speak, and that they speak alone.

        Both [frames, 3]. samples: mono 16 kHz, at best 10 s.
        """
        sound = (samples * np.float32(1 / 32768)).reshape(1, 1, -1)
        (logarithms,) = self._session.run(None, {"sound": sound})
        classes = np.exp(logarithms[0])
        return np.einsum("fc,cs->fs", classes, _MEMBERS), classes[:, 1 : 1 + LOCAL_SPEAKERS]
