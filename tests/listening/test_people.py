"""Who is known in the house: by voices that are enrolled, in a database that others change, too."""

import asyncio
import contextlib
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wallflower.events import BusEvent, SpeakersChanged
from wallflower.listening import people as module
from wallflower.listening.people import People
from wallflower.speakers.embedding import SIZE, Embedding, unit
from wallflower.speakers.recognition import Recogniser
from wallflower.speakers.voiceprint import MODEL, Voiceprint, from_bytes, to_bytes
from wallflower.storage.database import DATABASE_NAME, prepare, reading, writing
from wallflower.storage.speakers import (
    add_speaker,
    forget_speaker,
    keep_people,
    list_speakers,
    merge_speakers,
    rename_speaker,
    set_voiceprint,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / DATABASE_NAME
    prepare(path)
    return path


@pytest.fixture
def told() -> list[BusEvent]:
    return []


@pytest.fixture
def people(path: Path, told: list[BusEvent]) -> People:
    return People(path, told.append)


def _voice(seed: int, *, like: Embedding | None = None, differs: float = 0.0) -> Embedding:
    """A voice of its own, or one like another."""
    own = unit(np.random.default_rng(seed).normal(size=SIZE).astype(np.float32))
    return own if like is None else unit(like + np.float32(differs) * own)


async def _enrolled(path: Path, name: str, voice: Embedding, model: str = MODEL) -> int:
    async with writing(path) as db:
        stored = await add_speaker(db, name, datetime.now(UTC))
        await set_voiceprint(db, stored.id, model, to_bytes(Voiceprint(model, voice[np.newaxis])))
    return stored.id


async def test_a_known_voice_a_new_one_and_one_too_short(path: Path, people: People) -> None:
    anna = await _enrolled(path, "Anna", _voice(1))
    await people.look()
    known = await people.who_is(_voice(2, like=_voice(1), differs=0.3), 3.0)
    assert known is not None
    assert (known.id, known.name, known.known) == (anna, "Anna", True)
    assert await people.who_is(_voice(3), 1.5) is None
    new = await people.who_is(_voice(3), 3.0)
    assert new is not None
    assert (new.name, new.known, new.confidence) == (f"Speaker {new.id}", False, None)
    again = await people.who_is(_voice(4, like=_voice(3), differs=0.3), 3.0)
    assert again == new or (again is not None and again.id == new.id)
    other = await people.who_is(_voice(3), 3.0, apart={new.id})
    assert other is not None
    assert other.id != new.id


async def test_what_others_change_is_seen(path: Path, people: People, told: list[BusEvent]) -> None:
    await people.look()
    version = people.version
    await people.look()
    assert people.version == version  # nothing has changed
    first, second = await people.who_is(_voice(1), 3.0), await people.who_is(_voice(2), 3.0)
    assert first is not None
    assert second is not None
    async with writing(path) as db:
        await rename_speaker(db, first.id, "Anna")
        await merge_speakers(db, second.id, first.id, None)
    await people.look()
    assert people.version > version
    assert SpeakersChanged() in told
    assert people.current(second.id) == first.id
    assert people.speaker(first.id).name == "Anna"
    async with writing(path) as db:
        await forget_speaker(db, first.id, None, words=True)
    await people.look()
    assert people.current(first.id) is None
    assert people.current(second.id) is None
    assert people.recognise(_voice(1), 3.0) is None


async def test_who_is_named_has_a_voiceprint_from_then_on(path: Path, people: People) -> None:
    stranger = await people.who_is(_voice(1), 3.0)
    assert stranger is not None
    people.learn(stranger.id, _voice(5, like=_voice(1), differs=0.3), 3.0)
    async with writing(path) as db:
        assert [each.voiceprint for each in await list_speakers(db)] == [None]
        await rename_speaker(db, stranger.id, "Anna")
    await people.look()
    assert people.anybody_enrolled
    assert people.card(stranger.id).enrolled
    async with reading(path) as db:
        (stored,) = await list_speakers(db)
    assert stored.voiceprint is not None
    assert len(from_bytes(stored.model, stored.voiceprint).embeddings) == 2


async def test_a_voiceprint_follows_slowly_and_is_stored(
    path: Path, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LOOK_SECONDS", 0.01)
    identity = await _enrolled(path, "Anna", _voice(1))
    following = asyncio.create_task(people.follow())
    while not people.anybody_enrolled:
        await asyncio.sleep(0.01)
    heard = _voice(2, like=_voice(1), differs=0.3)
    people.learn(identity, heard, 1.0)  # too short
    people.learn(identity, heard, 3.0)
    people.learn(identity, _voice(9), 3.0)  # not their voice
    following.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await following
    async with reading(path) as db:
        (stored,) = await list_speakers(db)
    assert stored.voiceprint is not None
    (now,) = from_bytes(stored.model, stored.voiceprint).embeddings
    assert float(_voice(1) @ heard) < float(now @ heard) < 0.999
    assert float(now @ _voice(1)) > 0.99


async def test_a_damaged_voiceprint_harms_no_other(
    path: Path, people: People, log_output: list[dict[str, Any]]
) -> None:
    damaged = await _enrolled(path, "Bea", _voice(2))
    foreign = await _enrolled(path, "Cem", _voice(3), model="another-2.0")
    anna = await _enrolled(path, "Anna", _voice(1))
    async with writing(path) as db:
        await db.execute("UPDATE voiceprints SET embeddings = x'00' WHERE speaker = ?", (damaged,))
    await people.look(closely=True)
    found = people.recognise(_voice(1), 3.0)
    assert found is not None
    assert found.id == anna
    assert people.recognise(_voice(2), 3.0) is None
    assert people.recognise(_voice(3), 3.0) is None
    said = {line["speaker"]: line["event"] for line in log_output if "speaker" in line}
    assert said == {
        damaged: "voiceprint cannot be used: enrol anew",
        foreign: "voiceprint of another model: enrol anew",
    }


async def test_a_thousand_people(path: Path, people: People) -> None:
    voices = {f"Person {number}": _voice(number) for number in range(1000)}
    async with writing(path) as db:
        kept = {name: (MODEL, to_bytes(Voiceprint(MODEL, each[np.newaxis]))) for name, each in voices.items()}
        await keep_people(db, kept, replace=False)
    await people.look(closely=True)
    for number in (0, 499, 999):
        found = people.recognise(_voice(5000, like=_voice(number), differs=0.3), 3.0)
        assert found is not None
        assert found.name == f"Person {number}"


async def test_only_so_many_strangers_are_remembered(
    path: Path, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_STRANGERS", 3)
    met = [await people.who_is(_voice(number), 3.0) for number in range(4)]
    again = await people.who_is(_voice(0), 3.0)
    assert again is not None
    assert again.id not in {each.id for each in met if each}
    last = await people.who_is(_voice(3), 3.0)
    assert last == met[3] or (last is not None and met[3] is not None and last.id == met[3].id)


async def test_without_a_database_nobody_has_a_name(tmp_path: Path, told: list[BusEvent]) -> None:
    people = People(tmp_path / "no" / DATABASE_NAME, told.append)
    await people.look()
    assert await people.who_is(_voice(1), 3.0) is None
    assert told == []


async def test_what_is_not_to_be_kept_is_in_memory_alone(path: Path, told: list[BusEvent]) -> None:
    anna = await _enrolled(path, "Anna", _voice(1))
    people = People(path, told.append, keeps=False)
    await people.look()
    new = await people.who_is(_voice(3), 3.0)
    assert new is not None
    assert new.id > anna
    people.learn(anna, _voice(2, like=_voice(1), differs=0.3), 3.0)
    following = asyncio.create_task(people.follow())
    await asyncio.sleep(0.05)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    async with reading(path) as db:
        (stored,) = await list_speakers(db)
    assert stored.voiceprint == to_bytes(Voiceprint(MODEL, _voice(1)[np.newaxis]))


async def test_who_is_named_while_others_change_keeps_the_voice(
    path: Path, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = await people.who_is(_voice(1), 3.0)
    assert stranger is not None
    async with writing(path) as db:
        await rename_speaker(db, stranger.id, "Anna")
    known = Recogniser

    def meanwhile(*given: Any) -> Any:
        """Another source hears somebody new while the voices are read."""
        monkeypatch.setattr(module, "Recogniser", known)
        with contextlib.closing(sqlite3.connect(path)) as db, db:
            db.execute("INSERT INTO speakers (name, known, created) VALUES ('Speaker 7', 0, 0)")
        return known(*given)

    monkeypatch.setattr(module, "Recogniser", meanwhile)
    await people.look()
    assert not people.anybody_enrolled  # not stored, and not lost
    await people.look()
    assert people.card(stranger.id).enrolled
    found = people.recognise(_voice(1), 3.0)
    assert found is not None
    assert found.name == "Anna"


async def test_somebody_enrolled_is_learnt_while_the_voices_are_read(
    path: Path, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = await people.who_is(_voice(1), 3.0)
    assert stranger is not None
    async with writing(path) as db:
        await rename_speaker(db, stranger.id, "Anna")
        await set_voiceprint(db, stranger.id, MODEL, to_bytes(Voiceprint(MODEL, _voice(1)[np.newaxis])))
    loop, known = asyncio.get_running_loop(), Recogniser

    async def learn() -> None:
        people.learn(stranger.id, _voice(1), 3.0)

    def meanwhile(*given: Any) -> Any:
        asyncio.run_coroutine_threadsafe(learn(), loop).result()
        return known(*given)

    monkeypatch.setattr(module, "Recogniser", meanwhile)
    await people.look()
    assert people.card(stranger.id).enrolled


async def test_what_was_learnt_outlasts_a_change_of_others(path: Path, people: People) -> None:
    anna = await _enrolled(path, "Anna", _voice(1))
    await people.look()
    heard = _voice(2, like=_voice(1), differs=0.3)
    people.learn(anna, heard, 3.0)
    await _enrolled(path, "Ben", _voice(3))
    await people.look()
    following = asyncio.create_task(people.follow())
    await asyncio.sleep(0.1)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    async with reading(path) as db:
        stored = {each.name: each for each in await list_speakers(db)}["Anna"]
    assert stored.voiceprint is not None
    (now,) = from_bytes(stored.model, stored.voiceprint).embeddings
    assert float(_voice(1) @ heard) + 0.002 < float(now @ heard)
    enrolled_anew = Voiceprint(MODEL, _voice(4)[np.newaxis])
    people.learn(anna, heard, 3.0)
    async with writing(path) as db:
        await set_voiceprint(db, anna, MODEL, to_bytes(enrolled_anew))
    await people.look()
    assert people.recognise(_voice(4), 3.0) is not None
    assert people.recognise(_voice(1), 3.0) is None


async def test_what_could_not_be_read_is_read_again(
    path: Path, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _enrolled(path, "Anna", _voice(1))

    async def locked(_db: object) -> int:
        raise sqlite3.OperationalError("database is locked")

    with monkeypatch.context() as patched:
        patched.setattr(module, "speakers_version", locked)
        await people.look()
    assert not people.anybody_enrolled
    await people.look()
    assert people.anybody_enrolled


async def test_a_stranger_who_is_somebody_enrolled_after_all_is_known_from_then_on(
    path: Path, people: People
) -> None:
    anna = await _enrolled(path, "Anna", _voice(1))
    await people.look()
    stranger = await people.who_is(_voice(2), 3.0)
    assert stranger is not None
    async with writing(path) as db:
        await merge_speakers(db, stranger.id, anna, None)
    await people.look()
    for voice in (_voice(1), _voice(2)):
        found = await people.who_is(voice, 3.0)
        assert found is not None
        assert (found.id, found.name) == (anna, "Anna")
    async with reading(path) as db:
        (stored,) = await list_speakers(db)
    assert stored.voiceprint is not None
    assert len(from_bytes(stored.model, stored.voiceprint).embeddings) == 2
