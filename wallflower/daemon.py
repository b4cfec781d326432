"""The daemon: puts the parts together, watches over them, and takes them down in reverse order."""

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import structlog

from wallflower import __version__
from wallflower.config import Options, OptionsError
from wallflower.config.identity import load_identity
from wallflower.config.places import data_dir
from wallflower.engines.lane import Lane
from wallflower.engines.moonshine import MoonshineEngine
from wallflower.engines.onnx import thread_count
from wallflower.interfaces.wyoming.connection import Service
from wallflower.interfaces.wyoming.info import base_language, info_of
from wallflower.interfaces.wyoming.server import WyomingServer
from wallflower.interfaces.zeroconf import Announcement, announce
from wallflower.listening.session import Ears
from wallflower.memory import settle, trim, tune_allocator
from wallflower.models.catalog import VAD_MODEL, Model, ModelError, find_model
from wallflower.models.fetching import Fetcher
from wallflower.models.progress import Progress
from wallflower.models.store import Store
from wallflower.speech.vad import SileroVad
from wallflower.supervision import supervised

_LOG = structlog.get_logger(__name__)


def store_of(options: Options) -> Store:
    """The model store that the options name."""
    return Store(data_dir(options) / "models")


def chosen_models(options: Options) -> tuple[Model, Model]:
    """The speech model and the VAD model that the options ask for. Raises ModelError or OptionsError."""
    model = find_model(options.model)
    if model.engine != "moonshine":
        raise ModelError(f"model {model.id!r} does not turn speech into words; see: wallflower models list")
    if base_language(options.language) not in model.languages:
        raise OptionsError(
            f"option 'language' is {options.language!r}, which model {model.id} does not speak; "
            f"allowed with it: {', '.join(model.languages)}"
        )
    return model, find_model(VAD_MODEL)


@asynccontextmanager
async def open_ears(options: Options, *, progress: Progress | None = None) -> AsyncIterator[Ears]:
    """Fetch the models if they are missing, load them, and close all at the end.

    Raises ModelError, OptionsError, EngineError or DataDirError.
    """
    store = store_of(options)
    model, vad_model = chosen_models(options)
    fetcher = Fetcher(
        store,
        hub_url=options.hub_url,
        hub_token=options.hub_token,
        offline=options.offline,
        progress=progress,
    )
    await fetcher.ensure([model, vad_model])
    threads = thread_count(options.threads)
    language = base_language(options.language)
    vad_file = next(iter(store.files(vad_model).values()))
    with ThreadPoolExecutor(1, thread_name_prefix="vad") as vad_thread:
        engine, vad = await asyncio.to_thread(
            _load, store.files(model), vad_file, language=language, threads=threads
        )
        lane = Lane(engine)
        try:
            yield Ears(vad, vad_thread, lane, language)
        finally:
            await lane.close()


def _load(
    files: Mapping[str, Path], vad_file: Path, *, language: str, threads: int
) -> tuple[MoonshineEngine, SileroVad]:
    return MoonshineEngine(files, language=language, threads=threads), SileroVad(vad_file)


async def run(options: Options, *, started: float, progress: Progress | None = None) -> None:
    """Serve until SIGTERM or SIGINT, or at stdio:// until the input ends.

    started: the time.monotonic() at which the process began. Raises WallflowerError.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    identity = load_identity(data_dir(options), options.name)
    _LOG.info("starting", version=__version__, id=identity.id, model=options.model)
    tune_allocator()
    async with AsyncExitStack() as parts:
        ears = await parts.enter_async_context(open_ears(options, progress=progress))
        service = Service(
            ears=ears,
            info=info_of(find_model(options.model)),
            language=options.language,
            max_utterance_seconds=options.max_utterance_seconds,
            client_timeout=options.client_timeout,
        )
        server = WyomingServer(
            options.uri,
            service,
            max_clients=options.max_clients,
            on_idle=lambda: loop.run_in_executor(None, trim),
        )
        await server.open()
        parts.push_async_callback(server.close)
        if options.zeroconf and server.port is not None:
            host = urlsplit(options.uri).hostname or ""
            announcement = Announcement(identity, host, server.port, options.zeroconf_interfaces)
            await parts.enter_async_context(supervised("zeroconf", lambda: announce(announcement)))
        serving = asyncio.create_task(server.serve(), name="wyoming")
        parts.push_async_callback(_end, serving)
        settle()
        _LOG.info("ready", uri=options.uri, after_s=round(time.monotonic() - started, 2))
        stopping = asyncio.create_task(stop.wait(), name="stop")
        parts.push_async_callback(_end, stopping)
        await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
        _LOG.info("stopping")
        if serving.done():
            serving.result()
    _LOG.info("stopped")


async def _end(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, Exception):
        await task
