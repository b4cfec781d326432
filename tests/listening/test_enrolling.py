"""Voiceprints in the database: imported whole or not at all, joined by a merge, and damaged ones replaced."""

from pathlib import Path

import pytest

from tests.speakers.voices import read_voice, seconds
from tests.storage.made import NOON
from wallflower.listening.enrolling import (
    enrol,
    export_people,
    import_people,
    merge,
    voiceprint_of,
)
from wallflower.listening.identifying import identify
from wallflower.models.store import Store
from wallflower.speakers.diarizer import SpeakerModels
from wallflower.speakers.enrolment import EnrolmentError
from wallflower.speakers.loading import load_speaker_models
from wallflower.speakers.recognition import cohort
from wallflower.speakers.voiceprint import MODEL, Voiceprint, export_voices, to_bytes
from wallflower.speech.vad import SileroVad
from wallflower.storage.database import DATABASE_NAME, prepare, reading, writing
from wallflower.storage.errors import NameTakenError, SpeakerNameError, StorageError
from wallflower.storage.speakers import (
    StoredSpeaker,
    add_speaker,
    find_speaker,
    list_speakers,
    set_voiceprint,
)


@pytest.fixture(scope="module")
def models(speaker_store: Store, vad: SileroVad) -> SpeakerModels:
    models = load_speaker_models(speaker_store, vad)
    assert models is not None
    return models


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / DATABASE_NAME
    prepare(path)
    return path


def voice_of(number: int, count: int = 1) -> Voiceprint:
    return Voiceprint(MODEL, cohort()[number : number + count])


async def names(path: Path) -> list[str]:
    async with reading(path) as db:
        return [speaker.name for speaker in await list_speakers(db)]


async def test_an_import_is_whole_or_nothing(path: Path) -> None:
    text = export_voices({"Anna": voice_of(0), "Ben": voice_of(1, 3)})
    assert [speaker.name for speaker in await import_people(path, text)] == ["Anna", "Ben"]
    assert await export_people(path) == export_voices(
        {
            name: voiceprint
            for name in ("Anna", "Ben")
            if (voiceprint := voiceprint_of(await _find(path, name))) is not None
        }
    )
    more = export_voices({"Carl": voice_of(2), "anna": voice_of(3)})
    with pytest.raises(NameTakenError, match="'anna' is taken, by speaker 1"):
        await import_people(path, more)
    assert await names(path) == ["Anna", "Ben"]
    await import_people(path, more, replace=True)
    assert await names(path) == ["Anna", "Ben", "Carl"]
    assert (await _find(path, "anna")).voiceprint == to_bytes(voice_of(3))
    for wrong in (
        {"Dora": voice_of(4), "Speaker 9": voice_of(5)},
        {"Dora": voice_of(4), "dora": voice_of(5)},
    ):
        with pytest.raises(SpeakerNameError):
            await import_people(path, export_voices(wrong), replace=True)
    assert await names(path) == ["Anna", "Ben", "Carl"]


async def _find(path: Path, who: str) -> StoredSpeaker:
    async with reading(path) as db:
        return await find_speaker(db, who)


async def test_a_merge_joins_voices(path: Path) -> None:
    await import_people(path, export_voices({"Anna": voice_of(0, 3), "Ann": voice_of(10, 2)}))
    async with writing(path) as db:
        for _ in range(2):
            await add_speaker(db, None, NOON)
    merged = await merge(path, "Ann", "Anna")
    voiceprint = voiceprint_of(merged)
    assert voiceprint is not None
    assert len(voiceprint.embeddings) == 5
    assert (await merge(path, "Speaker 3", "Anna")).voiceprint == merged.voiceprint
    with pytest.raises(StorageError, match="merge Speaker 4 into Anna"):
        await merge(path, "Anna", "Speaker 4")
    async with writing(path) as db:
        carl = await add_speaker(db, "Carl", NOON)
        old = await add_speaker(db, "Carl's old voice", NOON)
        await set_voiceprint(db, old.id, "older", to_bytes(voice_of(7)))
    assert (await merge(path, "Carl's old voice", "Carl")).model == "older"  # better than none
    async with writing(path) as db:
        await set_voiceprint(db, carl.id, MODEL, b"damaged")
        other = await add_speaker(db, "Karl", NOON)
        await set_voiceprint(db, other.id, MODEL, to_bytes(voice_of(8)))
    assert (await merge(path, "Karl", "Carl")).voiceprint == to_bytes(voice_of(8))
    async with writing(path) as db:
        old = await add_speaker(db, "Old", NOON)
        await set_voiceprint(db, old.id, "older", to_bytes(voice_of(7)))
    assert (await merge(path, "Old", "Carl")).voiceprint == to_bytes(voice_of(8))


async def test_a_voice_is_learnt_anew_where_it_is_damaged(
    path: Path, models: SpeakerModels, two_cities: Path
) -> None:
    voice = read_voice(two_cities)
    async with writing(path) as db:
        anna = await add_speaker(db, "Anna", NOON)
        await set_voiceprint(db, anna.id, MODEL, b"damaged")
        await set_voiceprint(db, (await add_speaker(db, "Old", NOON)).id, "older", to_bytes(voice_of(0)))
    found = await identify(path, models, seconds(voice, 0, 4))
    assert [speaker.name for speaker in found.left_out] == ["Anna", "Old"]
    assert found.candidates == ()
    with pytest.raises(StorageError, match="nobody is enrolled"):
        await export_people(path)
    with pytest.raises(EnrolmentError):
        await enrol(path, models, "Anna", seconds(voice, 0, 2))
    learnt = await enrol(path, models, "1", seconds(voice, 0, 6))
    assert (learnt.id, learnt.name) == (anna.id, "Anna")
    found = await identify(path, models, seconds(voice, 22, 26))
    assert [each.speaker.name for each in found.candidates] == ["Anna"]
    assert found.candidates[0].recognition.confidence > 0.5
