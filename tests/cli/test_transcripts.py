"""`wallflower transcripts` on a database that a daemon may be writing to."""

import asyncio
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from tests.cli.conftest import Ran
from tests.storage.made import NOON, bytes_of, heard, texts
from wallflower.audio.encoding import Codec
from wallflower.events import HeardWord, Speaker
from wallflower.storage.batches import write_batch
from wallflower.storage.database import DATABASE_NAME, prepare, writing
from wallflower.storage.sounds import SOUNDS_NAME, sound_path
from wallflower.storage.speakers import add_speaker

Wallflower = Callable[..., Ran]

KETTLE = heard(
    "The kettle boils.",
    speaker=Speaker(1, "Anna", known=True),
    confidence=0.75,
    words=(HeardWord("The", 0.0, 0.2), HeardWord("kettle", 0.2, 0.6)),
)
TEA = heard("Tea is ready.", at=60)
DOOR = heard("Close the door!", at=3600, source="hall", language="de")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory in which something was heard."""
    monkeypatch.setenv("TZ", "UTC")

    async def fill() -> None:
        async with writing(tmp_path / DATABASE_NAME) as db:
            await add_speaker(db, "Anna", NOON)
            await write_batch(db, [KETTLE, TEA, DOOR])

    prepare(tmp_path / DATABASE_NAME)
    asyncio.run(fill())
    return tmp_path


@pytest.fixture
def transcripts(wallflower: Wallflower, home: Path) -> Wallflower:
    """Runs an action on what was heard."""

    def run(action: str, *arguments: object) -> Ran:
        return wallflower("transcripts", action, *arguments, "--data-dir", home)

    return run


def test_search_prints_the_newest_first_with_their_ids(transcripts: Wallflower) -> None:
    ran = transcripts("search", "the")
    assert ran.code == 0
    ids, lines = zip(*(line.split("  ", 1) for line in ran.out.splitlines()), strict=True)
    assert ids == (str(DOOR.id), str(KETTLE.id))
    assert lines[0].endswith(" hall: Close the door!")
    assert lines[1].endswith(" kitchen Anna: The kettle boils.")


def test_search_by_everything_else(transcripts: Wallflower) -> None:
    assert "Tea" in transcripts("search", "--source", "kitchen", "--since", "2026-03-28T12:00:30Z").out
    assert transcripts("search", "--speaker", "anna").out.count("\n") == 1
    assert transcripts("search", "--language", "de").out.count("\n") == 1
    assert transcripts("search", "--until", "2026-03-28T12:00:30Z").out.count("\n") == 1
    assert transcripts("search", "--best", "the").out.count("\n") == 2


def test_search_goes_on_where_it_ended(transcripts: Wallflower) -> None:
    first = transcripts("search", "--limit", 2)
    assert first.out.count("\n") == 2
    assert first.err == f"there are more: add --after {TEA.id}\n"
    second = transcripts("search", "--limit", 2, "--after", TEA.id)
    assert second.out.startswith(str(KETTLE.id))
    assert second.err == ""


def test_search_as_json_says_what_was_found(transcripts: Wallflower) -> None:
    found = json.loads(transcripts("search", "kettle", "--json").out)
    assert found["next_after"] is None
    (hit,) = found["hits"]
    assert hit["snippet"] == [["The ", False], ["kettle", True], [" boils.", False]]
    assert hit["id"] == str(KETTLE.id)
    assert json.loads(transcripts("search", "--limit", 1, "--json").out)["next_after"] == str(DOOR.id)


def test_search_says_when_there_is_nothing(transcripts: Wallflower) -> None:
    assert transcripts("search", "teapot") == (0, "", "nothing found\n")
    assert (
        transcripts("search", "--source", "porch").err == "nothing is kept of porch; sources: hall, kitchen\n"
    )


def test_what_was_found_is_bold_on_a_terminal(
    transcripts: Wallflower, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert "The \x1b[1mkettle\x1b[0m boils." in transcripts("search", "kettle").out


def test_show_tells_all(transcripts: Wallflower, home: Path) -> None:
    sound = sound_path(home / SOUNDS_NAME, KETTLE.id, Codec.OPUS)
    sound.parent.mkdir(parents=True)
    sound.touch()
    out = transcripts("show", KETTLE.id).out
    for what in ("Anna: The kettle boils.", "0.75", str(sound), "0.20  kettle", "language   en"):
        assert what in out
    about = json.loads(transcripts("show", KETTLE.id, "--json").out)
    assert about["sound"] == str(sound)
    assert about["words"][1] == ["kettle", 0.2, 0.6, None]
    assert json.loads(transcripts("show", TEA.id, "--json").out)["sound"] is None


def test_show_what_was_said_around(transcripts: Wallflower) -> None:
    lines = transcripts("show", TEA.id, "--around", 60).out.splitlines()
    assert [line[0] for line in lines] == [" ", ">"]
    assert "kettle" in lines[0]
    (line,) = transcripts("show", TEA.id, "--around", 10, "--json").out.splitlines()
    assert json.loads(line)["text"] == "Tea is ready."


def test_show_one_that_is_not_there(transcripts: Wallflower) -> None:
    assert transcripts("show", 5).code == 7
    assert "there is no utterance 5" in transcripts("show", 5).err
    assert transcripts("show", "five").code == 2


def test_export_to_standard_output_and_to_a_file(transcripts: Wallflower, tmp_path: Path) -> None:
    assert [line.split(": ")[-1] for line in transcripts("export").out.splitlines()] == [
        "The kettle boils.", "Tea is ready.", "Close the door!",
    ]  # fmt: skip
    target = tmp_path / "out.srt"
    target.write_text("old")
    ran = transcripts(
        "export",
        "--form",
        "srt",
        "--source",
        "kitchen",
        "--since",
        "2026-03-28T11:59:00Z",
        "--output",
        target,
    )
    assert ran == (0, "", "")
    assert "1\n00:01:00,000 --> 00:01:02,000\nAnna: The kettle boils." in target.read_text()
    assert json.loads(transcripts("export", "tea", "--form", "json").out)[0]["text"] == "Tea is ready."
    assert list(tmp_path.glob("*.part")) == []


def test_export_to_where_nothing_can_be_written(transcripts: Wallflower, tmp_path: Path) -> None:
    ran = transcripts("export", "--output", tmp_path / "nowhere" / "x")
    assert ran.code == 1
    assert "No such file" in ran.err


def test_export_to_somebody_who_has_read_enough(home: Path) -> None:
    command = f"{sys.executable} -m wallflower transcripts export --data-dir {home} | true"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.stderr == ""


def test_delete_for_good_with_the_sound(transcripts: Wallflower, home: Path) -> None:
    sound = sound_path(home / SOUNDS_NAME, KETTLE.id, Codec.OPUS)
    sound.parent.mkdir(parents=True)
    sound.touch()
    assert transcripts("delete", "--speaker", "anna", "--yes").out == "1 utterances deleted\n"
    assert texts(home / DATABASE_NAME) == ["Tea is ready.", "Close the door!"]
    assert b"ettle" not in bytes_of(home / DATABASE_NAME)
    assert not sound.exists()


def test_delete_an_hour_and_everything(transcripts: Wallflower, home: Path) -> None:
    since = (NOON - timedelta(minutes=30)).isoformat()
    until = (NOON + timedelta(minutes=30)).isoformat()
    assert transcripts("delete", "--since", since, "--until", until, "--yes").out == "2 utterances deleted\n"
    (home / f"{DATABASE_NAME}.broken-20260101T000000000000").touch()
    ran = transcripts("delete", "--all", "--yes")
    assert ran.out == "1 utterances deleted\n"
    assert "was set aside and may hold more" in ran.err


def test_delete_asks_first(transcripts: Wallflower, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = transcripts("delete", "--source", "kitchen")
    assert ran.code == 2
    assert "2 utterances would be deleted" in ran.err
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _: "")
    assert "nothing was deleted" in transcripts("delete", "--source", "kitchen").out
    assert len(texts(home / DATABASE_NAME)) == 3
    monkeypatch.setattr("builtins.input", lambda _: "y")
    assert "2 utterances deleted" in transcripts("delete", "--source", "kitchen").out


def test_delete_must_be_told_what(transcripts: Wallflower, home: Path) -> None:
    for arguments in (["--yes"], ["--all", "--source", "hall", "--yes"]):
        ran = transcripts("delete", *arguments)
        assert ran.code == 2
        assert "say what to delete" in ran.err
    assert len(texts(home / DATABASE_NAME)) == 3


def test_where_nothing_was_heard(wallflower: Wallflower, tmp_path: Path) -> None:
    for action in (["search"], ["export"], ["show", 1], ["delete", "--all", "--yes"]):
        ran = wallflower("transcripts", *action, "--data-dir", tmp_path / "none")
        assert ran.code == 7
        assert "there is no database" in ran.err
        assert "Traceback" not in ran.err


def test_a_broken_database_is_one_line(transcripts: Wallflower, home: Path) -> None:
    (home / DATABASE_NAME).write_bytes(b"no database at all" * 1000)
    ran = transcripts("search")
    assert ran.code == 7
    assert ran.err.count("\n") == 1
    assert "not a database" in ran.err


@pytest.mark.parametrize("action", ["search", "show", "export", "delete"])
def test_help_teaches(wallflower: Wallflower, action: str) -> None:
    ran = wallflower("transcripts", action, "--help")
    assert ran.code == 0
    assert "--data-dir" in ran.out


def test_wrong_times_and_counts_are_usage(transcripts: Wallflower) -> None:
    assert "no time; allowed:" in transcripts("search", "--since", "soon").err
    assert "whole number" in transcripts("search", "--limit", "0").err


def test_checkpoint_leaves_nothing_in_the_log(transcripts: Wallflower, home: Path) -> None:
    """A backup that copies the database's file has all of it; a reader in the way is no failure."""
    path = home / DATABASE_NAME
    with closing(sqlite3.connect(path, isolation_level=None)) as daemon:
        daemon.execute("UPDATE utterances SET text = 'changed'")
        assert path.with_name(f"{DATABASE_NAME}-wal").stat().st_size > 0
        assert transcripts("checkpoint").code == 0
        assert path.with_name(f"{DATABASE_NAME}-wal").stat().st_size == 0
        daemon.execute("BEGIN")
        daemon.execute("SELECT * FROM utterances").fetchone()
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("UPDATE utterances SET text = 'again'")
        ran = transcripts("checkpoint")
        assert ran.code == 0
        assert "beside it" in ran.err


def test_checkpoint_without_a_database(wallflower: Wallflower, tmp_path: Path) -> None:
    assert wallflower("transcripts", "checkpoint", "--data-dir", tmp_path).code == 0
