"""The life of a source: made-up connections that give sound, break off and return."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import numpy as np
import pytest
from numpy.typing import NDArray

from wallflower.audio.backoff import Backoff
from wallflower.audio.pcm import AudioError
from wallflower.audio.source import SoundBlock, Source, SourceLostError, SourceState
from wallflower.audio.supervised_source import Arrive, SupervisedSource
from wallflower.events import SourceStatus


class Quick(Backoff):
    """No pauses, but known ones."""

    def __init__(self) -> None:
        super().__init__(lambda low, high: (low + high) / 2)
        self.pauses: list[float] = []

    def pause(self, *, longest: bool = False) -> float:
        self.pauses.append(super().pause(longest=longest))
        return 0.001


def noise(seconds: float = 0.1) -> NDArray[np.int16]:
    return np.random.default_rng(0).integers(-3000, 3000, round(seconds * 16_000), np.int16)


class Life:
    """A source made of steps, one a connection, with what it told."""

    def __init__(self, *steps: Callable[[Arrive], Awaitable[str]]) -> None:
        self.states: list[SourceState] = []
        self.backoff = Quick()
        self.connections = 0
        self.now = 1000.0
        self._steps = list(steps)
        self.source = SupervisedSource(
            self._connect,
            self.states.append,
            backoff=self.backoff,
            now=lambda: self.now,
            wall=lambda: self.now,
        )

    async def _connect(self, arrive: Arrive) -> str:
        self.connections += 1
        return await self._steps.pop(0)(arrive)

    @property
    def told(self) -> list[str]:
        return [f"{state.status}: {state.reason}" for state in self.states]

    async def until_its_end(self) -> list[SoundBlock]:
        async with asyncio.timeout(20), contextlib.aclosing(self.source.blocks()) as blocks:
            return [block async for block in blocks]


def lost(reason: str, *, lasting: bool = False, sound: bool = False) -> Callable[[Arrive], Awaitable[str]]:
    async def step(arrive: Arrive) -> str:
        if sound:
            arrive(noise())
        raise SourceLostError(reason, lasting=lasting)

    return step


async def end(arrive: Arrive) -> str:
    arrive(noise())
    return "it is at its end"


async def stay(arrive: Arrive) -> str:
    arrive(noise())
    await asyncio.Event().wait()
    return ""


@asynccontextmanager
async def heard(life: Life) -> AsyncIterator[list[SoundBlock]]:
    """A listener beside the block."""
    blocks: list[SoundBlock] = []

    async def listen() -> None:
        async with contextlib.aclosing(life.source.blocks()) as sound:
            async for block in sound:
                blocks.append(block)  # noqa: PERF401  # others look at it meanwhile

    task = asyncio.create_task(listen())
    try:
        yield blocks
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.002)


async def test_it_is_a_source_and_does_nothing_by_itself() -> None:
    life = Life(end)
    source: Source = life.source
    await asyncio.sleep(0)
    assert (life.connections, source.state.status, source.started_at) == (0, SourceStatus.PAUSED, None)


async def test_a_file_comes_to_its_end_and_can_be_heard_again() -> None:
    life = Life(end, end)
    assert len(await life.until_its_end()) == 1
    assert life.told == ["connecting: ", "healthy: ", "paused: it is at its end"]
    life.now += 60
    *closing, block = await life.until_its_end()
    assert not any(silence.samples.any() for silence in closing)
    assert block.start == pytest.approx(60)
    assert life.source.started_at is not None


async def test_troubles_are_told_and_outlived() -> None:
    life = Life(lost("refused"), lost("refused"), lost("wrong password", lasting=True), end)
    await life.until_its_end()
    assert life.told == [
        "connecting: ",
        "recovering: refused",
        "failed: wrong password",
        "healthy: ",
        "paused: it is at its end",
    ]
    assert life.backoff.pauses == [1, 2, 120]


async def test_what_gave_sound_a_moment_ago_is_asked_again_soon() -> None:
    life = Life(lost("404", lasting=True, sound=True), end)
    await life.until_its_end()
    assert "recovering: 404" in life.told
    assert life.backoff.pauses == [1]


async def test_thirty_steady_seconds_reset_the_pauses_and_less_do_not() -> None:
    life = Life()

    def after(seconds: float) -> Callable[[Arrive], Awaitable[str]]:
        async def step(arrive: Arrive) -> str:
            arrive(noise())
            life.now += seconds
            raise SourceLostError("gone")

        return step

    life._steps = [after(1), after(29), after(31), after(1), end]
    await life.until_its_end()
    assert life.backoff.pauses == [1, 2, 1, 2]


async def test_an_error_of_ours_is_one_more_trouble() -> None:
    async def broken(_: Arrive) -> str:
        raise ZeroDivisionError

    async def missing(_: Arrive) -> str:
        raise AudioError("ffmpeg is not installed")

    life = Life(broken, missing, end)
    await life.until_its_end()
    assert life.told[1].startswith("recovering: an error within Wallflower")
    assert life.told[2] == "failed: ffmpeg is not installed"


async def test_pause_and_resume_with_one_connection_at_a_time() -> None:
    under_way, most = 0, 0

    async def slow_to_end(arrive: Arrive) -> str:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        try:
            return await stay(arrive)
        finally:
            await asyncio.sleep(0.02)
            under_way -= 1

    life = Life(slow_to_end, slow_to_end, slow_to_end)
    async with heard(life) as blocks:
        await until(lambda: len(blocks) == 1)
        life.source.pause("by the user")
        assert life.source.state == SourceState(SourceStatus.PAUSED, "by the user")
        await asyncio.sleep(0.05)
        assert under_way == 0
        life.now += 60
        life.source.resume()
        life.source.pause("again")
        life.source.resume()
        life.source.resume()
        await until(lambda: life.source.state.status is SourceStatus.HEALTHY)
        await until(lambda: blocks[-1].start > 50)
    assert under_way == 0
    assert most == 1
    assert sum(len(block.samples) for block in blocks) <= 16_000 * 2.5  # the pause was not filled whole


async def test_paused_before_anybody_listens() -> None:
    life = Life(end)
    life.source.pause("disabled")
    async with heard(life):
        await asyncio.sleep(0.02)
        assert life.connections == 0
        life.source.resume()
        await until(lambda: life.connections == 1)
    life.source.pause("disabled")
    life.source.resume()
    assert life.told[-1] == "paused: nobody listens yet"


async def test_silent_after_a_minute_of_nothing_until_something_comes() -> None:
    life = Life()

    async def muted(arrive: Arrive) -> str:
        for _ in range(61):
            life.now += 1
            arrive(np.full(16_000, 500, np.int16))  # an offset is nothing
            await asyncio.sleep(0)
        arrive(noise())
        return "it is at its end"

    life._steps = [muted]
    await life.until_its_end()
    assert [state.status for state in life.states] == [
        SourceStatus.CONNECTING, SourceStatus.HEALTHY, SourceStatus.SILENT, SourceStatus.HEALTHY,
        SourceStatus.PAUSED,
    ]  # fmt: skip


async def test_one_listener_and_no_more() -> None:
    life = Life(stay)
    async with heard(life) as blocks:
        await until(lambda: bool(blocks))
        with pytest.raises(RuntimeError):
            await life.until_its_end()


async def test_a_callback_that_fails_ends_the_sound_with_its_error() -> None:
    def fail(_: SourceState) -> None:
        if source.state.status is not SourceStatus.CONNECTING:
            raise ZeroDivisionError

    source = SupervisedSource(stay, fail, backoff=Quick())
    blocks = source.blocks()
    assert len((await anext(blocks)).samples) > 0
    with pytest.raises(ZeroDivisionError):
        await anext(blocks)
