"""Starting the servers that are measured, each as a process of its own, and ending them."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from asking import answers_describe
from command import BenchmarkError
from corpus import REPOSITORY
from environments import CACHE

_LOOK_SECONDS = 0.1
_START_SECONDS = 300.0
_STOP_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers. log: what it wrote. begun: the time.time() at which it was started."""

    name: str
    uri: str
    pid: int
    log: Path
    begun: float


def free_uri() -> str:
    """An address of this machine that nobody serves at now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{probe.getsockname()[1]}"


@asynccontextmanager
async def serving(
    name: str, uri: str, command: Sequence[str], environment: Mapping[str, str] | None = None
) -> AsyncIterator[Server]:
    """Start `command`, which serves at `uri`, wait until it answers, and end it after the block.

    environment: variables to set beside this process's own. Raises BenchmarkError when it ends early.
    """
    log = CACHE / f"{name}.log"
    begun = time.time()
    process = await asyncio.to_thread(_start, command, log, environment or {})
    try:
        await _wait_until_it_answers(name, uri, process, log)
        yield Server(name, uri, process.pid, log, begun)
    finally:
        process.terminate()
        try:
            await asyncio.to_thread(process.wait, _STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait)


@asynccontextmanager
async def our_daemon(*flags: str, name: str = "wallflower") -> AsyncIterator[Server]:
    """Our own daemon, with the options that flags and the environment (WALLFLOWER_NAME) give it.

    name: that of its log.
    """
    uri = free_uri()
    command = [
        sys.executable, "-m", "wallflower", "run", "--uri", uri, "--no-zeroconf",
        "--log-level", "info", "--log-format", "json", *flags,
    ]  # fmt: skip
    async with serving(name, uri, command) as server:
        yield server


def ready_seconds(server: Server) -> float:
    """From the start of our daemon's process to the line of its log that says it is ready.

    Raises BenchmarkError when there is no such line.
    """
    for line in server.log.read_text("utf-8").splitlines():
        if line.startswith("{"):  # before it come lines about a fetch, if there was one
            entry = json.loads(line)
            if entry.get("event") == "ready":
                return datetime.fromisoformat(entry["timestamp"]).timestamp() - server.begun
    raise BenchmarkError(f"{server.log} has no line that says 'ready'")


def _start(command: Sequence[str], log: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as file:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=REPOSITORY,
            env={**os.environ, **environment},
        )


async def _wait_until_it_answers(name: str, uri: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not await answers_describe(uri):
        if process.poll() is not None:
            raise BenchmarkError(f"{name} ended with exit code {process.returncode}; its log is {log}")
        if time.monotonic() > deadline:
            raise BenchmarkError(f"{name} does not answer at {uri}; its log is {log}")
        await asyncio.sleep(_LOOK_SECONDS)
