"""Running ffmpeg as a child that never outlives its owner, nor this process."""

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from wallflower.audio.pcm import AudioError
from wallflower.child_process import signal_child

MISSING = "ffmpeg is not installed; install it (Debian: apt-get install ffmpeg)"

_GOODBYE_SECONDS = 2.0
_LINE_BYTES = 65_536


@asynccontextmanager
async def running(
    *command: str, on_line: Callable[[bytes], None] | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A child process, which is gone with all its pipes at the end of the block. on_line: each line of its
    standard error, which is read to its end whatever the block does.

    It is asked to end first (an RTSP camera has few places, and learns so that one is free), and killed after
    2 s. When this process dies, however that comes about, the kernel kills the child too: by `setpriv` of
    util-linux. Without that (macOS), the child ends at its next write to the closed pipe, or, if it has
    nothing to write, when its socket times out. Raises AudioError when there is no such program.
    """
    program = shutil.which(command[0])
    if program is None:
        raise AudioError(MISSING)
    process = await asyncio.create_subprocess_exec(
        *_bound_to_us(), program, *command[1:],
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        process_group=0,  # Ctrl-C in a terminal is for the daemon, which ends its children in order
    )  # fmt: skip
    assert process.stderr is not None
    errors = asyncio.create_task(_read_lines(process.stderr, on_line or (lambda _: None)))
    try:
        yield process
    finally:
        try:
            await _ask_to_end(process, errors)
        finally:
            signal_child(process, signal.SIGKILL)
            await _drained(process, errors)


def _bound_to_us() -> tuple[str, ...]:
    """What goes before a command so that the kernel kills it when the loop's thread, which started it, ends.

    Not preexec_fn, which would run Python between fork and exec of a process with threads. The shell looks
    whether we died before the kernel was asked.
    """
    keeper = shutil.which("setpriv")
    if keeper is None or Path(keeper).resolve().name == "busybox":  # whose setpriv lacks the option
        return ()
    return (
        keeper,
        "--pdeathsig",
        "KILL",
        "--",
        "/bin/sh",
        "-c",
        '[ "$PPID" = "$0" ] && exec "$@"',
        str(os.getpid()),
    )


async def _ask_to_end(process: asyncio.subprocess.Process, errors: asyncio.Task[None]) -> None:
    if process.returncode is None:
        signal_child(process, signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GOODBYE_SECONDS):
                await _drained(process, errors)


async def _drained(process: asyncio.subprocess.Process, errors: asyncio.Task[None]) -> None:
    """Wait for the end. A pipe that is not read to its end stays open, and a full one holds its writer up."""
    assert process.stdout is not None
    while await process.stdout.read(65_536):
        pass
    await asyncio.wait([errors])
    await process.wait()


async def _read_lines(stream: asyncio.StreamReader, on_line: Callable[[bytes], None]) -> None:
    """Each line of `stream`, until its end; a line that never ends in pieces."""
    rest = b""
    while block := await stream.read(4096):
        *lines, rest = (rest + block).replace(b"\r", b"\n").split(b"\n")
        if len(rest) > _LINE_BYTES:
            lines.append(rest)
            rest = b""
        for line in lines:
            on_line(line)
    on_line(rest)
