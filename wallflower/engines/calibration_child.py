"""Run by `calibration.py` for one candidate: loads its model, times it, and prints the figures as JSON."""

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

from wallflower.audio.pcm import SAMPLE_RATE
from wallflower.engines.base import EngineError, Request
from wallflower.engines.calibration import calibration_clip, command_of
from wallflower.engines.children import peak_memory
from wallflower.engines.loading import load_engine
from wallflower.engines.timings import Timing
from wallflower.models.catalog import ModelError
from wallflower.models.store import Store

_ROUNDS = 3
"""The best counts: what else the box did in between is not the engine's."""


def main(store: str, model_id: str, device: str, threads: str) -> None:
    """Measure `model_id` from `store` on a device. Raises EngineError or ModelError."""
    here = Store(Path(store))
    model = here.find(model_id)
    clip = calibration_clip()
    request = Request(language="en" if "en" in model.languages else None)
    begun = time.perf_counter()
    engine = load_engine(model, here.files(model), threads=int(threads), device=device)
    loaded = time.perf_counter() - begun

    def took(samples: int) -> float:
        begun = time.perf_counter()
        engine.transcribe(clip[:samples], request)
        return time.perf_counter() - begun

    command = min(took(len(command_of(clip))) for _ in range(_ROUNDS))
    reading = took(len(clip))
    timing = Timing(command, reading / (len(clip) / SAMPLE_RATE), loaded, peak_memory())
    print(json.dumps(asdict(timing)))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (EngineError, ModelError) as error:
        sys.exit(str(error))
