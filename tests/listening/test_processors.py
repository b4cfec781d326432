"""Processors: apart from each other, tried again, set aside."""

import asyncio

import numpy as np
import pytest

from tests.engines.step_engine import until
from wallflower.audio.source import SoundBlock
from wallflower.listening import processors
from wallflower.listening.processors import Blocks, Processor


def _block(second: int) -> SoundBlock:
    return SoundBlock(second * 16_000, np.zeros(16_000, np.int16))


class Work:
    """Notes what it is given; fails or hangs as often as it is told to."""

    def __init__(self, *, fails: int = 0, hangs: int = 0) -> None:
        self.heard: list[float] = []
        self.runs = 0
        self._fails, self._hangs = fails, hangs

    async def __call__(self, blocks: Blocks) -> None:
        self.runs += 1
        if self.runs <= self._hangs:
            await asyncio.Event().wait()
        async for block in blocks:
            if self.runs <= self._fails:
                raise ValueError("broken")
            self.heard.append(block.start)


def _processor(work: Work, *, patience: float = 60.0) -> Processor:
    return Processor("made", work, source="hall", patience=patience, queue_seconds=5, first_pause=0.01)


async def test_all_sound_until_the_end() -> None:
    work = Work()
    processor = _processor(work)
    running = asyncio.create_task(processor.run())
    for second in range(3):
        processor.blocks.put(_block(second))
    processor.blocks.end()
    await running
    assert work.heard == [0, 1, 2]
    assert processor.health.problem == ""


async def test_one_that_is_too_slow_misses_sound_and_says_how_much() -> None:
    processor = _processor(Work())
    for second in range(9):
        processor.blocks.put(_block(second))
    assert processor.health.missed == 4
    processor.blocks.end()
    await processor.run()


async def test_one_that_fails_is_tried_again_and_well_again(log_output: list[dict[str, object]]) -> None:
    work = Work(fails=2)
    processor = _processor(work)
    running = asyncio.create_task(processor.run())
    for second in range(4):
        processor.blocks.put(_block(second))
        await asyncio.sleep(0.06)
    await until(lambda: work.runs == 3)
    assert processor.health.failures == 2
    processor.blocks.put(_block(5))
    await until(lambda: 5.0 in work.heard)
    processor.blocks.end()
    await running
    assert processor.health.problem == ""
    assert [line["event"] for line in log_output if line["log_level"] == "error"] == ["failed", "failed"]


async def test_one_that_fails_again_and_again_is_set_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    work = Work(fails=processors._FAILURES)
    processor = _processor(work)
    monkeypatch.setattr(processors, "_ASIDE_SECONDS", 0.5)
    running = asyncio.create_task(processor.run())
    while not processor.health.set_aside:
        processor.blocks.put(_block(0))
        await asyncio.sleep(0.01)
    assert processor.health.problem == "broken"
    await until(lambda: work.runs > processors._FAILURES)
    processor.blocks.end()
    await running
    assert not processor.health.problem


async def test_one_that_hangs_is_begun_anew_while_another_goes_on() -> None:
    hanging, well = Work(hangs=1), Work()
    both = _processor(hanging, patience=0.2), _processor(well)
    running = [asyncio.create_task(each.run()) for each in both]
    seconds = 0
    while hanging.runs < 2 or not hanging.heard:
        for each in both:
            each.blocks.put(_block(seconds))
        seconds += 1
        await asyncio.sleep(0.02)
    for each in both:
        each.blocks.end()
    await asyncio.gather(*running)
    assert well.heard == [float(second) for second in range(seconds)]
    assert both[0].health.failures == 1
    assert both[1].health.failures == 0


async def test_one_that_does_not_even_end_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processors, "_GOODBYE_SECONDS", 0.05)
    free = asyncio.Event()
    runs = 0

    async def stubborn(blocks: Blocks) -> None:
        nonlocal runs
        runs += 1
        if runs > 1:
            return
        while not free.is_set():
            try:
                await free.wait()
            except asyncio.CancelledError:
                continue

    processor = Processor("made", stubborn, source="hall", patience=0.1, first_pause=0.01)
    processor.blocks.put(_block(0))
    await processor.run()
    assert runs == 2
    free.set()
    await asyncio.sleep(0)
