"""openvino-genai for `engines.py`, in its own environment. Argument: the folder of its model."""

import sys
from typing import Any

import numpy as np

from timing_child import Decode, answer


def load() -> Decode:
    """Whisper with the settings that this project gives OpenVINO, two threads; greedy."""
    import openvino_genai  # type: ignore[import-not-found]  # only in the other environment

    pipeline = openvino_genai.WhisperPipeline(
        sys.argv[1],
        "CPU",
        INFERENCE_PRECISION_HINT="f32",
        INFERENCE_NUM_THREADS=2,
        PERFORMANCE_HINT="LATENCY",
    )

    def decode(samples: Any) -> str:
        found = pipeline.generate(samples, language="<|en|>", task="transcribe", return_timestamps=False)
        return str(found.texts[0]).strip()

    return decode


def as_samples(sound: Any) -> Any:
    """int16 as the float32 that the library takes."""
    return np.frombuffer(sound, np.int16).astype(np.float32) / np.float32(32768)


answer(load, as_samples)
