"""Run in a mount namespace of its own: what the recorder does on a disk that is full, then read-only."""

import asyncio
import contextlib
import subprocess
import sys
from pathlib import Path

from tests.storage.made import heard, opened, texts
from wallflower.events import Happening, StorageFailing, StorageWorking
from wallflower.storage.errors import StorageError
from wallflower.storage.recorder import Recorder


async def fails(recorder: Recorder) -> bool:
    try:
        await recorder.flush()
    except StorageError:
        return True
    return False


async def main(disk: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], check=True)
    path, ballast = disk / "wallflower.db", disk / "ballast"
    told: list[Happening] = []
    recorder = Recorder(path, told.append)
    await recorder.keep(heard("before"))
    await recorder.flush()

    number = 0
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    while not told:
        number += 1
        await recorder.keep(heard(f"full {number}", at=number))
        await fails(recorder)
    assert isinstance(told[0], StorageFailing)
    assert "full" in told[0].reason or "disk I/O" in told[0].reason, told
    assert texts(path)[0] == "before"
    ballast.unlink()
    await recorder.flush()
    assert told[1] == StorageWorking(0)
    assert texts(path) == ["before", *(f"full {one}" for one in range(1, number + 1))]
    print("full")

    await recorder._close()
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    await recorder.keep(heard("read-only", at=number + 1))
    assert await fails(recorder)
    assert isinstance(told[2], StorageFailing)
    assert recorder.condition.waiting == 1
    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    await recorder.flush()
    assert texts(path)[-1] == "read-only"
    print("read-only")

    with opened(path) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    print("good")
    await recorder._close()


asyncio.run(main(Path(sys.argv[1])))
