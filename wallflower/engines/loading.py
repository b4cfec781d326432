"""From a model of the catalogue to the engine that runs it."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from wallflower.audio.pcm import SAMPLE_RATE
from wallflower.engines.base import Engine, EngineError, Request
from wallflower.engines.exclusions import excluded, trying
from wallflower.hardware.ram import free_memory
from wallflower.memory import remapping
from wallflower.models.catalog import Model

SPEAKING = ("moonshine", "whispercpp", "openvino", "onnx")
"""The engines, as the catalogue names them, that turn speech into words."""


def load_engine(
    model: Model,
    files: Mapping[str, Path],
    *,
    threads: int,
    device: str = "cpu",
    cache_dir: Path | None = None,
) -> Engine:
    """Load `model` from its files by name. Only the library that it needs is imported.

    device: as `ProbedDevice.device` names it. cache_dir: keeps what is compiled for a GPU or NPU. Raises
    EngineError.
    """
    match model.engine:
        case "moonshine":
            from wallflower.engines.moonshine import MoonshineEngine

            return MoonshineEngine(files, language=model.languages[0], threads=threads)
        case "whispercpp":
            from wallflower.engines.whisper_cpp import WhisperCppEngine

            return WhisperCppEngine(next(iter(files.values())), threads=threads, gpu=device != "cpu")
        case "openvino":
            from wallflower.engines.whisper_openvino import WhisperOpenVinoEngine

            return WhisperOpenVinoEngine(files, device=device.upper(), threads=threads, cache_dir=cache_dir)
        case "onnx":
            from wallflower.engines.onnx_asr import OnnxAsrEngine

            return OnnxAsrEngine(
                files,
                kind=model.kind,
                languages=model.languages,
                quantization=model.quantization or None,
                threads=threads,
                device=device,
            )
        case _:
            raise EngineError(f"model {model.id} does not turn speech into words")


def load_watched(
    model: Model,
    files: Mapping[str, Path],
    *,
    threads: int,
    data_dir: Path,
    device: str = "cpu",
    memory_bytes: int = 0,
) -> Engine:
    """Load `model` and decode a moment of silence, under a mark in `data_dir`.

    An engine that takes the process down in there (an instruction that this processor lacks, say) is found at
    the next start, and excluded. memory_bytes: what it needs. Raises EngineError, also when it is excluded or
    there is not so much memory.
    """
    name = f"{model.engine}:{device}"
    if (reason := excluded(data_dir).get(name)) is not None:
        raise EngineError(reason)
    if memory_bytes > (free := free_memory()):
        raise EngineError(
            f"not enough memory for {model.id}: it needs about {memory_bytes / 1e6:.0f} MB, "
            f"{free / 1e6:.0f} MB are free; choose a smaller model, or free some memory"
        )
    with trying(data_dir, name), remapping():
        engine = load_engine(
            model, files, threads=threads, device=device, cache_dir=data_dir / "compiled" / model.id
        )
        engine.transcribe(np.zeros(SAMPLE_RATE, np.float32), Request(language=model.languages[0]))
    return engine
