"""The models that tell voices apart, once they are here, and the thread that they run in.

The thread is below all others for the system: on a busy box who spoke is known later, and no word is. Beside
the lane of the speech engine, not in it: a voice command would wait for whatever was begun there.
"""

import asyncio
import contextlib
import os
import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import structlog

from wallflower.engines.base import EngineError
from wallflower.models.catalog import SPEAKER_MODELS, ModelError, find_model
from wallflower.models.fetching import Fetcher
from wallflower.speakers.diarizer import SpeakerModels
from wallflower.speakers.loading import load_speaker_models
from wallflower.speech.vad import SileroVad

_LOG = structlog.get_logger(__name__)

_NICENESS = 10
_LONGEST_PAUSE_SECONDS = 3600.0

T = TypeVar("T")


class Voices:
    """Shared by all sessions; lives on the event loop. `models` is None until they are here, or for good."""

    def __init__(self) -> None:
        self.models: SpeakerModels | None = None
        self.problem = ""
        """Why there are none, for the user."""
        self._wanted = asyncio.Event()
        self._settled = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="speakers", initializer=_give_way)

    def want(self) -> None:
        """Somebody could use the models: fetch and load them."""
        self._wanted.set()

    async def load(self, fetcher: Fetcher, vad: SileroVad, *, first_pause: float = 60.0) -> None:
        """Have the models when somebody wants them. When they cannot be had, that is said, all else goes on
        without, and they are tried again: after `first_pause` seconds, then less and less often.
        """
        await self._wanted.wait()
        pause = first_pause
        while (problem := await self._try(fetcher, vad)) is not None:
            if problem != self.problem:
                self.problem = problem
                _LOG.warning("speakers are not told apart", reason=problem)
            self._settled.set()
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        self.problem = ""
        self._settled.set()
        _LOG.info("speakers are told apart")

    async def _try(self, fetcher: Fetcher, vad: SileroVad) -> str | None:
        """Why there are no models; None when they are here."""
        try:
            await fetcher.ensure([find_model(name) for name in SPEAKER_MODELS])
            self.models = await self.do(lambda: load_speaker_models(fetcher.store, vad))
        except (ModelError, EngineError) as error:
            return str(error)
        except Exception as error:  # noqa: BLE001  # whoever waits is told, and the words go on
            _LOG.debug("failure", exc_info=error)
            return f"an error of ours: {type(error).__name__}"
        return None if self.models else "their files were removed meanwhile"

    async def settled(self) -> None:
        """Wait until the models are here, which somebody wants now, or could not be had at first."""
        if self.models is None:
            self.want()
            await self._settled.wait()

    async def do(self, work: Callable[[], T]) -> T:
        """Do a piece of work in the thread: one after the other, in the order in which they are asked for."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def close(self) -> None:
        """Let what is under way end, and nothing else begin."""
        self._thread.shutdown(wait=True, cancel_futures=True)


def _give_way() -> None:
    with contextlib.suppress(OSError):  # where threads have no niceness of their own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
