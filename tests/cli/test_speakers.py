"""`wallflower speakers` with the real models and real speech."""

import asyncio
import json
import sys
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.cli.conftest import Ran
from tests.speakers.voices import QUICK, SLOWER, noise, played, read_voice, seconds
from tests.storage.made import NOON, bytes_of, heard
from wallflower.audio.encoding import Codec
from wallflower.errors import ExitCode
from wallflower.events import Heard, Speaker
from wallflower.models.store import Store
from wallflower.storage.batches import write_batch
from wallflower.storage.database import DATABASE_NAME, prepare, writing
from wallflower.storage.sounds import SOUNDS_NAME, Sounds, find_sound, sound_path
from wallflower.storage.speakers import add_speaker

Wallflower = Callable[..., Ran]
Sound = NDArray[np.int16]


@pytest.fixture
def home(tmp_path: Path, speaker_store: Store) -> Path:
    """A data directory with the models in it."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "models").symlink_to(speaker_store.root)
    return home


@pytest.fixture
def speakers(wallflower: Wallflower, home: Path) -> Wallflower:
    """Runs an action."""

    def run(action: str, *arguments: object) -> Ran:
        return wallflower("speakers", action, *arguments, "--data-dir", home)

    return run


@pytest.fixture
def anna(two_cities: Path) -> Sound:
    return read_voice(two_cities)


@pytest.fixture
def talk(home: Path) -> list[Heard]:
    """What was heard of two people without names, and of nobody."""
    talk = [
        heard(f"hello {number}", at=number, speaker=None if number == 5 else Speaker(1 + number // 3, ""))
        for number in range(6)
    ]

    async def fill() -> None:
        prepare(home / DATABASE_NAME)
        async with writing(home / DATABASE_NAME) as db:
            for _ in range(2):
                await add_speaker(db, None, NOON)
            await write_batch(db, talk)

    asyncio.run(fill())
    return talk


@pytest.fixture
def sound_file(tmp_path: Path) -> Callable[[Sound], Path]:
    count = 0

    def write(sound: Sound) -> Path:
        nonlocal count
        count += 1
        path = tmp_path / f"sound {count}.wav"
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, 16_000, 0, "NONE", ""))
            file.writeframes(sound.astype("<i2").tobytes())
        return path

    return write


Write = Callable[[Sound], Path]


@pytest.fixture
def household(speakers: Wallflower, anna: Sound, sound_file: Write) -> None:
    """Anna and Ben are enrolled, with three recordings each."""
    for name, voice in (("Anna", anna), ("Ben", played(anna, QUICK))):
        files = [sound_file(seconds(voice, start, start + 6)) for start in (0, 6, 12)]
        ran = speakers("enrol", name, *files)
        assert ran.code == ExitCode.OK, ran.err
        assert ran.out.splitlines()[-1] == f"{name} is known by 3 recordings"


def test_who_is_enrolled_is_known_again(
    speakers: Wallflower, household: None, home: Path, anna: Sound, sound_file: Write
) -> None:
    later = sound_file(seconds(anna, 22, 25))
    assert speakers("identify", later).out.startswith("known: Anna (confidence ")
    found = json.loads(speakers("identify", later, "--json").out)
    assert (found["verdict"], found["speaker"], found["people"]) == ("known", "Anna", 1)
    assert [each["name"] for each in found["candidates"]] == ["Anna", "Ben"]
    assert found["candidates"][0]["score"] > 3.85 > found["candidates"][1]["score"]
    assert found["seconds"] == pytest.approx(3, abs=0.5)
    assert speakers("identify", later, "--is", "anna").code == ExitCode.OK
    ran = speakers("identify", later, "--is", "Ben")
    assert (ran.code, ran.out[:23]) == (ExitCode.FAILED, "unknown: nearest is Ben")


def test_a_stranger_has_no_name(
    speakers: Wallflower, household: None, anna: Sound, sound_file: Write
) -> None:
    stranger = sound_file(seconds(played(anna, SLOWER), 22, 26))
    assert speakers("identify", stranger).out.startswith("unknown: nearest is ")
    assert json.loads(speakers("identify", stranger, "--json").out)["speaker"] is None
    short = sound_file(seconds(anna, 22.5, 22.95))
    assert speakers("identify", short).out.startswith("unsure: ")
    two = sound_file(np.concatenate([seconds(anna, 22, 30), seconds(played(anna, QUICK), 22, 26)]))
    ran = speakers("identify", two)
    assert ran.out.startswith("known: Anna")
    assert "2 people speak" in ran.err
    ran = speakers("identify", sound_file(noise(3, 200)))
    assert (ran.code, ran.err) == (ExitCode.AUDIO, "wallflower: nobody speaks in it\n")


def test_what_cannot_be_identified_or_learnt(
    speakers: Wallflower, talk: list[Heard], anna: Sound, sound_file: Write, tmp_path: Path
) -> None:
    good, bad = sound_file(seconds(anna, 0, 6)), sound_file(seconds(anna, 0, 2))
    assert speakers("identify", good).out == "unknown: nobody is enrolled\n"
    ran = speakers("enrol", "Anna", bad, good, tmp_path / "none.wav")
    assert ran.code == ExitCode.AUDIO
    assert ran.out == "Anna is known by 1 recording\n"
    assert f"{bad}: there are" in ran.err
    assert "there is no file" in ran.err
    for arguments, code, why in (
        (["enrol", "Anna"], ExitCode.USAGE, "name files"),
        (["enrol", "Anna", good, "--utterance", "5"], ExitCode.USAGE, "name files"),
        (["enrol", "Speaker 1", good], ExitCode.USAGE, "rename it first"),
        (["enrol", "42", good], ExitCode.USAGE, "nobody can be called"),
        (["enrol", "Carl", "--utterance", "5"], ExitCode.DATA, "there is no utterance 5"),
        (["enrol", "Carl", "--utterance", talk[0].id], ExitCode.DATA, f"of utterance {talk[0].id}; a source"),
        (["enrol", "Carl", "--utterance", "x"], ExitCode.USAGE, "'x' is no utterance's id"),
        (["identify", good, "--is", "Carl"], ExitCode.USAGE, "there is no speaker 'Carl'; there are: Anna"),
        (["identify", good, "--is", "speaker 1"], ExitCode.USAGE, "Speaker 1 is not enrolled"),
        (["rename", "Anna", "speaker 7"], ExitCode.USAGE, "nobody can be called"),
        (["rename", "speaker 1", "ANNA"], ExitCode.USAGE, "is taken"),
        (["merge", "Anna", "speaker 1"], ExitCode.DATA, "merge Speaker 1 into Anna"),
        (["split", "5"], ExitCode.DATA, "there is no utterance 5"),
    ):
        ran = speakers(*arguments)
        assert (ran.code, ran.out) == (code, ""), ran
        assert why in ran.err


def test_without_models_the_next_step_is_told(
    wallflower: Wallflower, tmp_path: Path, anna: Sound, sound_file: Write
) -> None:
    file = sound_file(anna)
    ran = wallflower("speakers", "enrol", "Anna", file, "--data-dir", tmp_path / "bare", "--offline")
    assert ran.code == ExitCode.MODEL
    assert "fetch them with: wallflower models pull silero-vad campplus pyannote-segmentation" in ran.err
    for action in (("identify", file), ("export", tmp_path / "people.json")):
        ran = wallflower("speakers", *action, "--data-dir", tmp_path / "none")
        assert (ran.code, "nobody is enrolled" in ran.err) == (ExitCode.DATA, True)


async def test_from_what_was_heard(
    speakers: Wallflower, talk: list[Heard], home: Path, anna: Sound, sound_file: Write
) -> None:
    sounds = Sounds(home / SOUNDS_NAME)
    for number in range(2):  # each too short to learn from alone
        await sounds.keep(talk[number], seconds(anna, 3 * number, 3 * number + 2.5))
    ids = [each.id for each in talk]
    ran = await asyncio.to_thread(speakers, "enrol", "Anna", "--utterance", *ids[:2])
    assert ran == (ExitCode.OK, "Anna is known by 1 recording\n", "")
    ran = await asyncio.to_thread(speakers, "identify", sound_file(seconds(anna, 22, 26)), "--is", "Anna")
    assert ran.code == ExitCode.OK
    ran = await asyncio.to_thread(speakers, "enrol", "Anna", "--utterance", *ids[:4])
    assert f"no sound was kept of utterance {ids[2]}, {ids[3]}" in ran.err


def test_renamed_merged_and_split(
    speakers: Wallflower, wallflower: Wallflower, talk: list[Heard], home: Path
) -> None:
    assert speakers("rename", "speaker 1", "Anna").out == "Speaker 1 is Anna now\n"
    listed = json.loads(speakers("list", "--json").out)["speakers"]
    assert [(each["name"], each["known"], each["utterances"]) for each in listed] == [
        ("Anna", True, 3), ("Speaker 2", False, 2),
    ]  # fmt: skip
    assert listed[0] | {"enrolled": False, "recordings": 0, "id": 1, "colour": "#0072b2"} == listed[0]
    assert listed[0]["last"] == "2026-03-28T12:00:02.000+00:00"
    assert speakers("merge", "speaker 2", "anna").out == "all that they said is Anna's now\n"
    assert speakers("split", talk[0].id, talk[5].id).out == "2 utterances are Speaker 3's now\n"
    lines = speakers("list").out.splitlines()
    assert lines[0].startswith("   1  Anna                      4 said, last 2026-03-28 ")
    assert lines[1].startswith("   3  Speaker 3                 2 said, last ")
    found = wallflower("transcripts", "search", "--speaker", "ANNA", "--data-dir", home)
    assert found.out.count("Anna: hello") == 4


def test_both_voices_are_known_after_a_merge(
    speakers: Wallflower, household: None, anna: Sound, sound_file: Write
) -> None:
    assert speakers("merge", "Ben", "Anna").code == ExitCode.OK
    (one,) = json.loads(speakers("list", "--json").out)["speakers"]
    assert (one["name"], one["recordings"]) == ("Anna", 6)
    assert speakers("list").out.rstrip().endswith("6 recordings")


def test_nobody_is_there(speakers: Wallflower) -> None:
    assert speakers("list") == (ExitCode.OK, "", "nobody is known, and nobody was heard\n")


def test_forgetting_asks_first(
    speakers: Wallflower, household: None, talk: list[Heard], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = {each["name"]: each["id"] for each in json.loads(speakers("list", "--json").out)["speakers"]}
    assert ids["Anna"] == 1  # of whom three things were heard
    file = sound_path(home / SOUNDS_NAME, talk[0].id, Codec.OPUS)
    file.parent.mkdir(parents=True)
    file.touch()
    ran = speakers("forget", "Anna")
    assert ran.code == ExitCode.USAGE
    assert "name and voice of Anna and 3 utterances would be deleted for good; add --yes" in ran.err
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _question: "n")
    assert speakers("forget", "Anna").out == "nothing was deleted\n"
    monkeypatch.setattr("builtins.input", lambda _question: "y")
    (home / f"{DATABASE_NAME}.broken-1").touch()
    ran = speakers("forget", "Anna")
    assert (ran.code, ran.out) == (ExitCode.OK, "3 utterances deleted\n")
    assert "may hold more" in ran.err
    assert speakers("forget", "Ben", "--keep-words", "--yes").out == "2 utterances are nobody's now\n"
    left = bytes_of(home / DATABASE_NAME)
    assert b"Anna" not in left
    assert b"Ben" not in left
    assert find_sound(home / SOUNDS_NAME, talk[0].id) is None
    assert [each["name"] for each in json.loads(speakers("list", "--json").out)["speakers"]] == [
        "Speaker 3",
        "Speaker 4",
    ]


def test_voices_go_to_another_box(
    speakers: Wallflower, household: None, wallflower: Wallflower, home: Path, tmp_path: Path
) -> None:
    file, other = tmp_path / "people.json", tmp_path / "other"
    file.write_text("old")
    file.chmod(0o644)
    assert speakers("export", file) == (ExitCode.OK, "", "")
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.glob("people*")] == ["people.json"]
    ran = wallflower("speakers", "import", file, "--data-dir", other)
    assert ran == (ExitCode.OK, "enrolled: Anna, Ben\n", "")
    ran = wallflower("speakers", "import", file, "--data-dir", other)
    assert ran.code == ExitCode.USAGE
    assert "the name 'Anna' is taken" in ran.err
    assert wallflower("speakers", "import", file, "--replace", "--data-dir", other).code == ExitCode.OK
    again = tmp_path / "again.json"
    wallflower("speakers", "export", again, "--data-dir", other)
    assert again.read_text() == file.read_text()
    ran = speakers("export", tmp_path / "none" / "people.json")
    assert (ran.code, "cannot use" in ran.err) == (ExitCode.FAILED, True)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"\xff", "is no file of voices"),
        (b"{}", "is no file of voices that wallflower exported"),
        (b'{"format": "wallflower-voices", "version": 9}', "of version 9"),
    ],
)
def test_what_is_no_export_is_said(speakers: Wallflower, tmp_path: Path, content: bytes, why: str) -> None:
    file = tmp_path / "people.json"
    file.write_bytes(content)
    ran = speakers("import", file)
    assert ran.code == ExitCode.FAILED
    assert why in ran.err
    assert str(file) in ran.err
