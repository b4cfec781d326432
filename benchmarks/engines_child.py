"""One engine of the project, for `engines.py`. Arguments: the model store's folder, a model's id."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import numpy as np

from timing_child import Decode, answer
from wallflower.engines.base import Request
from wallflower.engines.loading import load_engine
from wallflower.memory import tune_allocator
from wallflower.models.fetching import Fetcher
from wallflower.models.store import Store


def main(store: str, model_id: str) -> None:
    """Answer requests until the input ends."""
    tune_allocator()
    here = Store(Path(store))
    model = here.find(model_id)
    asyncio.run(Fetcher(here).ensure([model]))

    def load() -> Decode:
        engine = load_engine(model, here.files(model), threads=2)
        return lambda samples: engine.transcribe(samples, Request(language="en")).text

    def as_samples(sound: Any) -> Any:
        return np.frombuffer(sound, np.int16).astype(np.float32) / np.float32(32768)

    answer(load, as_samples)


main(*sys.argv[1:])
