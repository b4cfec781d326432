"""From a model of the catalogue to the engine that runs it."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from wallflower.audio.pcm import SAMPLE_RATE
from wallflower.engines.base import Engine, EngineError, Request
from wallflower.engines.exclusions import excluded, trying
from wallflower.models.catalog import Model

SPEAKING = ("moonshine", "whispercpp", "openvino", "onnx")
"""The engines, as the catalogue names them, that turn speech into words."""


def load_engine(model: Model, files: Mapping[str, Path], *, threads: int) -> Engine:
    """Load `model` from its files by name. Only the library that it needs is imported. Raises EngineError."""
    match model.engine:
        case "moonshine":
            from wallflower.engines.moonshine import MoonshineEngine

            return MoonshineEngine(files, language=model.languages[0], threads=threads)
        case "whispercpp":
            from wallflower.engines.whisper_cpp import WhisperCppEngine

            return WhisperCppEngine(next(iter(files.values())), threads=threads)
        case "openvino":
            from wallflower.engines.whisper_openvino import WhisperOpenVinoEngine

            return WhisperOpenVinoEngine(files, threads=threads)
        case "onnx":
            from wallflower.engines.onnx_asr import OnnxAsrEngine

            return OnnxAsrEngine(
                files,
                kind=model.kind,
                languages=model.languages,
                quantization=model.quantization or None,
                threads=threads,
            )
        case _:
            raise EngineError(f"model {model.id} does not turn speech into words")


def load_watched(model: Model, files: Mapping[str, Path], *, threads: int, data_dir: Path) -> Engine:
    """Load `model` and decode a moment of silence, under a mark in `data_dir`.

    An engine that takes the process down in there (an instruction that this processor lacks, say) is found at
    the next start, and excluded. Raises EngineError, also when it is excluded.
    """
    name = f"{model.engine}:cpu"
    if (reason := excluded(data_dir).get(name)) is not None:
        raise EngineError(reason)
    with trying(data_dir, name):
        engine = load_engine(model, files, threads=threads)
        engine.transcribe(np.zeros(SAMPLE_RATE, np.float32), Request(language=model.languages[0]))
    return engine
