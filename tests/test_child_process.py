"""Signals to children, also to those that ended this very moment."""

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator

import pytest

from wallflower.child_process import signal_child


async def test_a_child_that_runs_gets_the_signal() -> None:
    process = await asyncio.create_subprocess_exec("sleep", "60")
    signal_child(process, signal.SIGTERM)
    assert await process.wait() == -signal.SIGTERM
    signal_child(process, signal.SIGTERM)  # its number may be another's by now


@pytest.fixture
async def waiting_by_the_loop() -> AsyncIterator[None]:
    """The loop itself hears of a child's end, as is the default from Python 3.12 on: not before it turns."""
    if sys.version_info >= (3, 12):
        yield
        return
    policy = asyncio.get_event_loop_policy()
    before = policy.get_child_watcher()
    watcher = asyncio.PidfdChildWatcher()
    watcher.attach_loop(asyncio.get_running_loop())
    policy.set_child_watcher(watcher)
    yield
    policy.set_child_watcher(before)


@pytest.mark.usefixtures("waiting_by_the_loop")
async def test_the_exit_code_of_a_child_that_just_ended_stays(caplog: pytest.LogCaptureFixture) -> None:
    process = await asyncio.create_subprocess_exec("sh", "-c", "exit 7")
    time.sleep(0.3)  # the loop does not learn of the end before the signal
    signal_child(process, signal.SIGKILL)
    assert await process.wait() == 7
    assert caplog.records == []
