"""Whether MQTT loses anything: a broker that is killed for a minute, many utterances, and boxes that die.

Needs the program `mosquitto`. Exit code 1 when something was lost, came twice from one box, or too late.
"""

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import aiomqtt

from command import BenchmarkError, run_command, say
from corpus import REPOSITORY
from tables import print_table
from wallflower.bus import Bus
from wallflower.config import load_options
from wallflower.config.identity import Identity
from wallflower.config.places import data_dir
from wallflower.events import Alert, Heard, HeardWord, SourceStatus
from wallflower.interfaces.mqtt.broker import Broker
from wallflower.interfaces.mqtt.controls import Controls, SourceCard
from wallflower.interfaces.mqtt.door import Door
from wallflower.interfaces.mqtt.transcribing import Transcriber
from wallflower.listening.vitals import Vitals

_BOX = Identity("0123abcd", "Benchmark")
_PARTS = ("outage", "crowd", "boxes")
_HEADINGS = (
    "part", "utterances", "lost", "alerts lost", "twice", "in order", "p50 ms", "longest s", "dropped",
)  # fmt: skip
_RATE = 50.0
_SOURCES = ("hall", "den", "attic", "yard")
_ANSWER_SECONDS = 30.0
_EVERY_ALERT = 10
_CLIP = REPOSITORY / "wallflower" / "engines" / "clips" / "two_cities_20s.wav"
_BEFORE_DEATH = 4
"""Requests that were made by then: each box has some in hand."""


class Mosquitto:
    """A broker on a free port, which can be killed and started again. It keeps nothing."""

    def __init__(self, folder: Path) -> None:
        self.program = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
        if self.program is None:
            raise BenchmarkError("the program mosquitto is not installed: sudo apt-get install mosquitto")
        self.port = _free_port()
        self._config = folder / "mosquitto.conf"
        self._config.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
        self._process: asyncio.subprocess.Process | None = None

    @property
    def broker(self) -> Broker:
        """Its address."""
        return Broker("127.0.0.1", self.port)

    async def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = await asyncio.create_subprocess_exec(
            str(self.program), "-c", str(self._config), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        async with asyncio.timeout(20):
            while True:
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                    writer.close()
                    return
                await asyncio.sleep(0.05)

    async def kill(self) -> None:
        """Without a goodbye."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


class Listener:
    """A client that comes back when its broker does, like Home Assistant. seen: ids by topic, in order."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self.seen: dict[str, list[int]] = {}
        self.waits: list[float] = []

    async def listen(self) -> None:
        """Until cancelled."""
        while True:
            with contextlib.suppress(aiomqtt.MqttError):
                async with aiomqtt.Client(
                    self._broker.host, self._broker.port, protocol=aiomqtt.ProtocolVersion.V5
                ) as client:
                    for what in ("utterance", "alert"):
                        await client.subscribe(f"wallflower/{_BOX.id}/+/{what}", qos=1)
                    async for message in client.messages:
                        payload = json.loads(message.payload)
                        self.seen.setdefault(message.topic.value, []).append(int(payload["id"]))
                        at = datetime.fromisoformat(payload.get("end") or payload["at"])
                        self.waits.append((datetime.now(UTC) - at).total_seconds())
            await asyncio.sleep(3)


async def _talk(bus: Bus, seconds: float) -> int:
    """Utterances by turns from all sources, and an alert now and then; how many utterances."""
    words = tuple(HeardWord(f"word{n}", n / 4, n / 4 + 0.2, 0.9) for n in range(12))
    begun, count = time.monotonic(), 0
    while time.monotonic() - begun < seconds:
        count += 1
        source, now = _SOURCES[count % len(_SOURCES)], datetime.now(UTC)
        bus.publish(
            Heard(
                count, source, now - timedelta(seconds=3), now, " ".join(w.text for w in words), "en", 0, 3,
                words=words,
            )
        )  # fmt: skip
        if count % _EVERY_ALERT == 0:
            bus.publish(Alert(count, "help", "keyword", source, "high", "raised", "help", now, count))
        await asyncio.sleep(max(0.0, begun + count / _RATE - time.monotonic()))
    return count


@asynccontextmanager
async def _door(broker: Broker, bus: Bus) -> AsyncIterator[None]:
    async def nothing(*_arguments: object) -> None:
        pass

    async def vitals() -> Vitals:
        return Vitals("0", datetime.now(UTC), "", "", "", None, 0, 0, None, 0, "")

    async def find() -> Broker:
        return broker

    cards = [SourceCard(slug, slug.title()) for slug in _SOURCES]
    controls = Controls(
        lambda: cards, lambda _slug: (SourceStatus.CONNECTING, ""), vitals,
        lambda: "balanced", lambda: "by power", nothing, nothing, nothing, nothing, nothing, nothing,
    )  # fmt: skip
    unused: Any = None
    door = Door(
        bus, _BOX, controls, Transcriber(_BOX.id, unused, most_seconds=0), find,
        discovery_prefix="homeassistant",
        on_change=lambda change: say(f"  connected: {change.connected} {change.reason}"),
    )  # fmt: skip
    task = asyncio.create_task(door.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _run_utterances(folder: Path, *, seconds: float, outage: float) -> list[str]:
    """Talk for so long, with the broker away in the middle; a row of the table."""
    mosquitto, bus = Mosquitto(folder), Bus()
    await mosquitto.start()
    listener = Listener(mosquitto.broker)
    listening = asyncio.create_task(listener.listen())
    try:
        async with _door(mosquitto.broker, bus):
            await asyncio.sleep(2)
            talking = asyncio.create_task(_talk(bus, seconds))
            if outage:
                await asyncio.sleep((seconds - outage) / 2)
                await mosquitto.kill()
                await asyncio.sleep(outage)
                await mosquitto.start()
            count = await talking
            wanted = set(range(1, count + 1))
            alerts = {number for number in wanted if number % _EVERY_ALERT == 0}
            for _ in range(600):
                if wanted <= _ids(listener, "utterance") and alerts <= _ids(listener, "alert"):
                    break
                await asyncio.sleep(0.1)
    finally:
        listening.cancel()
        await asyncio.wait([listening])
        await mosquitto.kill()
    in_order = all(list(dict.fromkeys(ids)) == sorted(set(ids)) for ids in listener.seen.values())
    twice = sum(len(ids) - len(set(ids)) for ids in listener.seen.values())
    lost, alerts_lost = wanted - _ids(listener, "utterance"), alerts - _ids(listener, "alert")
    return [
        str(count), str(len(lost)), str(len(alerts_lost)),
        str(twice), "yes" if in_order else "NO", f"{statistics.median(listener.waits) * 1000:.0f}",
        f"{max(listener.waits):.1f}", str(sum(sum(each.values()) for each in bus.dropped.values())),
    ]  # fmt: skip


def _ids(listener: Listener, what: str) -> set[int]:
    return {number for topic, ids in listener.seen.items() if topic.endswith(what) for number in ids}


async def _run_boxes(folder: Path, count: int) -> list[float]:
    """Two daemons share requests, one is killed while it works; the seconds until each answer."""
    mosquitto = Mosquitto(folder)
    await mosquitto.start()
    url = f"mqtt://127.0.0.1:{mosquitto.port}"
    models = data_dir(load_options()) / "models"
    boxes = []
    try:
        for identity in ("0000aaaa", "0000bbbb"):
            home = folder / identity
            home.mkdir()
            (home / "models").symlink_to(models)
            (home / "identity.json").write_text(json.dumps({"id": identity, "name": identity}))
            boxes.append(await _daemon(home, url))
        async with aiomqtt.Client("127.0.0.1", mosquitto.port) as client:
            await client.subscribe("wallflower/transcribe")
            waits = [asyncio.create_task(_ask(_CLIP, url)) for _ in range(count)]
            seen = 0
            async for _ in client.messages:
                seen += 1
                if seen == _BEFORE_DEATH:
                    break
        boxes[1].send_signal(signal.SIGKILL)
        return await asyncio.gather(*waits)
    finally:
        for box in boxes:
            with contextlib.suppress(ProcessLookupError):
                box.kill()
            await box.communicate()
        await mosquitto.kill()


async def _daemon(home: Path, url: str) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "wallflower", "run", "--uri", f"tcp://127.0.0.1:{_free_port()}", "--data-dir",
        str(home), "--offline", "--no-zeroconf", "--model", "moonshine-tiny-en", "--mqtt-url", url,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    async with asyncio.timeout(60):
        async for line in process.stderr:
            if b"MQTT connected" in line:
                return process
    raise BenchmarkError(f"the daemon in {home} did not connect")


async def _ask(clip: Path, url: str) -> float:
    begun = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "wallflower", "transcribe", str(clip), "--mqtt", "--mqtt-url", url,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    out, _ = await process.communicate()
    return time.monotonic() - begun if process.returncode == 0 and out.count(b"\n") == 1 else float("inf")


def _free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _benchmark(parsed: argparse.Namespace) -> int:
    rows, good = [], True
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part, (seconds, outage) in {"outage": (100, 60), "crowd": (60, 0)}.items():
            if part in parsed.parts:
                say(f"{part}: {_RATE:g} utterances a second for {seconds} s, the broker away for {outage} s")
                row = asyncio.run(_run_utterances(folder, seconds=seconds, outage=outage))
                good &= row[1] == row[2] == row[7] == "0" and row[4] == "yes"
                rows.append([part, *row])
        if rows:
            print_table(_HEADINGS, rows)
        if "boxes" in parsed.parts:
            say("boxes: two daemons share the requests, and one of them is killed")
            waits = asyncio.run(_run_boxes(folder, parsed.requests))
            print(f"{len(waits)} requests: p50 {statistics.median(waits):.1f} s, longest {max(waits):.1f} s")
            good &= max(waits) <= _ANSWER_SECONDS
    return int(not good)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=_PARTS, help=f"of {', '.join(_PARTS)}; all by default")
    parser.add_argument("--requests", type=int, default=12, help="for the boxes (12)")
    return run_command(partial(_benchmark, parser.parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())
