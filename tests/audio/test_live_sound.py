"""The queue between a source and its listener."""

import asyncio
import contextlib
from datetime import UTC, datetime

import numpy as np
import pytest
from numpy.typing import NDArray

from wallflower.audio.live_sound import LiveSound
from wallflower.audio.source import SoundBlock


class Clock:
    """Both clocks of a box, set by hand."""

    def __init__(self) -> None:
        self.monotonic = 100.0
        self.wall = 1_700_000_000.0

    def go(self, seconds: float) -> None:
        self.monotonic += seconds
        self.wall += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def live(clock: Clock, gain: float = 0.0) -> LiveSound:
    return LiveSound(gain=gain, now=lambda: clock.monotonic, wall=lambda: clock.wall)


def sound(seconds: float, value: int = 1000) -> NDArray[np.int16]:
    return np.full(round(seconds * 16_000), value, np.int16)


async def listened(sounds: LiveSound, clock: Clock, steps: list[float | None]) -> list[SoundBlock]:
    """What is heard when sound of these lengths arrives as it is recorded; None: ten seconds of nothing."""
    heard: list[SoundBlock] = []

    async def listen() -> None:
        heard.extend([block async for block in sounds.blocks()])

    task = asyncio.create_task(listen())
    await asyncio.sleep(0)
    for step in steps:
        clock.go(step or 10)
        if step is not None:
            sounds.arrive(sound(step))
    sounds.end()
    await task
    return heard


async def test_when_the_first_sound_was(clock: Clock) -> None:
    sounds = live(clock)
    assert sounds.started_at is None
    blocks = await listened(sounds, clock, [0.5, 0.5])
    assert [(block.start, block.end) for block in blocks] == [(0, 0.5), (0.5, 1.0)]
    assert sounds.started_at == datetime.fromtimestamp(1_700_000_000, UTC)
    assert sounds.lag == pytest.approx(0)


async def test_it_follows_a_box_whose_clock_is_set(clock: Clock) -> None:
    """A Pi without a battery learns the time after its start."""
    sounds = live(clock)
    await listened(sounds, clock, [0.5])
    clock.wall += 3600
    clock.go(5)
    assert sounds.started_at == datetime.fromtimestamp(1_700_003_600, UTC)


async def test_gain_and_its_limit(clock: Clock) -> None:
    sounds = live(clock, gain=20)
    clock.go(1)
    listener = sounds.blocks()
    task = asyncio.create_task(anext(listener))
    await asyncio.sleep(0)
    sounds.arrive(np.array([100, -100, 30000, -30000], np.int16))
    assert (await task).samples.tolist() == [1000, -1000, 32767, -32768]
    await listener.aclose()


async def test_a_listener_who_does_not_come_loses_the_oldest(clock: Clock) -> None:
    sounds = live(clock)
    blocks = await listened(sounds, clock, [1.0] * 40)
    assert sum(len(block.samples) for block in blocks) == 30 * 16_000
    assert [blocks[0].start, blocks[-1].end] == [10, 40]
    assert sounds.dropped == 10 * 16_000


async def test_after_a_break_silence_comes_without_being_waited_for(clock: Clock) -> None:
    sounds = live(clock)
    async with contextlib.aclosing(sounds.blocks()) as blocks:
        first = asyncio.create_task(anext(blocks))
        await asyncio.sleep(0)
        clock.go(1)
        sounds.arrive(sound(1))
        assert (await first).end == 1
        clock.go(10)
        sounds.break_off()
        silence = await anext(blocks)
        assert (silence.start, silence.end) == (1, 3)
        assert not silence.samples.any()
        clock.go(1)
        sounds.arrive(sound(1))
        assert (await anext(blocks)).start == pytest.approx(11)


async def test_nothing_arrives(clock: Clock) -> None:
    sounds = live(clock)
    sounds.arrive(sound(0))
    assert sounds.started_at is None
