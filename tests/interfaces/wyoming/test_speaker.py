"""Who gives a voice command, in the transcript's context: if it is known by then, and never waited for."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from numpy.typing import NDArray
from wyoming.asr import Transcript
from wyoming.audio import AudioStop
from wyoming.client import AsyncClient

from tests.households import household_of
from tests.interfaces.wyoming.conversation import START, send, words
from tests.speakers.voices import QUICK, played, seconds, silence
from wallflower.interfaces.wyoming.connection import Service
from wallflower.interfaces.wyoming.server import WyomingServer
from wallflower.listening.desk import Desk
from wallflower.listening.household import Household
from wallflower.listening.voices import Voices
from wallflower.speakers.diarizer import SpeakerModels
from wallflower.storage.database import DATABASE_NAME
from wallflower.storage.recorder import Recorder
from wallflower.storage.sounds import SOUNDS_NAME, Sounds

Sound = NDArray[np.int16]
T = TypeVar("T")


@pytest.fixture
async def household(tmp_path: Path, speaker_models: SpeakerModels, voice: Sound) -> Household:
    """Where Anna is enrolled."""
    recorder = Recorder(tmp_path / DATABASE_NAME, lambda _happening: None)
    await recorder.flush()
    household = household_of(tmp_path / DATABASE_NAME, speaker_models)
    card = await Desk(tmp_path, household, recorder, Sounds(tmp_path / SOUNDS_NAME)).enrol(
        "Anna", seconds(voice, 20, 35)
    )
    assert card.enrolled
    return household


@asynccontextmanager
async def _client(service: Service) -> AsyncIterator[AsyncClient]:
    server = WyomingServer("tcp://127.0.0.1:0", service, max_clients=5)
    await server.open()
    try:
        async with AsyncClient.from_uri(f"tcp://127.0.0.1:{server.port}") as client:
            yield client
    finally:
        await server.close()


async def _said(service: Service, sound: Sound) -> Transcript:
    """What is answered to sound that comes as it is spoken, four times as quick."""
    async with _client(service) as client:
        await client.write_event(START)
        await send(client, np.concatenate([sound, silence(0.8)]), speed=4)
        await client.write_event(AudioStop().event())
        return await words(client)


async def test_an_enrolled_person_is_named(service: Service, household: Household, voice: Sound) -> None:
    told = await _said(replace(service, household=household), seconds(voice, 0, 6))
    assert told.context is not None
    assert told.context["speaker"] == "Anna"
    assert told.context["speaker_id"] == 1
    assert 0.5 < told.context["speaker_confidence"] <= 1


async def test_a_stranger_is_nobody(service: Service, household: Household, voice: Sound) -> None:
    told = await _said(replace(service, household=household), played(seconds(voice, 0, 6), QUICK))
    assert told.text
    assert not told.context


class Never(Voices):
    """Voices on a box that has no time at all."""

    async def do(self, work: Callable[[], T]) -> T:
        await asyncio.sleep(3600)
        return work()


async def test_nobody_waits_for_it(
    service: Service, household: Household, voice: Sound, speaker_models: SpeakerModels
) -> None:
    voices = Never()
    voices.models = speaker_models
    told = await _said(
        replace(service, household=Household(voices, household.people, wanted=True)), seconds(voice, 0, 6)
    )
    assert told.text
    assert not told.context


async def test_where_nobody_is_enrolled_nobody_looks(
    service: Service, tmp_path: Path, speaker_models: SpeakerModels, voice: Sound
) -> None:
    household = household_of(tmp_path / DATABASE_NAME, speaker_models)
    told = await _said(replace(service, household=household), seconds(voice, 0, 3))
    assert told.text
    assert not told.context
