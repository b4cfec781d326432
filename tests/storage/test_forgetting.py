"""What is forgotten is gone: from the search, from the tables, and from every byte on the disk."""

import asyncio
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from tests.storage.conftest import Fill
from tests.storage.made import BEN, NOON, alert, bytes_of, heard, opened, texts
from wallflower.events import Happening, HeardWord
from wallflower.storage import forgetting as forgetting_module
from wallflower.storage.alerts import list_alerts
from wallflower.storage.database import reading, writing
from wallflower.storage.forgetting import Forget, forget
from wallflower.storage.recorder import Recorder

HOUR = timedelta(hours=1)


async def forgotten(path: Path, what: Forget) -> int:
    async with writing(path) as db:
        return await forget(db, what)


def is_whole(path: Path) -> bool:
    with opened(path) as db:
        db.execute("INSERT INTO utterance_index (utterance_index) VALUES ('integrity-check')")
        return bool(db.execute("PRAGMA integrity_check").fetchone() == ("ok",))


@pytest.mark.parametrize(
    ("what", "left"),
    [
        (Forget(source="hall"), ["one", "two", "five"]),
        (Forget(speaker="Ben"), ["one", "three", "five"]),
        (Forget(speaker="2"), ["one", "three", "five"]),
        (Forget(speaker=""), ["two", "four"]),
        (Forget(speaker="nobody"), ["one", "two", "three", "four", "five"]),
        (Forget(since=NOON + HOUR, until=NOON + 2 * HOUR), ["one", "three", "four", "five"]),
        (Forget(since=NOON + 3 * HOUR), ["one", "two", "three"]),
        (Forget(until=NOON + HOUR), ["two", "three", "four", "five"]),
        (Forget(source="hall", speaker="ben"), ["one", "two", "three", "five"]),
        (Forget(source="nowhere"), ["one", "two", "three", "four", "five"]),
        (Forget(), []),
    ],
)
async def test_this_hour_this_source_this_speaker(
    path: Path, fill: Fill, told: list[Happening], what: Forget, left: list[str]
) -> None:
    all_of_it = (
        heard("one", at=0),
        heard("two", at=3600, speaker=BEN),
        heard("three", at=2 * 3600, source="hall"),
        heard("four", at=3 * 3600, source="hall", speaker=BEN),
        heard("five", at=4 * 3600),
    )
    await fill(*all_of_it)
    assert await forgotten(path, what) == 5 - len(left)
    assert texts(path) == left
    assert is_whole(path)
    # What waits to be written is judged alike.
    assert [one.text for one in all_of_it if not what.means(one)] == left


async def test_what_lies_across_the_edge_is_meant(path: Path, fill: Fill) -> None:
    across = heard("across", at=-10, seconds=20)
    await fill(across, heard("before", at=-10, seconds=10), heard("later", at=60))
    what = Forget(since=NOON, until=NOON + timedelta(seconds=60))
    assert what.means(across)
    assert await forgotten(path, what) == 1
    assert texts(path) == ["before", "later"]


async def test_no_byte_is_left(path: Path, told: list[Happening]) -> None:
    """Written in many batches, revised, searched, and forgotten while the recorder has it open."""
    recorder = Recorder(path, told.append)
    word = "xylophonist"
    for number in range(400):
        text = f"the {word} plays number {number}"
        words = (HeardWord(word, 0.1, 0.5),)
        what = heard(text, at=number, source="secret" if number % 2 else "hall", words=words)
        await recorder.keep(what)
        if number % 2 == 0:  # a revision takes the word away
            await recorder.keep(heard("quiet", id=what.id, at=number, source="hall", revision=1))
        if number % 20 == 0:
            await recorder.flush()
    recorder.keep_alert(alert(f"{word} was heard", source="secret", utterance=1))
    await recorder.flush()
    assert word.encode() in bytes_of(path)
    assert await forgotten(path, Forget(source="secret")) == 200
    left = bytes_of(path)
    assert word.encode() not in left
    assert word[2:].encode() not in left  # the index leaves out what words have in common at their beginning
    assert b"secret" not in left
    assert set(texts(path)) == {"quiet"}
    assert is_whole(path)
    await recorder.keep(heard("goes on", at=999))
    await recorder.flush()
    assert texts(path)[-1] == "goes on"
    await recorder._close()


async def test_the_space_is_given_back(path: Path, fill: Fill) -> None:
    await fill(*(heard(f"{number} " + "long text " * 50, at=number) for number in range(3000)))
    before = path.stat().st_size
    await forgotten(path, Forget())
    assert path.stat().st_size < before / 5


async def test_alerts_are_forgotten_with_what_gave_rise_to_them(path: Path, fill: Fill) -> None:
    one, two = heard("one", speaker=BEN), heard("two", at=60)
    await fill(
        one,
        two,
        alert("about one", utterance=one.id),
        alert("about two", at=60, utterance=two.id),
        alert("about silence", at=61, source="hall"),
        alert("about the box", at=3600, source=""),
    )

    async def left() -> list[str]:
        async with reading(path) as db:
            return [one.summary for one in reversed(await list_alerts(db))]

    await forgotten(path, Forget(speaker="ben"))
    assert await left() == ["about two", "about silence", "about the box"]
    await forgotten(path, Forget(source="hall"))
    assert await left() == ["about two", "about the box"]
    what = Forget(until=NOON + HOUR)
    await forgotten(path, what)
    assert await left() == ["about the box"]
    assert what.means(alert(at=3599))
    assert not what.means(alert(at=3600))
    assert not Forget(speaker="ben").means(alert())


async def test_others_write_between_the_steps(path: Path, fill: Fill, told: list[Happening]) -> None:
    await fill(*(heard(f"old {number}", at=number) for number in range(2000)))
    recorder = Recorder(path, told.append)

    async def talk() -> None:
        for number in range(20):
            await recorder.keep(heard(f"new {number}", at=10_000 + number))
            await recorder.flush()

    await asyncio.gather(forgotten(path, Forget(until=NOON + 2 * HOUR)), talk())
    assert texts(path) == [f"new {number}" for number in range(20)]
    assert told == []
    assert is_whole(path)
    await recorder._close()


async def test_a_reader_that_never_ends_is_said(
    path: Path, fill: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(heard("one"), heard("two", at=1))
    monkeypatch.setattr(forgetting_module, "_CHECKPOINT_TRIES", 2)
    with opened(path) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM utterances").fetchall()
        async with writing(path) as db:
            with pytest.raises(sqlite3.OperationalError, match="somebody reads"):
                await forget(db, Forget())
        reader.execute("ROLLBACK")
    assert texts(path) == []
