"""When somebody speaks in a clip, as the VAD hears it: many have more noise than a level could tell apart."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wallflower.audio.pcm import SAMPLE_RATE
from wallflower.config import load_options
from wallflower.config.places import data_dir
from wallflower.models.catalog import VAD_MODEL, find_model
from wallflower.models.store import Store
from wallflower.speech.vad import FRAME_SAMPLES, SileroVad, VadState

_THRESHOLD = 0.5


def speech_span(samples: NDArray[np.int16]) -> tuple[float, float]:
    """Seconds at which the speech in a clip begins and ends: the first and last frame of 32 ms that is more
    likely speech than not.
    """
    frames = samples[: len(samples) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    speech = np.flatnonzero(_vad().probabilities(frames, VadState()) >= _THRESHOLD)
    if not len(speech):
        return 0.0, len(samples) / SAMPLE_RATE
    return (
        float(speech[0]) * FRAME_SAMPLES / SAMPLE_RATE,
        float(speech[-1] + 1) * FRAME_SAMPLES / SAMPLE_RATE,
    )


def _vad() -> SileroVad:
    files = Store(Path(data_dir(load_options())) / "models").files(find_model(VAD_MODEL))
    return SileroVad(next(iter(files.values())))
