"""Speakers forgotten to the last byte, also while others write, and those of whom nothing is kept."""

import asyncio
import sqlite3
from datetime import timedelta
from pathlib import Path

import aiosqlite
import pytest

from tests.storage.conftest import Fill
from tests.storage.made import NOON, PRINT, alert, bytes_of, opened, said_by, speakers_of, texts
from wallflower.events import Happening
from wallflower.storage.alerts import list_alerts
from wallflower.storage.database import writing
from wallflower.storage.errors import NoSuchSpeakerError
from wallflower.storage.recorder import Recorder
from wallflower.storage.retention import Limits, retain
from wallflower.storage.speakers import (
    FormerSpeaker,
    add_speaker,
    forget_speaker,
    former_speakers,
    go_on,
    list_speakers,
    merge_speakers,
    rename_speaker,
    set_voiceprint,
)


@pytest.mark.parametrize("words", [True, False])
async def test_no_byte_of_who_is_forgotten_is_left(
    path: Path, tmp_path: Path, told: list[Happening], words: bool
) -> None:
    """Written in many batches, while the recorder has it open."""
    recorder = Recorder(path, told.append)
    await recorder.flush()
    async with writing(path) as db:
        person = await add_speaker(db, "Xylophonia", NOON)
        ben = await add_speaker(db, "Ben", NOON)
        for number in range(20):
            await set_voiceprint(db, person.id, "model", PRINT + bytes([number]))
        for number in range(400):
            who = person if number % 2 else ben
            await recorder.keep(said_by(who, f"the {who.name[-6:]} zephyr" if number % 2 else "x", at=number))
            if number % 20 == 0:
                await recorder.flush()
        one = said_by(person, "bell", at=500)
        await recorder.keep(one)
        named = alert("Xylophonia speaks", utterance=one.id, at=1, detail=(("speaker", "Xylophonia"),))
        before = alert(
            "it was Xylophone", at=2, detail=(("speaker", "Xylophone"), ("speaker_id", str(person.id)))
        )
        for told_of in (named, before, alert(utterance=one.id), alert("quiet", detail=(("seconds", 5.0),))):
            recorder.keep_alert(told_of)
        await recorder.flush()
        sounds = tmp_path / "sounds"
        file = sounds / "2026-03-28" / f"{one.id}.opus"
        file.parent.mkdir(parents=True)
        file.touch()
        assert all(part in bytes_of(path) for part in (b"Xylophonia", PRINT))
        assert await forget_speaker(db, person.id, sounds, words=words) == 201
        left = bytes_of(path)
        assert b"Xylopho" not in left
        assert b"lophonia" not in left
        assert PRINT[:8] not in left
        assert PRINT[-8:] not in left
        assert (b"zephyr" in left) is not words
        assert file.exists() is not words
        assert {one.summary for one in await list_alerts(db)} == (
            {"quiet"} if words else {"the bell", "quiet"}
        )
        assert await list_speakers(db) == (ben,)
        assert await former_speakers(db) == {person.id: FormerSpeaker(None, words)}
        # Who has not heard of it speaks of them still.
        await recorder.keep(said_by(person, "late zephyr", at=999))
        recorder.keep_alert(alert("late bell", utterance=one.id))
        recorder.keep_alert(
            alert("late Xylophonia", at=3, detail=(("speaker", "Xylophonia"), ("speaker_id", str(person.id))))
        )
        recorder.revise(said_by(person, "x", id=one.id, at=500, revision=5))
        await recorder.flush()
        assert set(await speakers_of(db)) == {"Ben"} if words else {"Ben", ""}
        assert "late Xylophonia" not in {one.summary for one in await list_alerts(db)}
        assert ("late zephyr" in texts(path)) is not words
        assert ("bell" in texts(path)) is not words
    await recorder._close()


async def test_who_was_merged_is_forgotten_with_whom_they_became(
    db: aiosqlite.Connection, fill: Fill, path: Path
) -> None:
    anna, other = await add_speaker(db, "Anna", NOON), await add_speaker(db, None, NOON)
    await merge_speakers(db, other.id, anna.id, None)
    await forget_speaker(db, anna.id, None, words=True)
    await fill(said_by(other, "secret"), alert(utterance=5))
    assert texts(path) == []


async def test_what_is_found_later_to_be_of_the_forgotten_goes(
    db: aiosqlite.Connection, fill: Fill, path: Path
) -> None:
    anna, ben = await add_speaker(db, "Anna", NOON), await add_speaker(db, "Ben", NOON)
    one = said_by(ben, "one")
    await fill(one, alert(utterance=one.id))
    await forget_speaker(db, anna.id, None, words=True)
    recorder = Recorder(path, print)
    recorder.revise(said_by(anna, "one", id=one.id, revision=1))
    await recorder.flush()
    assert texts(path) == []
    assert await list_alerts(db) == ()
    await recorder._close()


@pytest.mark.parametrize("words", [True, False])
async def test_forgetting_that_was_interrupted_goes_on(
    db: aiosqlite.Connection, fill: Fill, path: Path, words: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = await add_speaker(db, "Annabella", NOON)
    await fill(*(said_by(anna, "hello", at=n) for n in range(5)))
    with monkeypatch.context() as patch, opened(path) as reader:
        patch.setattr("wallflower.storage.forgetting._CHECKPOINT_TRIES", 1)
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM speakers").fetchall()
        with pytest.raises(sqlite3.OperationalError, match="somebody reads"):
            await forget_speaker(db, anna.id, None, words=words)
        reader.execute("ROLLBACK")
    (halfway,) = await list_speakers(db)
    assert halfway.name == "Speaker 1"
    with pytest.raises(NoSuchSpeakerError):
        await rename_speaker(db, anna.id, "Anna")
    await go_on(db, None)
    assert await list_speakers(db) == ()
    assert b"Annabella" not in bytes_of(path)
    assert len(texts(path)) == (0 if words else 5)


async def test_merged_and_forgotten_while_it_is_written(path: Path, told: list[Happening]) -> None:
    recorder = Recorder(path, told.append)
    await recorder.flush()
    async with writing(path) as db:
        anna, other, third = [await add_speaker(db, name, NOON) for name in ("Anna", None, None)]
        done = asyncio.Event()

        async def talk() -> int:
            number = 0
            while not done.is_set():
                for who in (anna, other, third):
                    await recorder.keep(said_by(who, f"of {who.id}", at=number))
                    number += 1
                await recorder.flush()
                await asyncio.sleep(0)
            return number

        async def change() -> None:
            while len(texts(path)) < 30:
                await asyncio.sleep(0.01)
            await merge_speakers(db, other.id, anna.id, None)
            await forget_speaker(db, third.id, None, words=True)
            done.set()

        count, _ = await asyncio.gather(talk(), change())
        kept = texts(path)
        assert {text: kept.count(text) for text in set(kept)} == {"of 1": count // 3, "of 2": count // 3}
        assert set(await speakers_of(db)) == {"Anna"}
        assert await list_speakers(db) == (anna,)
    assert told == []
    await recorder._close()


async def test_automatic_ones_of_whom_nothing_is_kept_go(db: aiosqlite.Connection, fill: Fill) -> None:
    spoke, silent, voiced, target, merged, fresh = [
        await add_speaker(db, None, NOON + timedelta(days=n // 5)) for n in range(6)
    ]
    anna = await add_speaker(db, "Anna", NOON)
    await fill(said_by(spoke))
    await set_voiceprint(db, voiced.id, "model", PRINT)
    await merge_speakers(db, merged.id, target.id, None)
    assert await retain(db, NOON + timedelta(days=1, seconds=1), Limits()) == 0
    assert {one.id for one in await list_speakers(db)} == {
        anna.id, spoke.id, voiced.id, target.id, fresh.id,
    }  # fmt: skip
    assert silent.id not in await former_speakers(db)
