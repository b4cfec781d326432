"""A disk that is full or read-only, a database that is locked or broken: said, and nothing is lost."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.storage.made import heard, opened, texts
from wallflower.events import DatabaseSetAside, Happening, StorageFailing, StorageWorking
from wallflower.storage import database as database_module
from wallflower.storage.errors import StorageError, is_damage
from wallflower.storage.recorder import Recorder

ON_A_SMALL_DISK = Path(__file__).with_name("on_a_small_disk.py")


def test_full_and_read_only_disks(tmp_path: Path) -> None:
    """In a mount namespace, on a disk of 1 MB: the child asserts."""
    command = ["unshare", "--mount", "--map-root-user", sys.executable, str(ON_A_SMALL_DISK), str(tmp_path)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=120, check=False,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )  # fmt: skip
    except FileNotFoundError:
        pytest.skip("needs unshare")
    if "not permitted" in done.stderr or "denied" in done.stderr:
        pytest.skip("mount namespaces are not allowed here")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["full", "read-only", "good"]


async def test_a_locked_database_is_said_and_waited_for(
    path: Path, told: list[Happening], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "_BUSY_MS", 50)
    monkeypatch.setattr(
        database_module, "_SETTINGS", ("PRAGMA busy_timeout = 50", *database_module._SETTINGS[1:])
    )
    recorder = Recorder(path, told.append)
    await recorder.keep(heard("before"))
    await recorder.flush()
    with opened(path) as other:
        other.execute("BEGIN IMMEDIATE")
        await recorder.keep(heard("meanwhile", at=1))
        with pytest.raises(StorageError, match="locked"):
            await recorder.flush()
        assert told == [StorageFailing("database is locked")]
        assert (recorder.condition.failing, recorder.condition.waiting) == ("database is locked", 1)
        other.execute("ROLLBACK")
    await recorder.flush()
    assert told[1:] == [StorageWorking(0)]
    assert recorder.condition.failing == ""
    assert texts(path) == ["before", "meanwhile"]


async def test_it_tries_again_by_itself(tmp_path: Path, told: list[Happening]) -> None:
    path = tmp_path / "away" / "wallflower.db"
    recorder = Recorder(path, told.append)
    task = asyncio.create_task(recorder.run())
    await recorder.keep(heard("patience"))
    while not told:
        await asyncio.sleep(0.01)
    path.parent.mkdir()
    while len(told) < 2:
        await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert isinstance(told[0], StorageFailing)
    assert told[1] == StorageWorking(0)
    assert texts(path) == ["patience"]


async def test_nobody_waits_for_a_database_that_fails(tmp_path: Path, told: list[Happening]) -> None:
    recorder = Recorder(tmp_path / "away" / "wallflower.db", told.append)
    with pytest.raises(StorageError):
        await recorder.flush()
    for number in range(1500):
        await asyncio.wait_for(recorder.keep(heard(at=number), patience=600), 60)
    assert recorder.condition.waiting == 1500


@pytest.mark.parametrize("how", ["head", "body", "empty log"])
async def test_a_broken_database_is_set_aside_and_a_new_one_begun(
    path: Path, told: list[Happening], how: str
) -> None:
    recorder = Recorder(path, told.append)
    for number in range(300):
        await recorder.keep(heard(f"number {number}", at=number))
    await recorder.flush()
    await recorder._close()
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(0 if how == "head" else 4096)
        file.write(os.urandom(4096 if how == "head" else size - 4096))
    if how == "empty log":  # as after an unclean end: the whole file is checked
        path.with_name(path.name + "-wal").touch()
    again = Recorder(path, told.append)
    await again.keep(heard("new"))
    await again.flush()
    assert texts(path) == ["new"]
    (aside,) = path.parent.glob("*.broken-????????T????????????")
    assert told == [DatabaseSetAside(aside.name)]
    assert aside.stat().st_size == size


async def test_one_that_breaks_while_it_is_written_is_set_aside(path: Path, told: list[Happening]) -> None:
    recorder = Recorder(path, told.append)
    for number in range(300):
        await recorder.keep(heard(f"number {number}", at=number))
    await recorder.flush()
    assert recorder._db is not None
    await recorder._db.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
    await recorder._db.execute("PRAGMA shrink_memory")
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(path.stat().st_size - 4096))
    await recorder._close()
    await recorder.keep(heard("new"))
    await recorder.flush()
    assert [type(one) for one in told] == [DatabaseSetAside]
    assert texts(path) == ["new"]


async def test_one_that_somebody_deletes_is_made_anew(path: Path, told: list[Happening]) -> None:
    recorder = Recorder(path, told.append)
    await recorder.keep(heard("before"))
    await recorder.flush()
    path.unlink()
    await recorder.keep(heard("after"))
    await recorder.flush()
    assert texts(path) == ["after"]
    assert told == []


def test_only_a_broken_file_is_damage() -> None:
    error = sqlite3.DatabaseError("no code")
    assert not is_damage(error)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT_VTAB
    assert is_damage(error)
    error.sqlite_errorcode = sqlite3.SQLITE_FULL
    assert not is_damage(error)
