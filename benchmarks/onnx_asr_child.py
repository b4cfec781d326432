"""The library onnx-asr for `engines.py`. Argument: the folder of a converted Whisper, int8."""

import sys
from pathlib import Path
from typing import Any

import numpy as np

from timing_child import Decode, answer
from wallflower.engines.base import Request
from wallflower.engines.onnx_asr import OnnxAsrEngine
from wallflower.memory import tune_allocator


def load() -> Decode:
    """The model, two threads."""
    files = {path.name: path for path in Path(sys.argv[1]).iterdir()}
    engine = OnnxAsrEngine(files, kind="whisper", languages=["en"], threads=2, quantization="int8")
    return lambda samples: engine.transcribe(samples, Request(language="en")).text


def as_samples(sound: Any) -> Any:
    """int16 as the float32 that the engine takes."""
    return np.frombuffer(sound, np.int16).astype(np.float32) / np.float32(32768)


tune_allocator()
answer(load, as_samples)
