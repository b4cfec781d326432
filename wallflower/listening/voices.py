"""The models that tell voices apart, once they are here, and the thread that they run in.

The thread is below all others for the system: on a busy box who spoke is known later, and no word is. Beside
the lane of the speech engine, not in it: a voice command would wait for whatever was begun there.
"""

import asyncio
import contextlib
import os
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

    async def load(self, fetcher: Fetcher, vad: SileroVad) -> None:
        """Have the models when somebody wants them. When they cannot be had, that is said, and all else goes
        on without.
        """
        await self._wanted.wait()
        try:
            await fetcher.ensure([find_model(name) for name in SPEAKER_MODELS])
            self.models = await self.do(lambda: load_speaker_models(fetcher.store, vad))
        except (ModelError, EngineError) as error:
            self.problem = str(error)
            _LOG.warning("speakers are not told apart", reason=self.problem)
        except Exception as error:
            self.problem = f"an error of ours: {type(error).__name__}"
            raise
        else:
            _LOG.info("speakers are told apart")
        finally:
            self._settled.set()

    async def settled(self) -> None:
        """Wait until the models that somebody wants are here, or it is known that they cannot be had."""
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
