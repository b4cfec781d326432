"""Children that end with their owner: in order, in a hurry, and when the owner is killed."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from wallflower.audio import ffmpeg_process
from wallflower.audio.ffmpeg_process import running
from wallflower.audio.pcm import AudioError

NOISE = ("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "anoisesrc", "-f", "s16le", "-")


def children() -> list[str]:
    return [process.name() for process in psutil.Process().children(recursive=True)]


async def test_the_block_ends_the_child_whether_or_not_it_was_read() -> None:
    async with running(*NOISE) as process:
        assert process.stdout is not None
        assert len(await process.stdout.read(1000)) > 0
    async with running(*NOISE) as other:
        await asyncio.sleep(0.3)  # its pipe is full by now
    assert process.returncode is not None
    assert other.returncode is not None
    assert children() == []


async def test_a_child_that_does_not_want_to_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ffmpeg_process, "_GOODBYE_SECONDS", 0.2)
    async with running("sh", "-c", "trap '' TERM; echo here; while :; do sleep 0.05; done") as process:
        assert process.stdout is not None
        await process.stdout.readline()
    assert process.returncode == -signal.SIGKILL


async def test_a_cancelled_owner_leaves_nothing_however_often_it_is_cancelled() -> None:
    async def own() -> None:
        async with running("sh", "-c", "trap '' TERM; echo here; while :; do sleep 0.05; done") as process:
            assert process.stdout is not None
            await process.stdout.readline()
            await asyncio.sleep(60)

    task = asyncio.create_task(own())
    await asyncio.sleep(0.5)
    for _ in range(2):
        task.cancel()
        await asyncio.sleep(0.1)
    await asyncio.wait([task])
    assert task.cancelled()
    assert children() == []


async def test_standard_error_is_read_to_its_end_though_it_never_pauses() -> None:
    lines: list[bytes] = []
    script = (
        "import sys; sys.stderr.write('x' * 300_000 + '\\n' + 'line\\r\\n' * 50_000 + 'end'); print('done')"
    )
    async with running(sys.executable, "-c", script, on_line=lines.append) as process:
        assert process.stdout is not None
        assert await process.stdout.read() == b"done\n"
    assert lines[-1] == b"end"
    assert lines.count(b"line") == 50_000
    assert sum(map(len, lines[:6])) >= 300_000
    assert max(map(len, lines)) < 80_000


async def test_no_program_is_said() -> None:
    with pytest.raises(AudioError, match="install"):
        async with running("ffmpeg-that-is-not-here"):
            pass


OWNER = """
import asyncio, sys, threading
from wallflower.audio.ffmpeg_process import running

async def own():
    async with running(*sys.argv[2:]) as process:
        print(process.pid, flush=True)
        await asyncio.sleep(600)

if sys.argv[1] == "thread":
    threading.Thread(target=lambda: asyncio.run(own())).start()
else:
    asyncio.run(own())
"""


def gone(pid: int, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if (
                psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
            ):  # its new parent in a container may not reap
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("where", ["main", "thread"])
@pytest.mark.parametrize("command", [("sleep", "600"), NOISE], ids=["says nothing", "writes"])
@pytest.mark.skipif(sys.platform != "linux", reason="the kernel binds a child to its parent on Linux alone")
def test_sigkill_of_the_owner_takes_the_child_with_it(where: str, command: tuple[str, ...]) -> None:
    root = Path(ffmpeg_process.__file__).parents[2]
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, where, *command],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert owner.stdout is not None
    with owner, owner.stdout:
        child = int(owner.stdout.readline())
        assert psutil.pid_exists(child)
        owner.kill()
    assert gone(child, 20)


def test_without_setpriv_the_child_ends_when_it_writes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As on macOS: the pipe is closed with the owner."""
    ffmpeg = shutil.which("ffmpeg")
    assert ffmpeg is not None
    (tmp_path / "ffmpeg").symlink_to(ffmpeg)
    root = Path(ffmpeg_process.__file__).parents[2]
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, "main", *NOISE],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(root), "PATH": str(tmp_path)},
    )
    assert owner.stdout is not None
    with owner, owner.stdout:
        child = int(owner.stdout.readline())
        owner.kill()
    assert gone(child, 20)


async def test_from_a_loop_in_a_thread() -> None:
    codes: list[int | None] = []

    async def own() -> None:
        async with running(*NOISE) as process:
            assert process.stdout is not None
            await process.stdout.read(100)
        codes.append(process.returncode)

    thread = threading.Thread(target=lambda: asyncio.run(own()))
    thread.start()
    await asyncio.to_thread(thread.join)
    assert len(codes) == 1
    assert children() == []
