"""A part of the daemon is kept alive, and ended with its block."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from wallflower.supervision import supervised

Part = Callable[[], Awaitable[None]]


class Failing:
    """Fails `times` times at once, then stays; `steady` seconds pass before each failure."""

    def __init__(self, times: int, steady: float = 0.0) -> None:
        self.starts = 0
        self.cancelled = False
        self.staying = asyncio.Event()
        self._times = times
        self._steady = steady

    async def __call__(self) -> None:
        self.starts += 1
        if self.starts <= self._times:
            await asyncio.sleep(self._steady)
            raise OSError(f"failure {self.starts}")
        self.staying.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise


def pauses(log_output: list[dict[str, Any]]) -> list[float]:
    return [line["restart_in_s"] for line in log_output if line["event"] == "part failed"]


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the supervisor slept each time; it is woken at once."""
    lengths: list[float] = []
    sleep = asyncio.sleep

    async def short_sleep(seconds: float) -> None:
        if seconds:
            lengths.append(seconds)
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", short_sleep)
    return lengths


async def test_a_part_runs_beside_the_block_and_ends_with_it() -> None:
    part = Failing(0)
    async with asyncio.timeout(5), supervised("part", part):
        await part.staying.wait()
        before = part.cancelled
    assert (before, part.cancelled) == (False, True)
    assert part.starts == 1
    assert len(asyncio.all_tasks()) == 1


async def test_a_part_that_never_came_to_run() -> None:
    async with supervised("part", Failing(0)):
        pass
    assert len(asyncio.all_tasks()) == 1


async def test_a_part_is_restarted(log_output: list[dict[str, Any]]) -> None:
    part = Failing(3)
    async with asyncio.timeout(5), supervised("ear", part, first_pause=0.001):
        await part.staying.wait()
    assert part.starts == 4
    lines = [line for line in log_output if line["event"] == "part failed"]
    assert [line["part"] for line in lines] == ["ear"] * 3
    assert all(line["log_level"] == "error" and line["exc_info"] for line in lines)


async def test_a_part_that_returns_is_done() -> None:
    starts = 0

    async def part() -> None:
        nonlocal starts
        starts += 1

    async with supervised("part", part, first_pause=0.001):
        await asyncio.sleep(0.05)
    assert starts == 1


async def test_pauses_grow_to_two_minutes(slept: list[float], log_output: list[dict[str, Any]]) -> None:
    part = Failing(12)
    async with asyncio.timeout(5), supervised("part", part):
        await part.staying.wait()
    told = pauses(log_output)
    assert told == [1, 2, 4, 8, 16, 32, 64, 120, 120, 120, 120, 120]
    assert all(0.8 * said <= length <= 1.2 * said for said, length in zip(told, slept, strict=True))


async def test_pauses_have_jitter(slept: list[float]) -> None:
    """So that two boxes which lost the same server do not return at the same moment."""
    part = Failing(30)
    async with asyncio.timeout(5), supervised("part", part):
        await part.staying.wait()
    assert len(set(slept[8:])) > 5


async def test_pauses_begin_anew_after_a_steady_time(
    log_output: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wallflower.supervision._STEADY_SECONDS", 0.02)
    part = Failing(3, steady=0.05)
    async with asyncio.timeout(5), supervised("part", part, first_pause=0.1):
        await part.staying.wait()
    assert pauses(log_output) == [0.1, 0.1, 0.1]


async def test_the_pause_ends_with_the_block() -> None:
    part = Failing(1)
    async with asyncio.timeout(2):
        async with supervised("part", part, first_pause=60):
            await asyncio.sleep(0.02)
    assert part.starts == 1
    assert len(asyncio.all_tasks()) == 1


async def test_an_error_of_the_block_passes() -> None:
    part = Failing(0)

    async def owner() -> None:
        async with supervised("part", part):
            await part.staying.wait()
            raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        await owner()
    assert part.cancelled


async def test_a_part_that_cleans_up_slowly_is_waited_for() -> None:
    done = False

    async def part() -> None:
        nonlocal done
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.05)
            done = True

    async with asyncio.timeout(2), supervised("part", part):
        await asyncio.sleep(0.01)
    assert done


async def test_a_part_that_fails_while_it_is_ended() -> None:
    """It is not begun again, and its block still ends."""
    starts = 0

    async def part() -> None:
        nonlocal starts
        starts += 1
        try:
            await asyncio.Event().wait()
        finally:
            if starts < 2:  # else a supervisor that begins it again would do so for ever
                raise OSError("the goodbye could not be sent")

    async def owner() -> None:
        async with supervised("part", part, first_pause=0.001):
            await asyncio.sleep(0.01)

    task = asyncio.create_task(owner())
    done, _ = await asyncio.wait({task}, timeout=1)
    assert done
    assert starts == 1
    assert len(asyncio.all_tasks()) == 1


async def test_a_cancelled_block_passes_it_on() -> None:
    part = Failing(0)

    async def owner() -> None:
        async with supervised("part", part):
            await asyncio.Event().wait()

    task = asyncio.create_task(owner())
    await part.staying.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert part.cancelled
