"""A source's sound on its way to events on the bus, with the real engine and VAD."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TypeVar

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.engines.step_engine import until
from tests.households import nobody
from tests.listening.made_sources import BEGUN, MadeSources
from tests.listening.test_endless import FailsAt
from tests.made_ears import decoders_of
from wallflower.bus import Bus
from wallflower.config.sources import SourceSettings
from wallflower.engines.base import Engine
from wallflower.events import (
    BusEvent,
    Heard,
    Partial,
    SoundLevel,
    SourceChanged,
    SourceStatus,
    SpeechChanged,
    Unheard,
)
from wallflower.listening.ears import Ears
from wallflower.listening.household import Household
from wallflower.listening.listener import Listener

PAUSE = np.zeros(32_000, np.int16)
RATE = 16_000
HALL = SourceSettings(name="Hall", url="push")

T = TypeVar("T")


class House:
    """A listener, its made-up source, and what came of them."""

    def __init__(
        self, ears: Ears, settings: SourceSettings = HALL, household: Household | None = None
    ) -> None:
        self.bus = Bus()
        self.events: list[BusEvent] = []
        self.kept: list[Heard] = []
        self.sounds: list[NDArray[np.int16] | None] = []
        self.revised: list[Heard] = []
        self.keeps = asyncio.Event()
        self.keeps.set()
        sources = MadeSources()
        self.listener = Listener(
            "hall",
            settings,
            ears=ears,
            bus=self.bus,
            keep=self._keep,
            revise=self.revised.append,
            household=household or nobody(),
            open_source=sources,
        )
        self.source = sources["Hall"]

    async def _keep(self, heard: Heard, samples: NDArray[np.int16] | None) -> None:
        await self.keeps.wait()
        self.kept.append(heard)
        self.sounds.append(samples)

    def of(self, kind: type[T]) -> list[T]:
        return [event for event in self.events if isinstance(event, kind)]

    async def listen(self) -> None:
        with self.bus.subscribe("test") as subscription:
            reading = asyncio.create_task(self._read(subscription.events()))
            await self.listener.run()
            await asyncio.sleep(0.01)
            reading.cancel()

    async def _read(self, events: AsyncIterator[BusEvent]) -> None:
        async for event in events:
            self.events.append(event)


@asynccontextmanager
async def listening(ears: Ears, settings: SourceSettings = HALL) -> AsyncIterator[House]:
    house = House(ears, settings)
    task = asyncio.create_task(house.listen())
    yield house
    house.source.end()
    await asyncio.wait_for(task, 60)


async def test_what_is_said_is_told_and_kept_with_its_time(ears: Ears, speech: NDArray[np.int16]) -> None:
    async with listening(ears) as house:
        house.source.hear(np.concatenate([PAUSE, speech, PAUSE]))
    (heard,) = house.of(Heard)
    assert house.kept == [heard]
    assert house.sounds == [None]
    assert "best of times" in heard.text
    assert heard.source == "hall"
    assert heard.language == "en"
    assert heard.start == BEGUN + timedelta(seconds=heard.audio_start)
    assert heard.audio_start == pytest.approx(2.7, abs=0.5)
    assert heard.audio_end == pytest.approx(15, abs=0.6)
    begins, ends = house.of(SpeechChanged)
    assert begins.speaking
    assert abs(begins.at - heard.start) < timedelta(seconds=0.5)
    assert not ends.speaking
    assert abs(ends.at - heard.end) < timedelta(seconds=0.8)
    states = [event.status for event in house.of(SourceChanged)]
    assert states == [SourceStatus.HEALTHY, SourceStatus.PAUSED]


async def test_partials_have_the_id_of_what_follows(ears: Ears, speech: NDArray[np.int16]) -> None:
    async with listening(ears) as house:
        for start in range(0, len(speech), 3200):
            house.source.hear(speech[start : start + 3200])
            await asyncio.sleep(0.02)
        house.source.hear(PAUSE)
    heard = {event.id: event for event in house.of(Heard)}
    partials = house.of(Partial)
    assert partials
    for partial in partials:
        assert heard[partial.id].start == partial.start
        assert heard[partial.id].text.startswith(partial.committed)


async def test_a_gap_ends_what_is_said_and_shifts_nothing(ears: Ears, speech: NDArray[np.int16]) -> None:
    async with listening(ears) as house:
        house.source.hear(speech[: 4 * RATE])
        house.source.hear(speech[: 4 * RATE], gap=3600)
    first, second = house.of(Heard)
    assert first.text == second.text
    assert abs(second.start - first.start - timedelta(seconds=3604)) < timedelta(seconds=0.1)
    assert first.end < second.start


async def test_how_loud_it_is_once_a_second(ears: Ears) -> None:
    tone = (16384 * np.sin(np.arange(2 * RATE) / 5)).astype(np.int16)
    async with listening(ears, dataclasses.replace(HALL, gain=-6.0)) as house:
        house.source.hear(np.concatenate([PAUSE, tone]))
    levels = house.of(SoundLevel)
    assert [round(level.rms) for level in levels] == [-100, -100, -15, -15]
    assert [round(level.peak) for level in levels] == [-100, -100, -12, -12]
    assert [level.at for level in levels] == [BEGUN + timedelta(seconds=second) for second in (1, 2, 3, 4)]


async def test_nothing_is_kept_where_nothing_is_wanted(ears: Ears, speech: NDArray[np.int16]) -> None:
    async with listening(ears, dataclasses.replace(HALL, keep_transcripts=False)) as house:
        house.source.hear(speech[: 5 * RATE])
    assert house.of(Heard)
    assert house.kept == []


async def test_the_sound_is_kept_where_that_is_wanted(ears: Ears, speech: NDArray[np.int16]) -> None:
    async with listening(ears, dataclasses.replace(HALL, keep_audio=True)) as house:
        house.source.hear(np.concatenate([PAUSE, speech[: 5 * RATE]]))
    (sound,), (heard,) = house.sounds, house.kept
    assert sound is not None
    assert len(sound) / RATE == pytest.approx(heard.audio_end - heard.audio_start, abs=0.05)
    begin = round(heard.audio_start * RATE) - len(PAUSE)
    assert np.array_equal(sound[RATE : 2 * RATE], speech[begin + RATE : begin + 2 * RATE])


async def test_settings_change_while_it_listens(ears: Ears, speech: NDArray[np.int16]) -> None:
    async with listening(ears) as house:
        house.source.hear(np.concatenate([speech[: 4 * RATE], PAUSE]))
        await until(lambda: bool(house.of(Heard)))
        house.listener.settings = dataclasses.replace(HALL, gain=-40.0, sensitivity="aggressive")
        house.source.hear(np.concatenate([speech[: 4 * RATE], PAUSE]))
        await until(lambda: len(house.of(SoundLevel)) >= 11)
        house.listener.settings = HALL
        house.source.hear(np.concatenate([speech[: 4 * RATE], PAUSE]))
    first, *_, last = house.of(Heard)
    assert first.text == last.text
    assert last.audio_start - first.audio_start == pytest.approx(12, abs=0.1)
    assert house.source.listeners == 0


async def test_the_end_takes_the_last_words_along(ears: Ears, speech: NDArray[np.int16]) -> None:
    house = House(ears)
    task = asyncio.create_task(house.listen())
    house.source.hear(speech[: 5 * RATE])
    await until(lambda: len(house.of(SoundLevel)) >= 4)
    await asyncio.sleep(0.2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert house.kept
    assert "best of times" in house.kept[0].text


async def test_a_database_that_is_slow_loses_nothing(ears: Ears, speech: NDArray[np.int16]) -> None:
    async with listening(ears) as house:
        house.keeps.clear()
        for _ in range(2):
            house.source.hear(np.concatenate([speech[: 4 * RATE], PAUSE]))
        await until(lambda: len(house.of(Heard)) == 2)
        assert house.kept == []
        house.keeps.set()
    assert house.kept == house.of(Heard)


async def test_words_that_were_told_and_cannot_be_decoded_are_withdrawn(
    ears: Ears, moonshine: Engine, speech: NDArray[np.int16]
) -> None:
    class FailsAtTheEnd(FailsAt):
        def _maybe(self, samples: NDArray[np.float32], request: object) -> object:  # type: ignore[override]
            self._left = 0 if len(samples) > 3.9 * RATE else 9
            return super()._maybe(samples, request)  # type: ignore[arg-type]

    broken = dataclasses.replace(ears, decoders=decoders_of(FailsAtTheEnd(moonshine, 9)))
    async with listening(broken) as house:
        for start in range(0, 4 * RATE, 3200):
            house.source.hear(speech[start : start + 3200])
            await asyncio.sleep(0.03)
        house.source.hear(speech[4 * RATE : 5 * RATE])
        house.source.hear(PAUSE)
    assert not house.of(Heard)
    assert house.listener.health.lost == 1
    assert {event.id for event in house.of(Unheard)} == {event.id for event in house.of(Partial)}
