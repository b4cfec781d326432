"""From a model of the catalogue to the engine that runs it."""

from collections.abc import Mapping
from pathlib import Path

from wallflower.engines.base import Engine, EngineError
from wallflower.models.catalog import Model

SPEAKING = ("moonshine", "whispercpp", "openvino")
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
        case _:
            raise EngineError(f"model {model.id} does not turn speech into words")
