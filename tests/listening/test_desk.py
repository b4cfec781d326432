"""Changing who there is while the daemon listens."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.households import household_of
from tests.speakers.voices import seconds
from wallflower.audio.encoding import Codec
from wallflower.errors import WallflowerError
from wallflower.events import Alert, Heard, Speaker
from wallflower.listening.desk import Desk
from wallflower.listening.household import Household
from wallflower.speakers.diarizer import SpeakerModels
from wallflower.storage.database import DATABASE_NAME, reading, writing
from wallflower.storage.ids import new_id
from wallflower.storage.recorder import Recorder
from wallflower.storage.search import Query, stream
from wallflower.storage.sounds import SOUNDS_NAME, Sounds, sound_path
from wallflower.storage.speakers import add_speaker

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _heard(speaker: Speaker | None, text: str) -> Heard:
    return Heard(new_id(NOW), "hall", NOW, NOW, text, "en", 0.0, 1.0, speaker=speaker)


@pytest.fixture
async def recorder(tmp_path: Path) -> Recorder:
    recorder = Recorder(tmp_path / DATABASE_NAME, lambda _happening: None)
    await recorder.flush()
    return recorder


@pytest.fixture
def household(tmp_path: Path, speaker_models: SpeakerModels) -> Household:
    return household_of(tmp_path / DATABASE_NAME, speaker_models)


@pytest.fixture
def desk(tmp_path: Path, household: Household, recorder: Recorder) -> Desk:
    return Desk(tmp_path, household, recorder, Sounds(tmp_path / SOUNDS_NAME))


async def _stranger(path: Path) -> Speaker:
    async with writing(path / DATABASE_NAME) as db:
        stored = await add_speaker(db, None, NOW)
    return Speaker(stored.id, stored.name)


async def _said(path: Path) -> list[tuple[str, str]]:
    async with reading(path / DATABASE_NAME) as db:
        return [(one.speaker_name, one.text) async for one in stream(db, Query())]


async def test_a_voice_that_is_enrolled_is_known_at_once(
    desk: Desk, household: Household, voice: NDArray[np.int16], speaker_models: SpeakerModels
) -> None:
    card = await desk.enrol("Anna", seconds(voice, 20, 32))
    assert (card.name, card.known, card.enrolled) == ("Anna", True, True)
    assert desk.people() == [card]
    embedding = speaker_models.embedder.embed(seconds(voice, 0, 5))
    assert embedding is not None
    found = household.people.recognise(embedding, 5.0)
    assert found is not None
    assert found.id == card.id
    with pytest.raises(WallflowerError, match="s of speech"):
        await desk.enrol("Bea", seconds(voice, 0, 0.3))
    with pytest.raises(WallflowerError, match="no utterance 5"):
        await desk.enrol_from("Bea", [5])
    assert desk.people() == [card]


async def test_what_waits_is_named_merged_and_split_too(
    desk: Desk, recorder: Recorder, tmp_path: Path
) -> None:
    one, other = await _stranger(tmp_path), await _stranger(tmp_path)
    utterances = [_heard(one, "first"), _heard(other, "second"), _heard(other, "third")]
    for heard in utterances:
        await recorder.keep(heard)
    assert (await desk.rename(one.name, "Anna")).name == "Anna"
    assert await desk.merge(other.name, "Anna") == desk.person(other.id)
    apart = await desk.split([utterances[2].id])
    assert not apart.known
    assert sorted(await _said(tmp_path)) == sorted(
        [("Anna", "first"), ("Anna", "second"), (apart.name, "third")]
    )
    with pytest.raises(WallflowerError, match="Bea"):
        await desk.rename("Bea", "Cem")


@pytest.mark.parametrize("words", [True, False])
async def test_what_waits_is_forgotten_too(
    desk: Desk, recorder: Recorder, tmp_path: Path, household: Household, *, words: bool
) -> None:
    anna = await _stranger(tmp_path)
    await desk.rename(anna.name, "Anna")
    named = Speaker(anna.id, "Anna", known=True)
    await recorder.keep(_heard(named, "the first of it"))
    await recorder.flush()
    others = _heard(None, "of somebody else")
    sounds = []
    for heard in (_heard(named, "the last of it"), others):
        await recorder.keep(heard)
        sounds.append(sound_path(tmp_path / SOUNDS_NAME, heard.id, Codec.OPUS))
        sounds[-1].parent.mkdir(parents=True, exist_ok=True)
        sounds[-1].touch()
    recorder.keep_alert(
        Alert(
            new_id(NOW), "who", "speaker", "hall", "info", "raised", "Anna speaks", NOW,
            detail=(("speaker", "Anna"), ("speaker_id", str(anna.id))),
        )
    )  # fmt: skip
    await desk.forget("Anna", words=words)
    await recorder.flush()
    said = await _said(tmp_path)
    expected = {("", "of somebody else")}
    assert set(said) == expected if words else {name for name, _ in said} == {""}
    assert len(said) == (1 if words else 3)
    assert desk.people() == []
    assert household.people.current(anna.id) is None
    assert desk.person(anna.id) is None
    assert desk.words_gone(anna.id) is words
    assert [sound.exists() for sound in sounds] == [not words, True]
    for file in tmp_path.glob(f"{DATABASE_NAME}*"):
        assert b"Anna" not in file.read_bytes()
