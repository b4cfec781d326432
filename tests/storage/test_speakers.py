"""Speakers in the database: named, merged, split, and forgotten to the last byte."""

import asyncio
from pathlib import Path

import aiosqlite
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.storage.conftest import Fill
from tests.storage.made import NOON, PRINT, bytes_of, heard, opened, said_by, speakers_of, texts
from wallflower.events import Happening, Speaker
from wallflower.storage import speakers as speakers_module
from wallflower.storage.database import reading, writing
from wallflower.storage.errors import NameTakenError, NoSuchSpeakerError, SpeakerNameError, StorageError
from wallflower.storage.recorder import Recorder
from wallflower.storage.search import Query, find, search
from wallflower.storage.speaker_names import name_of_person, same_name
from wallflower.storage.speakers import (
    FormerSpeaker,
    SpeakerCount,
    StoredSpeaker,
    add_speaker,
    drop_unused,
    find_speaker,
    forget_speaker,
    former_speakers,
    go_on,
    list_speakers,
    merge_speakers,
    rename_speaker,
    set_voiceprint,
    speaker_counts,
    speakers_version,
    split_speaker,
)


async def test_automatic_and_named_ones(db: aiosqlite.Connection) -> None:
    first = await add_speaker(db, None, NOON)
    anna = await add_speaker(db, "  Anna   Maria ", NOON)
    assert first == StoredSpeaker(1, "Speaker 1", False, "#0072b2", NOON, "", None)
    assert (anna.id, anna.name, anna.known, anna.colour) == (2, "Anna Maria", True, "#e69f00")
    assert await list_speakers(db) == (anna, first)
    for who in ("anna maria", "ANNA MARIA", "2", " 2 "):
        assert await find_speaker(db, who) == anna
    assert await find_speaker(db, "speaker 1") == first
    with pytest.raises(NoSuchSpeakerError, match="'ann'; there are: Anna Maria, Speaker 1"):
        await find_speaker(db, "ann")


async def test_a_thousand_are_not_all_told(db: aiosqlite.Connection) -> None:
    with pytest.raises(NoSuchSpeakerError, match="there are: none"):
        await find_speaker(db, "anna")
    await db.executemany(
        "INSERT INTO speakers (name, known, created) VALUES (?, 1, 0)", [(f"P{n:04}",) for n in range(1000)]
    )
    with pytest.raises(NoSuchSpeakerError, match="P0019 and 980 more"):
        await find_speaker(db, "anna")
    assert len({speaker.colour for speaker in await list_speakers(db)}) == 12


async def test_a_name_is_of_one_alone(db: aiosqlite.Connection) -> None:
    anne = await add_speaker(db, "Änne", NOON)
    other = await add_speaker(db, None, NOON)
    for name in ("Änne", "äNNE", "A\u0308nne"):
        with pytest.raises(NameTakenError, match="taken, by speaker 1"):
            await add_speaker(db, name, NOON)
        with pytest.raises(NameTakenError):
            await rename_speaker(db, other.id, name)
    assert (await rename_speaker(db, anne.id, "ÄNNE")).name == "ÄNNE"
    assert len(await list_speakers(db)) == 2
    named = await rename_speaker(db, other.id, "Ben")
    assert (named.id, named.known, named.colour) == (other.id, True, other.colour)


@pytest.mark.parametrize(
    "name", ["", "  ", "\n", "7", "#7", "speaker 4", "Speaker  4", "x" * 101, "a\u202eb"]
)
async def test_what_is_no_name(db: aiosqlite.Connection, name: str) -> None:
    with pytest.raises(SpeakerNameError):
        await add_speaker(db, name, NOON)
    assert await list_speakers(db) == ()


@given(st.text(max_size=120))
def test_a_name_stays_as_it_is_kept(typed: str) -> None:
    try:
        name = name_of_person(typed)
    except SpeakerNameError:
        return
    assert name_of_person(name) == name
    assert same_name(name, typed)
    assert name.isprintable()


async def test_who_is_not_there_cannot_be_changed(db: aiosqlite.Connection) -> None:
    anna = await add_speaker(db, "Anna", NOON)
    with pytest.raises(NoSuchSpeakerError):
        await rename_speaker(db, 9, "Ben")
    with pytest.raises(NoSuchSpeakerError):
        await set_voiceprint(db, 9, "model", PRINT)
    with pytest.raises(NoSuchSpeakerError):
        await merge_speakers(db, 9, anna.id, None)
    with pytest.raises(NoSuchSpeakerError):
        await merge_speakers(db, anna.id, 9, None)
    with pytest.raises(StorageError, match="itself"):
        await merge_speakers(db, anna.id, anna.id, None)
    with pytest.raises(NoSuchSpeakerError):
        await forget_speaker(db, 9, None, words=True)
    assert await former_speakers(db) == {}
    assert await list_speakers(db) == (anna,)


async def test_a_voiceprint_is_kept_and_taken_away(db: aiosqlite.Connection) -> None:
    anna = await add_speaker(db, "Anna", NOON)
    await set_voiceprint(db, anna.id, "one", b"1")
    await set_voiceprint(db, anna.id, "two", PRINT)
    (found,) = await list_speakers(db)
    assert (found.model, found.voiceprint) == ("two", PRINT)
    await set_voiceprint(db, anna.id, "two", None)
    assert await list_speakers(db) == (anna,)


async def test_every_change_has_another_version(db: aiosqlite.Connection, path: Path) -> None:
    seen = [await speakers_version(db)]

    async def changed() -> None:
        async with reading(path) as other:
            seen.append(await speakers_version(other))
        assert seen[-1] > seen[-2]

    anna = await add_speaker(db, "Anna", NOON)
    await changed()
    await rename_speaker(db, anna.id, "Anne")
    await changed()
    for data in (b"1", b"2", None):
        await set_voiceprint(db, anna.id, "model", data)
        await changed()
    other = await add_speaker(db, None, NOON)
    await merge_speakers(db, other.id, anna.id, None)
    await changed()
    await forget_speaker(db, anna.id, None, words=False)
    await changed()
    assert await drop_unused(db, NOON) == 0
    assert await speakers_version(db) == seen[-1]


async def test_who_speaks_is_told_with_what_was_said(
    db: aiosqlite.Connection, fill: Fill, path: Path
) -> None:
    anna = await add_speaker(db, "Anna", NOON)
    one = heard("one", speaker=Speaker(anna.id, "old name", confidence=0.75), overlapped=True)
    await fill(one, said_by(None, "two", at=1))
    found = await find(db, one.id)
    assert found is not None
    assert found.speaker == Speaker(anna.id, "Anna", known=True, confidence=0.75)
    assert found.overlapped
    await rename_speaker(db, anna.id, "Anne")
    assert await speakers_of(db) == ["Anne", ""]
    assert await speaker_counts(db) == {anna.id: SpeakerCount(1, NOON)}


async def test_an_automatic_one_who_is_not_there_comes_back(db: aiosqlite.Connection, fill: Fill) -> None:
    """As when the database is a new one."""
    seven = Speaker(7, "Speaker 7")
    prepared = said_by(None, at=2)
    await fill(heard(speaker=seven), heard(at=1, speaker=seven), prepared)
    assert await speakers_of(db) == ["Speaker 7", "Speaker 7", ""]
    assert (await find_speaker(db, "7")).created == NOON
    assert (await add_speaker(db, None, NOON)).id == 8


async def test_a_known_one_who_is_not_there_is_nobody(path: Path, told: list[Happening]) -> None:
    recorder = Recorder(path, told.append)
    await recorder.keep(heard(speaker=Speaker(7, "Anna", known=True, confidence=0.9)))
    await recorder.flush()
    async with reading(path) as db:
        assert await speakers_of(db) == [""]
        assert await list_speakers(db) == ()
    with opened(path) as plain:
        assert plain.execute("SELECT speaker_confidence FROM utterances").fetchone() == (None,)
    assert b"Anna" not in bytes_of(path)
    await recorder._close()


async def test_a_merge_takes_all_along(db: aiosqlite.Connection, fill: Fill) -> None:
    anna, other, third = [await add_speaker(db, name, NOON) for name in ("Anna", None, None)]
    await set_voiceprint(db, other.id, "model", b"old")
    await fill(*(said_by(other, f"word {n}", at=n) for n in range(450)), said_by(anna, at=900))
    await merge_speakers(db, third.id, other.id, None)
    await merge_speakers(db, other.id, anna.id, ("model", PRINT))
    (left,) = await list_speakers(db)
    assert (left.id, left.voiceprint) == (anna.id, PRINT)
    assert set(await speakers_of(db)) == {"Anna"}
    assert len((await search(db, Query("word", speaker="anna"), limit=500)).hits) == 450
    assert await former_speakers(db) == {n: FormerSpeaker(anna.id, False) for n in (other.id, third.id)}
    # Who knows the former ids alone is understood.
    await fill(said_by(other, at=1000), said_by(third, at=1001))
    assert (await speaker_counts(db))[anna.id].utterances == 453
    assert await add_speaker(db, None, NOON) != other


@pytest.mark.parametrize("by_itself", [False, True])
async def test_a_merge_that_was_interrupted_goes_on(
    db: aiosqlite.Connection, fill: Fill, monkeypatch: pytest.MonkeyPatch, by_itself: bool
) -> None:
    anna, other, third = [await add_speaker(db, name, NOON) for name in ("Anna", None, None)]
    await fill(*(said_by(other, at=n) for n in range(450)))
    with monkeypatch.context() as patch:
        patch.setattr(speakers_module, "_PAUSE_SECONDS", 1000)
        task = asyncio.create_task(merge_speakers(db, other.id, anna.id, ("model", PRINT)))
        while anna.id not in await speaker_counts(db):
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    counts = await speaker_counts(db)
    assert 0 < counts[anna.id].utterances < 450
    assert counts[anna.id].utterances + counts[other.id].utterances == 450
    await fill(said_by(other, at=1000))  # is the other's already
    with pytest.raises(NoSuchSpeakerError):  # who is going takes nobody in
        await merge_speakers(db, third.id, other.id, None)
    with pytest.raises(NoSuchSpeakerError):
        await merge_speakers(db, other.id, third.id, None)
    await (go_on(db, None) if by_itself else merge_speakers(db, other.id, anna.id, None))
    assert (await speaker_counts(db))[anna.id].utterances == 451
    assert {speaker.id for speaker in await list_speakers(db)} == {anna.id, third.id}
    assert (await find_speaker(db, "anna")).voiceprint == PRINT


async def test_who_is_forgotten_during_a_merge_is_forgotten_with_all_of_it(
    db: aiosqlite.Connection, path: Path, fill: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna, other = [await add_speaker(db, name, NOON) for name in ("Anna", None)]
    await fill(*(said_by(other, "secret", at=n) for n in range(450)))
    async with writing(path) as db2:
        monkeypatch.setattr(speakers_module, "_PAUSE_SECONDS", 0.3)
        task = asyncio.create_task(merge_speakers(db2, other.id, anna.id, None))
        while anna.id not in await speaker_counts(db):
            await asyncio.sleep(0.01)
        await forget_speaker(db, anna.id, None, words=True)
        await task
    await go_on(db, None)
    assert texts(path) == []
    assert await list_speakers(db) == ()


async def test_a_split_makes_a_new_one(db: aiosqlite.Connection, fill: Fill, path: Path) -> None:
    anna = await add_speaker(db, "Anna", NOON)
    one, two, three = [said_by(anna, text, at=at) for at, text in enumerate(("one", "two", "three"))]
    await fill(one, two, three)
    new = await split_speaker(db, [two.id, three.id])
    assert (new.name, new.known) == ("Speaker 2", False)
    assert await speakers_of(db) == ["Anna", "Speaker 2", "Speaker 2"]
    recorder = Recorder(path, print)
    for revision in (1, 2, 3):
        recorder.revise(
            said_by(anna, "two", id=two.id, at=1, revision=revision)
        )  # knows nothing of the split
        await recorder.flush()
    assert await speakers_of(db) == ["Anna", "Speaker 2", "Speaker 2"]
    await recorder._close()


async def test_a_split_of_what_is_not_there_is_no_split(db: aiosqlite.Connection, fill: Fill) -> None:
    anna = await add_speaker(db, "Anna", NOON)
    one = said_by(anna)
    await fill(one)
    with pytest.raises(StorageError, match="there is no utterance 5, 6"):
        await split_speaker(db, [one.id, 5, 6])
    with pytest.raises(StorageError, match="no utterance is named"):
        await split_speaker(db, [])
    assert await list_speakers(db) == (anna,)
    assert await speakers_of(db) == ["Anna"]
