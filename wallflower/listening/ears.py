"""What all sessions of a process share: the VAD and its thread, and the lane with its engines."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from wallflower.config import Options
from wallflower.engines.base import Engine
from wallflower.engines.chain import EngineChain, Link, Setback
from wallflower.engines.lane import Lane
from wallflower.engines.loading import SPEAKING, load_engine, load_watched
from wallflower.engines.onnx import thread_count
from wallflower.languages import base_language
from wallflower.models.catalog import DEFAULT_MODEL, VAD_MODEL, Model, ModelError, catalog, find_model
from wallflower.models.fetching import fetcher_of
from wallflower.models.progress import Progress
from wallflower.models.store import Store
from wallflower.speech.vad import SileroVad


@dataclass(frozen=True, slots=True)
class Ears:
    """The parts that every session uses. language: ISO 639 code that is assumed when nobody names one.

    model_in_use: the model whose engine decodes now; another one after a failure.
    """

    vad: SileroVad
    vad_thread: Executor
    lane: Lane
    engine: Engine
    language: str
    model_in_use: Callable[[], Model]


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
async def open_ears(
    options: Options,
    *,
    progress: Progress | None = None,
    watched_in: Path | None = None,
    on_setback: Callable[[Setback], None] = lambda _setback: None,
) -> AsyncIterator[Ears]:
    """Fetch the models if they are missing, load them, and close all at the end.

    watched_in: the data directory, to remember there an engine that takes the process down. on_setback: told
    when an engine is set aside and another one takes over. Raises OptionsError, ModelError or EngineError.
    """
    model, vad_model = chosen_model(options), find_model(VAD_MODEL)
    fetcher = fetcher_of(options, progress)
    await fetcher.ensure([model, vad_model])
    models = [model, *_standing_by(model, fetcher.store, base_language(options.language))]
    vad_file = next(iter(fetcher.store.files(vad_model).values()))
    threads = thread_count(options.threads)
    links = [
        Link(each.id, _loader(each, fetcher.store.files(each), threads=threads, watched_in=watched_in))
        for each in models
    ]
    with ThreadPoolExecutor(1, thread_name_prefix="vad") as vad_thread:
        chain, vad = await asyncio.to_thread(
            lambda: (EngineChain(links, on_setback=on_setback), SileroVad(vad_file))
        )
        lane = Lane()
        try:
            yield Ears(
                vad,
                vad_thread,
                lane,
                chain,
                base_language(options.language),
                model_in_use=lambda: find_model(chain.name),
            )
        finally:
            await lane.close()
            chain.unload()


def _standing_by(model: Model, store: Store, language: str) -> list[Model]:
    """What decodes while `model` cannot: the default model, where it is here and speaks the language."""
    default = find_model(DEFAULT_MODEL)
    if default.id == model.id or language not in default.languages or not store.is_here(default):
        return []
    return [default]


def _loader(
    model: Model, files: Mapping[str, Path], *, threads: int, watched_in: Path | None
) -> Callable[[], Engine]:
    if watched_in is None:
        return lambda: load_engine(model, files, threads=threads)
    return lambda: load_watched(model, files, threads=threads, data_dir=watched_in)
