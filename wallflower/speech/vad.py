"""Silero VAD on ONNX Runtime: the probability of speech for each 32 ms frame.

Source of the model: Silero Team, "Silero VAD", https://github.com/snakers4/silero-vad (MIT). The model sees
64 samples of context before each frame of 512; both that and its recurrent state are kept between calls.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wallflower.engines.onnx import open_session

FRAME_SAMPLES = 512
"""Samples in a frame: 32 ms at 16 kHz."""

_CONTEXT_SAMPLES = 64
_INT16_SCALE = np.float32(1 / 32768)


class VadState:
    """What the VAD remembers of one session: a few hundred numbers."""

    __slots__ = ("context", "recurrent")

    def __init__(self) -> None:
        self.context = np.zeros(_CONTEXT_SAMPLES, np.float32)
        self.recurrent = np.zeros((2, 1, 128), np.float32)


class SileroVad:
    """The VAD model, shared by all sessions. Blocking: about 0.1 ms a frame on one thread."""

    def __init__(self, path: Path) -> None:
        """Load the 16 kHz model at `path`. Raises EngineError."""
        self._session = open_session(path, threads=1)

    def probabilities(self, frames: NDArray[np.int16], state: VadState) -> NDArray[np.float32]:
        """The probability of speech in each row of `frames` (n × 512 samples); `state` moves on."""
        result = np.empty(len(frames), np.float32)
        window = np.empty((1, _CONTEXT_SAMPLES + FRAME_SAMPLES), np.float32)
        for index, frame in enumerate(frames):
            window[0, :_CONTEXT_SAMPLES] = state.context
            window[0, _CONTEXT_SAMPLES:] = frame * _INT16_SCALE
            output, state.recurrent = self._session.run(None, {"input": window, "state": state.recurrent})
            result[index] = output[0, 0]
            state.context = window[0, -_CONTEXT_SAMPLES:].copy()
        return result
