"""The sound of an utterance is there whole or not at all, and goes with it."""

import asyncio
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from tests.storage.conftest import Fill
from tests.storage.made import BEN, NOON, heard
from wallflower.audio.encoding import Codec
from wallflower.audio.ffmpeg import duration_of
from wallflower.storage.database import writing
from wallflower.storage.errors import StorageError
from wallflower.storage.forgetting import Forget, forget
from wallflower.storage.retention import Keep, Limits, retain
from wallflower.storage.sounds import Sounds, find_sound, remove_sounds_between, sound_path, trim_sounds

SECOND = np.zeros(16_000, np.int16)
HOUR = timedelta(hours=1)


def put(folder: Path, *identities: int, size: int = 100) -> None:
    for identity in identities:
        path = sound_path(folder, identity, Codec.OPUS)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(size))


def here(folder: Path) -> list[int]:
    return sorted(int(path.name.split(".")[0]) for path in folder.glob("*/*"))


@pytest.mark.parametrize("codec", list(Codec))
async def test_it_is_kept_in_the_folder_of_its_day(tmp_path: Path, codec: Codec) -> None:
    one = heard()
    await Sounds(tmp_path / "sounds", codec).keep(one, SECOND)
    path = find_sound(tmp_path / "sounds", one.id)
    assert path == tmp_path / "sounds" / "2026-03-28" / f"{one.id}.{codec}"
    assert await duration_of(path) == pytest.approx(1.0, abs=0.05)
    assert path.parent.stat().st_mode & 0o077 == 0
    assert find_sound(tmp_path / "sounds", heard(at=60).id) is None


async def test_what_is_dropped_while_it_is_written_is_not_kept(tmp_path: Path) -> None:
    sounds = Sounds(tmp_path)
    one, other = heard(), heard(source="hall")
    tasks = [asyncio.create_task(sounds.keep(this, SECOND)) for this in (one, other)]
    await asyncio.sleep(0)
    sounds.drop(Forget(source="kitchen").means)
    await asyncio.gather(*tasks)
    assert here(tmp_path) == [other.id]


async def test_what_cannot_be_kept_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="is not kept"):
        await Sounds(tmp_path / "file").keep(heard(), SECOND)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StorageError, match="ffmpeg is not installed"):
        await Sounds(tmp_path / "sounds").keep(heard(), SECOND)
    assert here(tmp_path / "sounds") == []


async def test_it_is_forgotten_with_the_utterance(path: Path, fill: Fill, tmp_path: Path) -> None:
    folder = tmp_path / "sounds"
    one, two = heard(speaker=BEN), heard(at=60)
    unstored = heard(at=61)
    await fill(one, two)
    put(folder, one.id, two.id, unstored.id)
    async with writing(path) as db:
        await forget(db, Forget(speaker="ben"), folder)
        assert here(folder) == [two.id, unstored.id]
        await forget(db, Forget(since=NOON, until=NOON + HOUR), folder)
    assert list(folder.iterdir()) == []  # not even the day is told


async def test_it_goes_with_the_utterance_that_is_too_old(path: Path, fill: Fill, tmp_path: Path) -> None:
    folder = tmp_path / "sounds"
    old, new, unstored = heard(), heard(at=5 * 3600), heard(at=1)
    await fill(old, new)
    put(folder, old.id, new.id, unstored.id)
    async with writing(path) as db:
        await retain(db, NOON + 6 * HOUR, Limits(sources={"kitchen": Keep(age=2 * HOUR)}), folder)
        assert here(folder) == [unstored.id, new.id]  # others may be kept for ever, so these are too
        await retain(db, NOON + 6 * HOUR, Limits(Keep(age=2 * HOUR)), folder)
        assert here(folder) == [new.id]
        await retain(db, NOON + 6 * HOUR, Limits(sounds=99), folder)
    assert here(folder) == []


def test_the_oldest_go_when_they_are_too_many(tmp_path: Path) -> None:
    ids = [heard(at=20_000 * number).id for number in range(5)]
    put(tmp_path, *ids)
    stranger = tmp_path / "2026-03-28" / "notes.txt"
    stranger.write_text("not mine")
    assert trim_sounds(tmp_path, 500) == 0
    assert trim_sounds(tmp_path, 250) == 3
    stranger.unlink()
    assert here(tmp_path) == ids[3:]


def test_what_a_kill_left_half_written_goes_too(tmp_path: Path) -> None:
    one = heard()
    put(tmp_path, one.id)
    path = sound_path(tmp_path, one.id, Codec.OPUS)
    path.rename(path.with_name(path.name + ".part"))
    remove_sounds_between(tmp_path, NOON, NOON + HOUR)
    assert list(tmp_path.iterdir()) == []


def test_where_there_are_none(tmp_path: Path) -> None:
    remove_sounds_between(tmp_path / "none", None, None)
    assert trim_sounds(tmp_path / "none", 0) == 0
