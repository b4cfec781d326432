"""Twenty minutes of faults, one every 20 s, while three sources are listened to.

Something is killed, frozen, cut, locked or filled, and let go after a while. At the end all that was told on
the bus must be in the database, and all sources healthy. Needs root for the network link and the small disk;
without it these faults are left out, and said to be. Needs the system's Python with GStreamer's RTSP server.
"""

import argparse
import asyncio
import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import psutil

from command import BenchmarkError, run_command, say
from corpus import add_audio_flag
from tables import print_table
from wallflower.bus import Bus
from wallflower.cli.progress import fetch_progress
from wallflower.config import load_options
from wallflower.events import BusEvent, Heard, SourceStatus
from wallflower.listening.ears import open_ears
from wallflower.listening.house import House, open_house
from wallflower.listening.household import open_household
from wallflower.storage.database import DATABASE_NAME, reading

_RTSP_SERVER = Path(__file__).parents[1] / "tests" / "audio" / "rtsp_server.py"
_SOUND_SERVER = Path(__file__).with_name("sound_server.py")
_EVERY_SECONDS = 20.0
_LONGEST_FAULT_SECONDS = 12.0
_RECOVERY_SECONDS = 180.0  # the longest pause of a source is two minutes
_DISK = "16m"
_SEED = 5
_RTSP_PORT, _HTTP_PORT = 18554, 18080
_SPACE, _NEAR, _FAR = "wf-faults", "10.213.7.1", "10.213.7.2"


class Place:
    """What can be broken: the server of the cameras, the radio behind a network link, the disk."""

    def __init__(self, home: Path, track: Path, *, root: bool) -> None:
        self.home = home
        self.root = root
        self._track = track
        self._server: asyncio.subprocess.Process | None = None

    async def start_server(self) -> None:
        """Begin to serve the cameras."""
        self._server = await asyncio.create_subprocess_exec(
            "/usr/bin/python3", _RTSP_SERVER, str(_RTSP_PORT), f"one={self._track}", f"two={self._track}",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        assert self._server.stdout is not None
        if (await self._server.stdout.readline()).strip() != b"ready":
            raise BenchmarkError("GStreamer's RTSP server does not run here (see CONTRIBUTING.md)")

    async def kill_server(self) -> None:
        """End the cameras at once."""
        assert self._server is not None
        with contextlib.suppress(ProcessLookupError):
            self._server.kill()
        await self._server.wait()

    @asynccontextmanager
    async def server_killed(self) -> AsyncIterator[None]:
        """No cameras for a while."""
        await self.kill_server()
        yield
        await self.start_server()

    @asynccontextmanager
    async def ffmpeg_killed(self) -> AsyncIterator[None]:
        """One ffmpeg less; it is not let go."""
        _signal_one(signal.SIGKILL)
        yield

    @asynccontextmanager
    async def ffmpeg_frozen(self) -> AsyncIterator[None]:
        """One ffmpeg that does nothing for a while."""
        frozen = _signal_one(signal.SIGSTOP)
        yield
        with contextlib.suppress(psutil.NoSuchProcess):
            if frozen is not None:
                frozen.send_signal(signal.SIGCONT)

    @asynccontextmanager
    async def link_cut(self) -> AsyncIterator[None]:
        """The network between here and the radio is down for a while."""
        _ip("link", "set", "wf-near", "down")
        yield
        _ip("link", "set", "wf-near", "up")

    @asynccontextmanager
    async def disk_full(self) -> AsyncIterator[None]:
        """There is no room on the disk for a while."""
        filler = self.home / "filler"
        with contextlib.suppress(OSError), filler.open("wb") as file:
            while True:
                file.write(bytes(65_536))
                file.flush()
        yield
        filler.unlink()

    @asynccontextmanager
    async def database_locked(self) -> AsyncIterator[None]:
        """Somebody else writes to the database for a while."""
        with contextlib.closing(sqlite3.connect(self.home / DATABASE_NAME, isolation_level=None)) as db:
            db.execute("PRAGMA busy_timeout = 10000")
            with contextlib.suppress(sqlite3.OperationalError):
                db.execute("BEGIN EXCLUSIVE")
            yield

    @property
    def faults(self) -> list[Callable[[], contextlib.AbstractAsyncContextManager[None]]]:
        """What can happen here."""
        always: list[Callable[[], contextlib.AbstractAsyncContextManager[None]]]
        always = [self.server_killed, self.ffmpeg_killed, self.ffmpeg_frozen, self.database_locked]
        return [*always, self.link_cut, self.disk_full] if self.root else always


def _signal_one(number: signal.Signals) -> psutil.Process | None:
    """Send it to one ffmpeg of ours. Returns which."""
    children = [each for each in psutil.Process().children(recursive=True) if each.name() == "ffmpeg"]
    if not children:
        return None
    child = random.choice(children)
    with contextlib.suppress(psutil.NoSuchProcess):
        child.send_signal(number)
    return child


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


@contextmanager
def _small_disk(home: Path) -> Iterator[None]:
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_DISK}", "tmpfs", home], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", home], check=True)


@contextmanager
def _radio(track: Path) -> Iterator[None]:
    """A radio in a network of its own."""
    _ip("netns", "add", _SPACE)
    try:
        _ip("link", "add", "wf-near", "type", "veth", "peer", "name", "wf-far", "netns", _SPACE)
        _ip("addr", "add", f"{_NEAR}/24", "dev", "wf-near")
        _ip("link", "set", "wf-near", "up")
        inside = ("netns", "exec", _SPACE)
        _ip(*inside, "ip", "addr", "add", f"{_FAR}/24", "dev", "wf-far")
        _ip(*inside, "ip", "link", "set", "wf-far", "up")
        command = ["ip", *inside, sys.executable, str(_SOUND_SERVER), _FAR, str(_HTTP_PORT), str(track)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
            try:
                yield
            finally:
                server.kill()
    finally:
        _ip("netns", "del", _SPACE)


async def _watch(events: AsyncIterator[BusEvent], told: dict[int, Heard]) -> None:
    async for event in events:
        if isinstance(event, Heard):
            told[event.id] = event


async def _break_things(place: Place, minutes: float) -> Counter[str]:
    chance = random.Random(_SEED)
    happened: Counter[str] = Counter()
    until = time.monotonic() + 60 * minutes
    while time.monotonic() < until:
        begun = time.monotonic()
        fault = chance.choice(place.faults)
        seconds = chance.uniform(1, _LONGEST_FAULT_SECONDS)
        say(f"{fault.__name__} for {seconds:.0f} s")
        happened[fault.__name__] += 1
        async with fault():
            await asyncio.sleep(seconds)
        await asyncio.sleep(max(0.0, begun + _EVERY_SECONDS - time.monotonic()))
    return happened


async def _until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:  # noqa: ASYNC110  # nobody tells
        await asyncio.sleep(0.5)
    return condition()


def _is_well(house: House) -> bool:
    return not house.recorder.condition.failing and all(
        view.state.status is SourceStatus.HEALTHY
        and view.health is not None
        and not any(processor.problem for processor in view.health.processors)
        for view in house.sources.list()
    )


async def _run(place: Place, minutes: float) -> int:
    urls = [f"rtsp://127.0.0.1:{_RTSP_PORT}/one", f"rtsp://127.0.0.1:{_RTSP_PORT}/two"]
    urls += [f"http://{_FAR}:{_HTTP_PORT}/radio"] if place.root else []
    sources = [{"name": f"source {number}", "url": url} for number, url in enumerate(urls)]
    options = load_options(flags={"sources": sources})
    told: dict[int, Heard] = {}
    bus = Bus()
    async with AsyncExitStack() as parts:
        with fetch_progress(sys.stderr) as progress:
            ears = await parts.enter_async_context(open_ears(options, progress=progress))
        await place.start_server()
        parts.push_async_callback(place.kill_server)
        subscription = parts.enter_context(bus.subscribe("faults"))
        watching = asyncio.create_task(_watch(subscription.events(), told))
        household = await parts.enter_async_context(open_household(options, place.home, ears, bus.publish))
        house = await parts.enter_async_context(
            open_house(options, place.home, ears, bus, household, bus.publish)
        )
        await _until(lambda: _is_well(house), _RECOVERY_SECONDS)
        happened = await _break_things(place, minutes)
        well = await _until(lambda: _is_well(house), _RECOVERY_SECONDS)
        states = {
            view.configured.slug: f"{view.state.status} {view.state.reason}" for view in house.sources.list()
        }
        await house.recorder.flush()
        condition = house.recorder.condition
        kept_until = set(told)
        async with reading(place.home / DATABASE_NAME) as db:
            stored = {row[0] for row in await db.execute_fetchall("SELECT id FROM utterances")}
        watching.cancel()
    missing = kept_until - stored
    rows = [
        *([name, str(count)] for name, count in sorted(happened.items())),
        ["utterances told", str(len(kept_until))],
        ["of these missing in the database", str(len(missing))],
        ["lost for want of room", str(condition.lost)],
        *([slug, state] for slug, state in states.items()),
    ]
    print_table(("faults", ""), rows)
    return 0 if well and not missing and kept_until else 1


async def _measure(audio: Path, minutes: float) -> int:
    root = os.geteuid() == 0
    if not root:
        say("without root: no cut of the network, no full disk")
    track = audio / "composed" / "conv_dev_5min.wav"
    if not track.is_file():
        raise BenchmarkError(f"there is no speech at {track}; name its folder: --audio DIR")
    with tempfile.TemporaryDirectory() as home, contextlib.ExitStack() as stack:
        if root:
            stack.enter_context(_small_disk(Path(home)))
            stack.enter_context(_radio(track))
        return await _run(Place(Path(home), track, root=root), minutes)


def main() -> int:
    """Break things; exit code 1 when something was lost or is not well again."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_audio_flag(parser)
    parser.add_argument("--minutes", type=float, default=20.0, help="how long (20)")
    given = parser.parse_args()
    return run_command(lambda: asyncio.run(_measure(given.audio, given.minutes)))


if __name__ == "__main__":
    sys.exit(main())
