"""What all sessions of a process share: the VAD and its thread, and the lane with its engine."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from wallflower.config import Options
from wallflower.engines.base import Engine
from wallflower.engines.lane import Lane
from wallflower.engines.loading import SPEAKING, load_engine
from wallflower.engines.onnx import thread_count
from wallflower.languages import base_language
from wallflower.models.catalog import VAD_MODEL, Model, ModelError, catalog, find_model
from wallflower.models.fetching import fetcher_of
from wallflower.models.progress import Progress
from wallflower.speech.vad import SileroVad


@dataclass(frozen=True, slots=True)
class Ears:
    """The parts that every session uses. language: ISO 639 code that the model speaks."""

    vad: SileroVad
    vad_thread: Executor
    lane: Lane
    language: str


def chosen_model(options: Options) -> Model:
    """The speech model that the options ask for. Raises OptionsError when it or its language is none."""
    speaking = [model.id for model in catalog().values() if model.engine in SPEAKING]
    try:
        model = find_model(options.model)
    except ModelError as error:
        raise options.wrong("model", f"{', '.join(speaking)} ({error})") from error
    if model.id not in speaking:
        raise options.wrong("model", f"{', '.join(speaking)} ({model.id} does not turn speech into words)")
    if base_language(options.language) not in model.languages:
        raise options.wrong("language", f"{', '.join(model.languages)}, which model {model.id} speaks")
    return model


@asynccontextmanager
async def open_ears(options: Options, *, progress: Progress | None = None) -> AsyncIterator[Ears]:
    """Fetch the models if they are missing, load them, and close all at the end.

    Raises OptionsError, ModelError or EngineError.
    """
    model, vad_model = chosen_model(options), find_model(VAD_MODEL)
    fetcher = fetcher_of(options, progress)
    await fetcher.ensure([model, vad_model])
    files = fetcher.store.files(model)
    vad_file = next(iter(fetcher.store.files(vad_model).values()))
    language = base_language(options.language)
    with ThreadPoolExecutor(1, thread_name_prefix="vad") as vad_thread:
        engine, vad = await asyncio.to_thread(
            _load, model, files, vad_file, threads=thread_count(options.threads)
        )
        lane = Lane(engine)
        try:
            yield Ears(vad, vad_thread, lane, language)
        finally:
            await lane.close()


def _load(
    model: Model, files: Mapping[str, Path], vad_file: Path, *, threads: int
) -> tuple[Engine, SileroVad]:
    return load_engine(model, files, threads=threads), SileroVad(vad_file)
