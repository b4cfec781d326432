"""What all sessions of a process share: the VAD and its thread, the engines, and the lane they run in."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from wallflower.config import Options
from wallflower.config.places import data_dir
from wallflower.engines.base import Engine
from wallflower.engines.choosing import plan_engines
from wallflower.engines.lane import Lane
from wallflower.engines.loading import load_watched
from wallflower.engines.selection import Candidate
from wallflower.engines.wishes import AUTO
from wallflower.events import Happening
from wallflower.hardware.power import Profile, profile_of, threads_of
from wallflower.languages import base_language
from wallflower.listening.decoders import Decoders, Load
from wallflower.models.catalog import VAD_MODEL, find_model
from wallflower.models.fetching import fetcher_of
from wallflower.models.progress import Progress, Silent
from wallflower.models.store import Store
from wallflower.speech.language import LastLanguage
from wallflower.speech.pacing import PartialCounts
from wallflower.speech.vad import SileroVad


@dataclass(frozen=True, slots=True)
class Ears:
    """The parts that every session uses.

    language: ISO 639 code that is assumed when nobody names one; None: it is detected, among those of
    `languages`, or if there are none among all. last_language: that of the session before. partials:
    what became of all sessions'. names: gives those in the house, at once.
    """

    vad: SileroVad
    vad_thread: Executor
    lane: Lane
    language: str | None
    decoders: Decoders
    partials: PartialCounts
    names: Callable[[], Sequence[str]]
    languages: tuple[str, ...] = ()
    last_language: LastLanguage = field(default_factory=LastLanguage)


@asynccontextmanager
async def open_ears(
    options: Options,
    *,
    progress: Progress | None = None,
    on_happening: Callable[[Happening], None] = lambda _happening: None,
    names: Callable[[], Sequence[str]] = tuple,
) -> AsyncIterator[Ears]:
    """Choose the models, fetch them if they are missing, load them, and close all at the end.

    on_happening: told on the event loop when an engine is set aside, or another one takes over. names: gives
    those in the house, at once. Raises WallflowerError.
    """
    fetcher = fetcher_of(options, progress)
    plan = await plan_engines(options, fetcher, progress or Silent())
    vad_model = find_model(VAD_MODEL)
    await fetcher.ensure([vad_model])
    vad_file = next(iter(fetcher.store.files(vad_model).values()))
    loop = asyncio.get_running_loop()

    def tell(happening: Happening) -> None:
        loop.call_soon_threadsafe(on_happening, happening)

    with ThreadPoolExecutor(1, thread_name_prefix="vad") as vad_thread:
        loading_vad = loop.run_in_executor(vad_thread, SileroVad, vad_file)
        decoders = await asyncio.to_thread(
            lambda: Decoders(
                plan,
                _loader(options, fetcher.store),
                profile=profile_of(options),
                find=fetcher.store.find,
                on_happening=tell,
            )
        )
        lane = Lane()
        try:
            yield Ears(
                await loading_vad,
                vad_thread,
                lane,
                None if options.language == AUTO else base_language(options.language),
                decoders,
                PartialCounts(),
                names,
                tuple(dict.fromkeys(map(base_language, options.languages))),
            )
        finally:
            await lane.close()
            decoders.unload()


def _loader(options: Options, store: Store) -> Load:
    home = data_dir(options)

    def load(candidate: Candidate, profile: Profile) -> Engine:
        model = store.find(candidate.model_id)
        return load_watched(
            model,
            store.files(model),
            threads=threads_of(options, profile),
            data_dir=home,
            device=candidate.device,
            memory_bytes=candidate.memory_bytes,
        )

    return load
