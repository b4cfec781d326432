"""Who speaks at a source, with the real models and voices: told with the words, or put right later."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.households import household_of
from tests.listening.test_listener import HALL, House
from tests.speakers.voices import QUICK, SLOW, played, seconds, silence
from wallflower.config.sources import SourceSettings
from wallflower.events import Heard, SpeakerChanged, UtteranceRevised
from wallflower.listening.ears import Ears
from wallflower.listening.household import Household
from wallflower.listening.voices import Voices
from wallflower.speakers.diarizer import SpeakerModels
from wallflower.speakers.enrolment import enrolment_of
from wallflower.speakers.voiceprint import enrolled, to_bytes
from wallflower.storage.database import DATABASE_NAME, prepare, writing
from wallflower.storage.speakers import (
    add_speaker,
    forget_speaker,
    list_speakers,
    merge_speakers,
    rename_speaker,
    set_voiceprint,
)

Sound = NDArray[np.int16]
T = TypeVar("T")


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / DATABASE_NAME
    prepare(path)
    return path


@pytest.fixture
def household(database: Path, speaker_models: SpeakerModels) -> Household:
    return household_of(database, speaker_models)


def _names(told: list[Heard]) -> list[str]:
    return [heard.speaker_name for heard in told]


async def _enrol(path: Path, name: str, sound: Sound, models: SpeakerModels) -> int:
    voiceprint = enrolled(None, enrolment_of(sound, models))
    async with writing(path) as db:
        stored = await add_speaker(db, name, datetime.now(UTC))
        await set_voiceprint(db, stored.id, voiceprint.model, to_bytes(voiceprint))
    return stored.id


async def _listening(
    house: House, *sounds: Sound | Callable[[], Awaitable[None]], gap: float = 0, patience: float = 20
) -> None:
    """Hear sounds, each with a pause behind it and told before the next, and do things in between."""
    task = asyncio.create_task(house.listen())
    for count, each in enumerate(sounds):
        if callable(each):
            await each()
            continue
        house.source.hear(np.concatenate([each, silence(2.5)]), gap=gap if count else 0)
        told = len(house.of(Heard))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while len(house.of(Heard)) == told or not _in_the_end(house)[-1].speaker:
                    await asyncio.sleep(0.02)
        assert len(house.of(Heard)) > told
    house.source.end()
    await task


def _in_the_end(house: House) -> list[Heard]:
    """What was told, as it was told last."""
    told = {heard.id: heard for heard in house.of(Heard)}
    told |= {event.heard.id: event.heard for event in house.of(UtteranceRevised)}
    return list(told.values())


async def test_two_people_have_two_names_that_stay(ears: Ears, household: Household, voice: Sound) -> None:
    house = House(ears, household=household)
    other = played(voice, QUICK)
    await _listening(
        house, seconds(voice, 0, 7), seconds(other, 0, 7), seconds(voice, 8, 13), seconds(other, 8, 13)
    )
    told = _in_the_end(house)
    one, two, *_ = names = _names(told)
    assert names == [one, two, one, two]
    assert {one, two} == {"Speaker 1", "Speaker 2"}
    assert all(not heard.speaker.known for heard in told if heard.speaker)
    changes = [event for event in house.of(SpeakerChanged) if not event.provisional and event.speaker]
    assert [event.speaker.name for event in changes if event.speaker][:2] == [one, two]
    assert [each.revision for each in house.revised] == [1] * len(house.revised)


async def test_the_same_person_at_another_source_is_the_same_speaker(
    ears: Ears, household: Household, voice: Sound
) -> None:
    told = []
    for begin in (0, 9):
        house = House(ears, household=household)
        await _listening(house, seconds(voice, begin, begin + 8))
        told += _in_the_end(house)
    assert len(set(_names(told))) == 1
    assert told[0].speaker_name == "Speaker 1"


async def test_who_is_enrolled_has_their_name(
    ears: Ears, household: Household, voice: Sound, database: Path, speaker_models: SpeakerModels
) -> None:
    identity = await _enrol(database, "Anna", seconds(voice, 20, 32), speaker_models)
    await household.people.look()
    house = House(ears, household=household)
    other = played(voice, SLOW)
    await _listening(house, seconds(voice, 0, 7), seconds(other, 0, 8))
    first, second = _in_the_end(house)
    assert first.speaker is not None
    assert (first.speaker.id, first.speaker.name, first.speaker.known) == (identity, "Anna", True)
    assert first.speaker.confidence is not None
    assert first.speaker.confidence > 0.5
    assert second.speaker_name == "Speaker 2"
    provisional = [event for event in house.of(SpeakerChanged) if event.provisional]
    assert all(event.at <= first.end for event in provisional[:1])


async def test_a_speaker_is_named_while_they_speak(
    ears: Ears, household: Household, voice: Sound, database: Path
) -> None:
    house = House(ears, household=household)

    async def name() -> None:
        async with writing(database) as db:
            await rename_speaker(db, 1, "Anna")
        await household.people.look()

    await _listening(house, seconds(voice, 0, 8), name, seconds(voice, 9, 16))
    assert _names(_in_the_end(house)) == ["Speaker 1", "Anna"]
    async with writing(database) as db:
        (stored,) = await list_speakers(db)
    assert stored.voiceprint is not None
    again = household_of(database, household.voices.models)  # as after a restart
    await again.people.look()
    later = House(ears, household=again)
    await _listening(later, seconds(voice, 20, 28))
    assert _names(_in_the_end(later)) == ["Anna"]


async def test_nothing_is_stored_of_who_has_no_name(
    ears: Ears, household: Household, voice: Sound, database: Path
) -> None:
    house = House(ears, household=household)
    await _listening(house, seconds(voice, 0, 8))
    async with writing(database) as db:
        (stored,) = await list_speakers(db)
    assert (stored.known, stored.voiceprint) == (False, None)


async def test_people_are_merged_while_they_speak(
    ears: Ears, household: Household, voice: Sound, database: Path
) -> None:
    house = House(ears, household=household)
    other = played(voice, QUICK)

    async def merge() -> None:
        async with writing(database) as db:
            await merge_speakers(db, 2, 1, None)
        await household.people.look()

    await _listening(house, seconds(voice, 0, 7), seconds(other, 0, 7), merge, seconds(other, 8, 14))
    assert _names(_in_the_end(house)) == ["Speaker 1", "Speaker 2", "Speaker 1"]


async def test_a_person_is_forgotten_while_they_speak(
    ears: Ears, household: Household, voice: Sound, database: Path
) -> None:
    house = House(ears, household=household)

    before: list[int] = []

    async def forget() -> None:
        before.append(len(house.revised))
        async with writing(database) as db:
            await forget_speaker(db, 1, None, words=True)
        await household.people.look()

    await _listening(house, seconds(voice, 0, 7), forget, seconds(voice, 8, 15))
    names = _names(_in_the_end(house))
    assert names[0] == "Speaker 1"
    assert names[1] in {"", "Speaker 2"}  # somebody new, as soon as that can be told
    later = house.revised[before[0] :]
    assert {heard.speaker_name for heard in later} <= {"Speaker 2"}
    assert all(heard.id != house.of(Heard)[0].id for heard in later)


async def test_without_models_words_wait_for_nobody(ears: Ears, voice: Sound, database: Path) -> None:
    household = household_of(database, None)
    house = House(ears, household=household)
    begun = time.monotonic()
    await _listening(house, seconds(voice, 0, 5), patience=5)
    assert _names(_in_the_end(house)) == [""]
    assert time.monotonic() - begun < 30
    assert house.of(SpeakerChanged) == []


async def test_where_nobody_wants_to_know_nobody_looks(
    ears: Ears, household: Household, voice: Sound
) -> None:
    house = House(ears, SourceSettings(name="Hall", url="push", speakers=False), household)
    await _listening(house, seconds(voice, 0, 5), patience=5)
    assert _names(_in_the_end(house)) == [""]
    assert house.of(SpeakerChanged) == []


class Slow(Voices):
    """Voices on a box without any time."""

    async def do(self, work: Callable[[], T]) -> T:
        await asyncio.sleep(0.25)
        return await super().do(work)


async def test_who_is_known_too_late_is_told_later(
    ears: Ears, voice: Sound, database: Path, speaker_models: SpeakerModels
) -> None:
    quick = household_of(database, speaker_models)
    voices = Slow()
    voices.models = speaker_models
    house = House(ears, HALL, Household(voices, quick.people, wanted=True))
    await _listening(house, seconds(voice, 0, 7))
    (heard,) = house.of(Heard)
    revised = house.of(UtteranceRevised)
    assert [event.heard.speaker_name for event in revised] == ["Speaker 1"] or heard.speaker is not None
    assert all(event.heard.id == heard.id for event in revised)


async def test_after_a_gap_people_are_known_again(ears: Ears, household: Household, voice: Sound) -> None:
    house = House(ears, household=household)
    await _listening(house, seconds(voice, 0, 7), seconds(voice, 8, 15), gap=3)
    assert _names(_in_the_end(house)) == ["Speaker 1"] * 2
    house = House(ears, household=household)
    await _listening(house, seconds(voice, 16, 23), seconds(voice, 24, 31), gap=600)
    assert _names(_in_the_end(house)) == ["Speaker 1"] * 2


async def test_silence_and_noise_are_nobody(ears: Ears, household: Household, database: Path) -> None:
    house = House(ears, household=household)
    noise = (np.random.default_rng(7).normal(size=160_000) * 300).astype(np.int16)
    house.source.hear(np.concatenate([silence(10), noise]))
    house.source.end()
    await house.listen()
    assert house.of(SpeakerChanged) == []
    async with writing(database) as db:
        assert await list_speakers(db) == ()
