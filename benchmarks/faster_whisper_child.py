"""faster-whisper for `engines.py`, in the environment of the peer. Argument: the folder of its model."""

import sys
from typing import Any

import numpy as np

from timing_child import Decode, answer


def load() -> Decode:
    """The library with Whisper base, int8, two threads; greedy, without a second try."""
    from faster_whisper import WhisperModel  # type: ignore[import-not-found]  # only in the other environment

    model = WhisperModel(sys.argv[1], device="cpu", compute_type="int8", cpu_threads=2, local_files_only=True)

    def decode(samples: Any) -> str:
        segments, _ = model.transcribe(
            samples, language="en", beam_size=1, temperature=0.0, without_timestamps=True
        )
        return " ".join(segment.text.strip() for segment in segments)

    return decode


def as_samples(sound: Any) -> Any:
    """int16 as the float32 that the library takes."""
    return np.frombuffer(sound, np.int16).astype(np.float32) / np.float32(32768)


answer(load, as_samples)
