"""One engine of the project, for `engines.py`.

Arguments: the model store's folder, a model's id, and 1500 to have it never shorten the encoder's window.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np

from timing_child import Decode, answer
from wallflower.engines import whisper_cpp, whisper_openvino
from wallflower.engines.base import Request
from wallflower.engines.loading import load_engine
from wallflower.memory import tune_allocator
from wallflower.models.catalog import find_model
from wallflower.models.store import Store


def main(store: str, model_id: str, window: str) -> None:
    """Answer requests until the input ends."""
    tune_allocator()
    model = find_model(model_id)
    if window == "1500":
        whisper_cpp._SHORT_SECONDS = whisper_openvino.SHORT_SECONDS = -1.0  # noqa: SLF001

    def load() -> Decode:
        engine = load_engine(model, Store(Path(store)).files(model), threads=2)
        return lambda samples: engine.transcribe(samples, Request(language="en")).text

    def as_samples(sound: Any) -> Any:
        return np.frombuffer(sound, np.int16).astype(np.float32) / np.float32(32768)

    answer(load, as_samples)


main(*sys.argv[1:])
