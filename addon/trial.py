"""Boots a root folder's services as Supervisor would, and sees that they do what an add-on must.

usage: python -m addon.trial ROOT MODELS, in namespaces of its own for network, mounts and processes.
MODELS: a folder of models to copy, so that nothing is fetched. Needs root. Exit code 1 when not all is well.
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import yaml
from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncClient

from tests.homeassistant.made_supervisor import TOKEN
from wallflower.interfaces.http.access import INGRESS

HERE = Path(__file__).parent
CONFIG = yaml.safe_load((HERE.parent / "config.yaml").read_text("utf-8"))
CLIP = HERE.parent / "wallflower/engines/clips/two_cities_20s.wav"
OPTIONS = CONFIG["options"] | {"model": "moonshine-tiny-en", "offline": True}
ENVIRONMENT = {
    "PATH": "/command:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "SUPERVISOR_TOKEN": TOKEN,
    "WALLFLOWER_HTTP_PORT": "8099",
}
DOOR = "http://127.0.0.1:8099"
USER, PASSWORD = "addons", "a-secret-of-the-broker"
_READY_SECONDS = 120.0
_END_SECONDS = 30.0


class House:
    """What is around the container: its network, Supervisor, the broker, the volume."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.root = root
        self.data = folder / "data"
        self.asked = folder / "asked.jsonl"
        self.told = folder / "mqtt.txt"
        self._folder = folder

    @contextlib.contextmanager
    def open(self, models: Path) -> Iterator[None]:
        """All of it, while the block runs."""
        _run("ip", "link", "set", "lo", "up")
        _run("ip", "address", "add", f"{INGRESS}/32", "dev", "lo")
        self.data.mkdir()
        shutil.copytree(models, self.data / "models")
        (self.root / "data").mkdir(exist_ok=True)
        _run("mount", "--bind", self.data, self.root / "data")
        _run("mount", "-t", "tmpfs", "tmpfs", self.root / "run")
        _run("mount", "--rbind", "/dev", self.root / "dev")
        (self.root / "etc/hosts").write_text(
            "127.0.0.1 localhost supervisor core-mosquitto local-wallflower\n"
        )
        shutil.copy(HERE / "boot.py", self.root / "run/boot.py")
        broker = self._broker()
        supervisor = subprocess.Popen(
            (sys.executable, "-m", "tests.homeassistant.made_supervisor", "80", HERE.parent / "config.yaml",
             self.asked, f"core-mosquitto:1883:{USER}:{PASSWORD}")
        )  # fmt: skip
        try:
            yield
        finally:
            for each in (supervisor, *broker):
                each.terminate()

    def _broker(self) -> list[subprocess.Popen[bytes]]:
        """Mosquitto, and who writes down what it is told."""
        passwords, settings = self._folder / "passwords", self._folder / "mosquitto.conf"
        passwords.touch(0o600)
        _run("mosquitto_passwd", "-b", passwords, USER, PASSWORD)
        settings.write_text(f"listener 1883 127.0.0.1\npassword_file {passwords}\nuser root\n")
        mosquitto = subprocess.Popen(("mosquitto", "-c", settings), stderr=subprocess.DEVNULL)
        _wait_for_port(1883)
        listening = subprocess.Popen(
            ("mosquitto_sub", "-u", USER, "-P", PASSWORD, "-t", "#", "-F", "%t"), stdout=self.told.open("wb")
        )
        return [listening, mosquitto]

    def write_options(self, **changes: Any) -> None:
        """As Supervisor does before each start: for root alone."""
        path = self.data / "options.json"
        path.unlink(missing_ok=True)
        path.write_text(json.dumps(OPTIONS | changes))
        path.chmod(0o600)

    def requests(self) -> list[dict[str, str]]:
        """What was asked of Supervisor."""
        if not self.asked.exists():
            return []
        return [json.loads(line) for line in self.asked.read_text().splitlines()]


class Container:
    """The services, booted in namespaces of their own."""

    def __init__(self, root: Path) -> None:
        start = f"mount -t proc proc {root}/proc; exec chroot {root} python3 /run/boot.py"
        for name in ("service", "s6-linux-init-container-results", "s6"):
            shutil.rmtree(root / "run" / name, ignore_errors=True)
        self.began = time.monotonic()
        self._process = subprocess.Popen(
            (
                "unshare",
                "--pid",
                "--uts",
                "--ipc",
                "--mount",
                "--fork",
                "--kill-child=KILL",
                "sh",
                "-c",
                start,
            ),
            env=ENVIRONMENT,
        )

    @property
    def daemon(self) -> psutil.Process:
        """The daemon's process."""
        for each in psutil.Process(self._process.pid).children(recursive=True):
            if "wallflower" in " ".join(each.cmdline()[:2]) and "run" in each.cmdline():
                return each
        raise AssertionError("the daemon does not run")

    @property
    def has_ended(self) -> bool:
        """Whether there is none any more."""
        return self._process.poll() is not None

    def stop(self) -> None:
        """As Docker does: SIGTERM to the first process."""
        (first,) = psutil.Process(self._process.pid).children()
        first.send_signal(signal.SIGTERM)

    def ended(self) -> tuple[int, float]:
        """The exit code, and after how many seconds it came."""
        began = time.monotonic()
        return self._process.wait(_END_SECONDS), time.monotonic() - began

    def kill(self) -> None:
        """Whatever it does."""
        self._process.kill()


@contextlib.contextmanager
def _booted(root: Path) -> Iterator[Container]:
    container = Container(root)
    try:
        yield container
    finally:
        container.kill()


async def _until_ready(container: Container) -> float:
    """Seconds until the daemon said that it is ready."""
    async with aiohttp.ClientSession() as session:
        while time.monotonic() - container.began < _READY_SECONDS:
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(f"{DOOR}/readyz") as response:
                    if response.status == 200:
                        return time.monotonic() - container.began
            if container.has_ended:
                raise AssertionError("it ended before it was ready")
            await asyncio.sleep(0.1)
    raise AssertionError(f"not ready within {_READY_SECONDS:g} s")


async def _words() -> str:
    """What Wyoming says of a clip."""
    with wave.open(str(CLIP)) as clip:
        samples = clip.readframes(clip.getnframes())
    async with asyncio.timeout(60), AsyncClient.from_uri("tcp://127.0.0.1:10300") as client:
        await client.write_event(Transcribe(language="en").event())
        await client.write_event(AudioStart(16_000, 2, 1).event())
        await client.write_event(AudioChunk(16_000, 2, 1, samples).event())
        await client.write_event(AudioStop().event())
        async for event in _events(client):
            if Transcript.is_type(event.type):
                return Transcript.from_event(event).text
    raise AssertionError("no transcript")


async def _events(client: AsyncClient) -> AsyncIterator[Any]:
    while (event := await client.read_event()) is not None:
        yield event


async def _page_from(address: str) -> int:
    connector = aiohttp.TCPConnector(local_addr=(address, 0))
    async with aiohttp.ClientSession(connector=connector) as session, session.get(f"{DOOR}/") as response:
        return response.status


async def _until(what: str, seconds: float, holds: Any) -> None:
    for _ in range(int(seconds * 10)):
        if holds():
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"{what}: not within {seconds:g} s")


async def _works(house: House) -> None:
    """An ordinary life: options, words, announcement, broker, page, backup, stop."""
    house.write_options()
    with _booted(house.root) as container:
        ready = await _until_ready(container)
        text = await _words()
        _see("Wyoming hears the clip", "best of times" in text.lower(), text)
        daemon = container.daemon
        _see("the daemon is not root", daemon.uids().effective != 0)
        memory = daemon.memory_info().rss / 1e6
        print(f"ready after {ready:.1f} s, {memory:.0f} MB resident after a clip", flush=True)
        await _until("announced", 20, lambda: any(r["asked"] == "POST /discovery" for r in house.requests()))
        (announced,) = (r["body"] for r in house.requests() if r["asked"] == "POST /discovery")
        _see("Home Assistant is told where it is", "tcp://local-wallflower:10300" in announced, announced)
        if "mqtt" in CONFIG["schema"]:
            await _until("MQTT", 20, lambda: b"wallflower/" in house.told.read_bytes())
            _see(
                "the broker is Supervisor's",
                any(r["asked"] == "GET /services/mqtt" for r in house.requests()),
            )
        _see("ingress sees the page", await _page_from(INGRESS) == 200)
        _see("nobody else does", await _page_from("127.0.0.1") == 403)
        _see("a backup can be made", await asyncio.to_thread(_hook, house.root) == 0)
        container.stop()
        code, seconds = container.ended()
        _see(f"SIGTERM ends it with 0 ({seconds:.1f} s)", code == 0, code)


def _hook(root: Path) -> int:
    """The exit code of what Supervisor runs in the container before a backup."""
    command = ("chroot", root, *CONFIG["backup_pre"].split())
    return subprocess.run(command, check=False, env=ENVIRONMENT).returncode


async def _crashes(house: House) -> None:
    """The daemon dies: the container ends with its code, and can be started again."""
    house.write_options()
    with _booted(house.root) as container:
        await _until_ready(container)
        container.daemon.send_signal(signal.SIGSEGV)
        code, _ = container.ended()
        _see("a crash ends the container with its code", code == 128 + signal.SIGSEGV, code)
    with _booted(house.root) as container:
        await _until_ready(container)
        container.stop()
        _see("it starts again after a crash", container.ended()[0] == 0)


async def _dies_early(house: House) -> None:
    """An option is wrong: nothing hangs."""
    house.write_options(language="no language")
    with _booted(house.root) as container:
        code, seconds = container.ended()
        _see(f"a wrong option ends it with 2 ({seconds:.1f} s)", code == 2, code)


_wrong: list[str] = []


def _see(what: str, holds: bool, found: object = "") -> None:
    print(f"{'ok   ' if holds else 'WRONG'} {what}{'' if holds else f': {found}'}", flush=True)
    if not holds:
        _wrong.append(what)


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True)


def _wait_for_port(port: int) -> None:
    for _ in range(100):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise AssertionError(f"nobody serves at port {port}")


async def trial(root: Path, models: Path) -> int:
    """Try all of it."""
    with tempfile.TemporaryDirectory() as folder:
        house = House(root, Path(folder))
        with house.open(models):
            await _works(house)
            await _crashes(house)
            await _dies_early(house)
        _run("umount", root / "data")
    print(f"{len(_wrong)} wrong", flush=True)
    return bool(_wrong)


if __name__ == "__main__":
    places = [Path(each).resolve() for each in sys.argv[1:]]
    os.chdir(HERE.parent)
    sys.exit(asyncio.run(trial(*places)))
