"""Keeping a part of the daemon alive: one owner, that restarts, reports and ends it."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

_LOG = structlog.get_logger(__name__)

_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 120.0
_STEADY_SECONDS = 30.0


@asynccontextmanager
async def supervised(
    name: str, part: Callable[[], Awaitable[None]], *, first_pause: float = _FIRST_PAUSE_SECONDS
) -> AsyncIterator[None]:
    """Run `part` beside the block, again whenever it fails, and cancel it at the end of the block.

    The pause before a restart doubles from `first_pause` seconds to two minutes, with jitter; after 30
    steady seconds it begins anew. A part that returns is done and not restarted.
    """
    task = asyncio.create_task(_keep_running(name, part, first_pause), name=name)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _keep_running(name: str, part: Callable[[], Awaitable[None]], first_pause: float) -> None:
    pause = first_pause
    while True:
        begun = time.monotonic()
        try:
            await part()
            return
        except Exception:  # noqa: BLE001  # whatever it is: report, restart
            if (task := asyncio.current_task()) and task.cancelling():
                _LOG.exception("part failed while it ended", part=name)
                return
            if time.monotonic() - begun > _STEADY_SECONDS:
                pause = first_pause
            _LOG.exception("part failed", part=name, restart_in_s=round(pause, 1))
        await asyncio.sleep(pause * random.uniform(0.8, 1.2))
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
