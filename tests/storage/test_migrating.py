"""A database of any earlier version becomes today's, with what was in it."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.storage.made import heard, opened, texts
from wallflower.storage.database import prepare, reading, writing
from wallflower.storage.errors import StorageError
from wallflower.storage.migrating import migrate, migrations, newest_version
from wallflower.storage.records import to_row
from wallflower.storage.search import Query, search

UTTERANCE = """INSERT INTO utterances
  (id, source, "end", audio_start, audio_end, text, language, speaker, engine, confidence, revision, words)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""


def schema(path: Path) -> list[str]:
    with opened(path) as db:
        return [row[0] for row in db.execute("SELECT sql FROM sqlite_master WHERE sql NOT NULL ORDER BY sql")]


@pytest.mark.parametrize("version", range(len(migrations()) + 1))
async def test_from_every_earlier_version(path: Path, tmp_path: Path, version: int) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        migrate(db, version)
        assert db.execute("PRAGMA user_version").fetchone() == (version,)
        if version >= 1:
            db.execute("INSERT INTO sources (id, slug) VALUES (1, 'kitchen')")
            db.execute(UTTERANCE, to_row(heard("the kettle boils"), 1, "")[:12])
    assert prepare(path) is None
    new = tmp_path / "new.db"
    prepare(new)
    assert schema(path) == schema(new)
    assert texts(path) == (["the kettle boils"] if version else [])
    async with reading(path) as reader:
        found = await search(reader, Query(text="kettle", source="kitchen"))
    assert len(found.hits) == (1 if version else 0)


async def test_names_of_speakers_become_speakers(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        migrate(db, 3)
        db.execute("INSERT INTO sources (id, slug) VALUES (1, 'kitchen')")
        for number, name in enumerate(("ben", "", "anna", "Ben")):
            db.execute(UTTERANCE, to_row(heard(f"said {number}", at=number), 1, name)[:12])
    prepare(path)
    with opened(path) as db:
        assert db.execute("SELECT id, lower(name), known FROM speakers").fetchall() == [
            (1, "ben", 1), (2, "anna", 1),
        ]  # fmt: skip
        assert db.execute("SELECT speaker FROM utterances ORDER BY id").fetchall() == [
            ("1",), ("",), ("2",), ("1",),
        ]  # fmt: skip
        db.execute("INSERT INTO utterance_index (utterance_index) VALUES ('integrity-check')")
    async with reading(path) as reader:
        found = await search(reader, Query("said", speaker="BEN"))
    assert [hit.heard.text for hit in found.hits] == ["said 3", "said 0"]


def test_a_step_that_fails_leaves_nothing_of_itself(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("CREATE TABLE utterances (id)")  # in the way
        with pytest.raises(sqlite3.Error):
            migrate(db)
        assert db.execute("PRAGMA user_version").fetchone() == (0,)
        assert db.execute("SELECT count(*) FROM sqlite_master").fetchone() == (1,)


async def test_a_newer_version_is_refused_and_left_alone(path: Path) -> None:
    prepare(path)
    with opened(path) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(StorageError, match="version 99"):
        prepare(path)
    with pytest.raises(StorageError, match="version 99"):
        async with reading(path):
            pass
    assert list(path.parent.glob("*.broken*")) == []


async def test_an_older_version_is_not_read(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        migrate(db, newest_version() - 1)
    with pytest.raises(StorageError, match="run the daemon"):
        async with writing(path):
            pass


async def test_where_nothing_is_reading_says_so_and_makes_nothing(path: Path) -> None:
    with pytest.raises(StorageError, match="there is no database"):
        async with reading(path):
            pass
    assert not path.exists()


async def test_readers_cannot_write(path: Path) -> None:
    prepare(path)
    with pytest.raises(StorageError, match="readonly"):
        async with reading(path) as db:
            await db.execute("DELETE FROM utterances")


def test_what_people_say_is_theirs_alone(path: Path) -> None:
    prepare(path)
    assert path.stat().st_mode & 0o077 == 0
