"""The daemon as a process, with a real broker."""

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from numpy.typing import NDArray

from tests.interfaces.mqtt.house import Mosquitto, free_port, validator, watching
from wallflower.cli.main import main
from wallflower.listening.condition import kept_condition

_COMMAND = [sys.executable, "-m", "wallflower"]


@pytest.fixture
async def mosquitto(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    broker = Mosquitto(tmp_path, free_port())
    await broker.start()
    yield broker
    await broker.kill()


@pytest.fixture
def home_of(data_dir: Path, tmp_path: Path) -> Callable[[str], Path]:
    """A box of that name with the models: its data directory."""

    def make(identity: str) -> Path:
        home = tmp_path / identity
        home.mkdir()
        (home / "models").symlink_to(data_dir / "models")
        (home / "identity.json").write_text(json.dumps({"id": identity, "name": f"Box {identity}"}))
        return home

    return make


class Daemon:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[dict[str, Any]] = []

    async def line(self, event: str) -> dict[str, Any]:
        assert self.process.stderr is not None
        async with asyncio.timeout(120):
            async for text in self.process.stderr:
                if text.startswith(b"{"):
                    self.lines.append(json.loads(text))
                    if self.lines[-1]["event"] == event:
                        return self.lines[-1]
        raise AssertionError(f"no line {event!r} in {self.lines}")


@contextlib.asynccontextmanager
async def _daemon(home: Path, mosquitto: Mosquitto, *flags: str) -> AsyncIterator[Daemon]:
    process = await asyncio.create_subprocess_exec(
        *_COMMAND, "run", "--uri", f"tcp://127.0.0.1:{free_port()}", "--data-dir", str(home), "--offline",
        "--log-format", "json", "--model", "moonshine-tiny-en", "--no-zeroconf",
        "--mqtt-url", f"mqtt://127.0.0.1:{mosquitto.port}", *flags,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    daemon = Daemon(process)
    try:
        await daemon.line("ready")
        yield daemon
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_the_box_is_told_chooses_restarts_and_ends(
    home_of: Callable[[str], Path], mosquitto: Mosquitto
) -> None:
    home, box = home_of("0000aaaa"), "wallflower/0000aaaa"
    async with watching(mosquitto.broker) as watcher, _daemon(home, mosquitto) as daemon:
        await watcher.message(f"{box}/status", status="online")
        state = await watcher.message(f"{box}/state", power="balanced")
        validator("box_state").validate(state)
        assert (state["model"], state["engine"], state["tier"]) == (
            "moonshine-tiny-en",
            "moonshine",
            "by power",
        )
        assert await watcher.message("homeassistant/device/wallflower_0000aaaa/config")
        running = await asyncio.to_thread(kept_condition, home)
        assert running is not None
        assert running.mqtt == f"connected to mqtt://127.0.0.1:{mosquitto.port}"

        await watcher.client.publish(f"{box}/calibrate/set", "PRESS", qos=1)
        refused = await watcher.message(f"{box}/error", topic=f"{box}/calibrate/set")
        assert "the options name the model" in refused["message"]
        await watcher.client.publish(f"{box}/listening/set", "OFF", qos=1)
        await watcher.message(f"{box}/error", topic=f"{box}/listening/set")

        await watcher.client.publish(f"{box}/power/set", "powersave", qos=1)
        await daemon.line("stopped")
        await daemon.line("ready")
        await watcher.message(f"{box}/state", power="powersave")
        await watcher.until(
            lambda: [each["status"] for each in watcher.all(f"{box}/status")].count("online") == 2
        )
        daemon.process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(daemon.process.wait(), 20) == 0
        await watcher.until(lambda: watcher.all(f"{box}/status")[-1]["status"] == "offline")
        states = [each["status"] for each in watcher.all(f"{box}/status")]
        assert states == ["online", "offline", "online", "offline"]


async def test_a_broker_that_is_missing_keeps_nobody_waiting(
    home_of: Callable[[str], Path], mosquitto: Mosquitto
) -> None:
    await mosquitto.kill()
    async with _daemon(home_of("0000aaaa"), mosquitto) as daemon:
        assert "refused" in (await daemon.line("MQTT not connected"))["reason"].lower()
        daemon.process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(daemon.process.wait(), 20) == 0


def test_a_certificate_that_is_none_is_an_error_at_once(
    home_of: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--mqtt-url", "mqtts://127.0.0.1", "--mqtt-ca-file", "/nowhere", "--model", "moonshine-tiny-en"]
    home = home_of("0000aaaa")
    command = [*_COMMAND, "run", "--uri", "tcp://127.0.0.1:0", "--data-dir", str(home), "--offline", *flags]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert "option 'mqtt_ca_file' is '/nowhere'" in done.stderr
    assert "Traceback" not in done.stderr


async def test_two_daemons_share_requests_and_one_that_is_killed_costs_no_answer(
    home_of: Callable[[str], Path], mosquitto: Mosquitto, two_cities: Path
) -> None:
    homes = [home_of("0000aaaa"), home_of("0000bbbb")]
    async with (
        watching(mosquitto.broker, "wallflower/+/status") as watcher,
        _daemon(homes[0], mosquitto),
        _daemon(homes[1], mosquitto) as other,
    ):
        for home in homes:
            await watcher.message(f"wallflower/{home.name}/status", status="online")
        asking = [
            await asyncio.create_subprocess_exec(
                *_COMMAND, "transcribe", str(two_cities), "--mqtt", "--json",
                "--mqtt-url", f"mqtt://127.0.0.1:{mosquitto.port}",
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )
            for _ in range(2)
        ]  # fmt: skip
        async with watching(mosquitto.broker, "wallflower/transcribe") as requests:
            await requests.until(lambda: len(requests.seen) >= 2)
        other.process.kill()
        await watcher.message("wallflower/0000bbbb/status", status="offline")
        for process in asking:
            out, err = await asyncio.wait_for(process.communicate(), 120)
            assert (process.returncode, err) == (0, b"")
            (line,) = out.decode().splitlines()
            assert "It was the best of times" in json.loads(line)["text"]


async def test_transcribe_by_mqtt_says_what_is_wrong(
    mosquitto: Mosquitto, speech: NDArray[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def transcribe(*arguments: str) -> tuple[int, str]:
        code = await asyncio.to_thread(main, ["transcribe", "--mqtt", *arguments])
        return code, capsys.readouterr().err

    url = f"mqtt://127.0.0.1:{mosquitto.port}"
    code, err = await transcribe(str(tmp_path / "none.wav"), "--mqtt-url", url)
    assert (code, err.count("\n")) == (6, 1)
    code, err = await transcribe("a.wav")
    assert code == 2
    assert "mqtt_url" in err
    await mosquitto.kill()
    path = tmp_path / "speech.raw"
    path.write_bytes(b"")
    code, err = await transcribe(str(tmp_path / "none.wav"), "--mqtt-url", url)
    assert code in {1, 6}
