"""The daemon as a process of its own, as its user starts and stops it."""

import asyncio
import contextlib
import json
import signal
import socket
import subprocess
import sys
import wave
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray
from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncClient
from wyoming.error import Error
from wyoming.event import async_read_event, async_write_event
from wyoming.info import Describe, Info

from tests.interfaces.wyoming.conversation import words
from wallflower.cli.main import main
from wallflower.listening.condition import kept_condition

_WALLFLOWER = [sys.executable, "-m", "wallflower"]
_QUICK = ["--model", "moonshine-tiny-en"]
"""Where the choice of an engine is not the point, there is none: a start takes a second."""


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


class Daemon:
    """A running daemon, and the lines it logged."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self.uri = f"tcp://127.0.0.1:{port}"
        self.lines: list[dict[str, Any]] = []
        self.notes: list[str] = []

    async def line(self, event: str) -> dict[str, Any]:
        """The next line with this event."""
        assert self.process.stderr is not None
        async with asyncio.timeout(180):
            async for text in self.process.stderr:
                if not text.startswith(b"{"):  # what a fetch or a measurement has to say
                    self.notes.append(text.decode().strip())
                    continue
                self.lines.append(json.loads(text))
                if self.lines[-1]["event"] == event:
                    return self.lines[-1]
        raise AssertionError(f"no line {event!r} in {self.lines}")


@contextlib.asynccontextmanager
async def _daemon(data_dir: Path, *flags: str) -> AsyncIterator[Daemon]:
    port = _free_port()
    process = await asyncio.create_subprocess_exec(
        *_WALLFLOWER, "run", "--uri", f"tcp://127.0.0.1:{port}", "--data-dir", str(data_dir),
        "--offline", "--log-format", "json", *_QUICK, *flags,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    daemon = Daemon(process, port)
    try:
        await daemon.line("ready")
        yield daemon
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def _say(client: AsyncClient, samples: NDArray[np.int16]) -> str:
    await client.write_event(AudioStart(16_000, 2, 1).event())
    await client.write_event(AudioChunk(16_000, 2, 1, samples.tobytes()).event())
    await client.write_event(AudioStop().event())
    return (await words(client)).text


async def test_from_start_to_words_to_end(data_dir: Path, speech: NDArray[np.int16], tmp_path: Path) -> None:
    log = tmp_path / "wallflower.log"
    async with _daemon(data_dir, "--log-file", str(log), "--log-level", "info") as daemon:
        async with AsyncClient.from_uri(daemon.uri) as client:
            assert "best of times" in await _say(client, speech[:64_000])
        told = await daemon.line("transcribed")
        assert {"connection", "session", "utterance"} <= told.keys()
        daemon.process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(daemon.process.wait(), 10) == 0
        await daemon.line("stopped")
    written = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["event"] for line in written] == [line["event"] for line in daemon.lines]
    assert "best of times" not in log.read_text()


async def test_the_first_start_chooses_by_measurement_and_the_second_remembers(
    own_data_dir: Path, speech: NDArray[np.int16]
) -> None:
    (own_data_dir / "exclusions.json").write_text('{"excluded": {"whispercpp": {}}}')  # one less to measure
    chosen = []
    for measured in (True, False):
        async with _daemon(own_data_dir, "--model", "auto") as daemon:
            assert (
                any(note.startswith("measuring whisper-base-openvino-int8") for note in daemon.notes)
                is measured
            )
            (line,) = [line for line in daemon.lines if line["event"] == "chosen"]
            assert "as measured here" in line["reason"]
            chosen.append((line["reason"], daemon.lines[-1]["model"]))
            async with AsyncClient.from_uri(daemon.uri) as client:
                assert "best of times" in (await _say(client, speech[:64_000])).lower()
                await client.write_event(Describe().event())
                event = await asyncio.wait_for(client.read_event(), 10)
                assert event is not None
                program = Info.from_event(event).asr[0]
                assert program.models[0].name == chosen[-1][1]
                assert program.description == "Local speech recognition by Wallflower"
            running = await asyncio.to_thread(kept_condition, own_data_dir)
            assert running is not None
            assert running.in_use.endswith(chosen[-1][1])
            daemon.process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(daemon.process.wait(), 20) == 0
        assert kept_condition(own_data_dir) is None
    assert chosen[0] == chosen[1]


async def test_same_words_as_the_transcribe_command(
    data_dir: Path, speech: NDArray[np.int16], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "speech.wav"
    with wave.open(str(path), "wb") as wav:
        wav.setparams((1, 2, 16_000, 0, "NONE", ""))
        wav.writeframes(speech.tobytes())
    async with _daemon(data_dir) as daemon, AsyncClient.from_uri(daemon.uri) as client:
        over_wyoming = await _say(client, speech)
    flags = [*_QUICK, "--offline", "--data-dir", str(data_dir)]
    assert await asyncio.to_thread(main, ["transcribe", str(path), *flags]) == 0
    assert capsys.readouterr().out.strip() == over_wyoming


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_clients_are_told_of_the_end(
    data_dir: Path, speech: NDArray[np.int16], number: signal.Signals
) -> None:
    async with _daemon(data_dir) as daemon, AsyncClient.from_uri(daemon.uri) as client:
        await client.write_event(AudioStart(16_000, 2, 1).event())
        await client.write_event(AudioChunk(16_000, 2, 1, speech.tobytes()).event())
        await client.write_event(Describe().event())
        assert await asyncio.wait_for(client.read_event(), 10) is not None
        daemon.process.send_signal(number)
        event = await asyncio.wait_for(client.read_event(), 10)
        assert event is not None
        assert Error.from_event(event).code == "shutting-down"
        assert await asyncio.wait_for(daemon.process.wait(), 10) == 0


async def test_healthcheck_tells_a_live_daemon_from_a_dead_one(data_dir: Path) -> None:
    async with _daemon(data_dir) as daemon:
        assert await asyncio.to_thread(main, ["healthcheck", "--uri", daemon.uri]) == 0
    assert await asyncio.to_thread(main, ["healthcheck", "--uri", daemon.uri]) == 1


async def test_stdio_serves_its_parent_until_the_input_ends(
    data_dir: Path, speech: NDArray[np.int16]
) -> None:
    """As the reference server's own test starts it."""
    process = await asyncio.create_subprocess_exec(
        *_WALLFLOWER, "run", "--uri", "stdio://", "--data-dir", str(data_dir), "--offline", *_QUICK,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    await async_write_event(Describe().event(), process.stdin)
    info = await asyncio.wait_for(async_read_event(process.stdout), 20)
    assert info is not None
    assert Info.from_event(info).asr
    for event in (
        AudioStart(16_000, 2, 1).event(),
        AudioChunk(16_000, 2, 1, speech[:64_000].tobytes()).event(),
        AudioStop().event(),
    ):
        await async_write_event(event, process.stdin)
    events = [await asyncio.wait_for(async_read_event(process.stdout), 20) for _ in range(4)]
    kinds = [event.type for event in events if event is not None]
    assert kinds == ["transcript-start", "transcript-chunk", "transcript", "transcript-stop"]
    assert events[2] is not None
    assert "best of times" in Transcript.from_event(events[2]).text.lower()
    process.stdin.close()
    rest, _ = await asyncio.wait_for(process.communicate(), 20)
    assert rest == b""
    assert process.returncode == 0


def test_stdio_without_any_input_is_exit_code_0(data_dir: Path) -> None:
    command = [*_WALLFLOWER, "run", "--uri", "stdio://", "--data-dir", str(data_dir), "--offline", *_QUICK]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_can_be_stopped_while_it_fetches(tmp_path: Path, number: signal.Signals) -> None:
    asked = asyncio.Event()

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 13281600\r\n\r\nfirst bytes")
        asked.set()
        await reader.read()  # until the daemon hangs up
        writer.close()

    async with await asyncio.start_server(drip, "127.0.0.1", 0) as hub:
        hub_url = f"http://127.0.0.1:{hub.sockets[0].getsockname()[1]}"
        process = await asyncio.create_subprocess_exec(
            *_WALLFLOWER,
            "run",
            *_QUICK,
            "--data-dir",
            str(tmp_path),
            "--hub-url",
            hub_url,
            stderr=subprocess.PIPE,
        )
        await asyncio.wait_for(asked.wait(), 20)
        await asyncio.sleep(0.2)
        process.send_signal(number)
        _, errors = await asyncio.wait_for(process.communicate(), 10)
    assert process.returncode == 0
    assert b"Traceback" not in errors
    assert (next((tmp_path / "models" / "partial").iterdir())).read_bytes() == b"first bytes"


def _linked_data(data_dir: Path, home: Path) -> Path:
    """A data directory of its own, with links to the models."""
    blobs = home / "models" / "blobs"
    blobs.mkdir(parents=True)
    for path in (data_dir / "models" / "blobs").iterdir():
        (blobs / path.name).symlink_to(path)
    return blobs


async def test_damaged_model_is_stood_in_for(
    data_dir: Path, whisper_ggml: Path, speech: NDArray[np.int16], tmp_path: Path
) -> None:
    """The engine asked for cannot be loaded: Moonshine decodes, and info claims no more than it speaks."""
    damaged = _linked_data(data_dir, tmp_path) / whisper_ggml.name
    damaged.unlink()
    damaged.write_bytes(bytes(whisper_ggml.stat().st_size))
    async with _daemon(tmp_path, "--model", "whisper-base-ggml-q8_0") as daemon:
        assert daemon.lines[-1]["model"] == "moonshine-tiny-en"
        (setback,) = [line for line in daemon.lines if line["event"] == "engine set aside"]
        assert setback["engine"] == "whispercpp:cpu:whisper-base-ggml-q8_0"
        async with AsyncClient.from_uri(daemon.uri) as client:
            await client.write_event(Describe().event())
            event = await asyncio.wait_for(client.read_event(), 10)
            assert event is not None
            (model,) = Info.from_event(event).asr[0].models
            assert (model.name, "de" in model.languages) == ("moonshine-tiny-en", False)
            assert "best of times" in await _say(client, speech[:64_000])
            await client.write_event(Transcribe(language="de").event())
            event = await asyncio.wait_for(client.read_event(), 10)
            assert event is not None
            assert Error.from_event(event).code == "unsupported-language"


async def test_engine_that_took_the_process_down_is_left_out_at_the_next_start(
    data_dir: Path, whisper_ggml: Path, tmp_path: Path
) -> None:
    _linked_data(data_dir, tmp_path)
    program = (
        "import os, signal, sys; from pathlib import Path; from wallflower.engines.exclusions import trying\n"
        "with trying(Path(sys.argv[1]), 'whispercpp:cpu'): os.kill(os.getpid(), signal.SIGILL)"
    )
    died = await asyncio.create_subprocess_exec(sys.executable, "-c", program, str(tmp_path))
    assert await died.wait() == -signal.SIGILL
    async with _daemon(tmp_path, "--model", "whisper-base-ggml-q8_0") as daemon:
        assert daemon.lines[-1]["model"] == "moonshine-tiny-en"
        (excluded,) = [line for line in daemon.lines if line["event"] == "engine excluded"]
        assert "wallflower hardware --allow whispercpp:cpu" in excluded["reason"]
    flags = ["--allow", "whispercpp", "--data-dir", str(tmp_path)]
    assert await asyncio.to_thread(main, ["hardware", *flags]) == 0
    async with _daemon(tmp_path, "--model", "whisper-base-ggml-q8_0") as daemon:
        assert daemon.lines[-1]["model"] == "whisper-base-ggml-q8_0"


async def test_whisper_in_german(data_dir: Path, whisper_ggml: Path) -> None:
    """Info claims 99 languages, and a request may name any of them."""
    flags = ["--model", "whisper-base-ggml-q8_0"]
    async with _daemon(data_dir, *flags) as daemon, AsyncClient.from_uri(daemon.uri) as client:
        await client.write_event(Describe().event())
        event = await asyncio.wait_for(client.read_event(), 10)
        assert event is not None
        (model,) = Info.from_event(event).asr[0].models
        assert {"de", "en-GB", "ja"} <= set(model.languages)
        await client.write_event(Transcribe(language="de").event())
        assert await _say(client, np.zeros(16_000, np.int16)) == ""


async def test_dropped_connections_leave_memory_and_descriptors_as_they_were(
    data_dir: Path, speech: NDArray[np.int16]
) -> None:
    async with _daemon(data_dir, "--no-zeroconf") as daemon:
        process = psutil.Process(daemon.process.pid)
        port = int(daemon.uri.rsplit(":", 1)[1])

        async def drop() -> None:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b'{"type": "audio-start", "data": {"rate": 48000, "width": 2, "channels": 2}}\n')
            writer.write(b'{"type": "audio-chunk", "payload_length": 900000}\n' + bytes(400_000))
            writer.close()

        async with AsyncClient.from_uri(daemon.uri) as client:
            await _say(client, speech)
        memory: list[int] = []
        descriptors = 0
        for _ in range(3):
            await asyncio.gather(*(drop() for _ in range(100)))
            async with asyncio.timeout(10):
                while process.num_fds() > (descriptors or process.num_fds()):
                    await asyncio.sleep(0.02)
            await asyncio.sleep(1)  # the last client has left: memory is given back now
            descriptors = descriptors or process.num_fds()
            memory.append(process.memory_info().rss)
        assert min(memory[1:]) - memory[0] < 10_000_000
        async with AsyncClient.from_uri(daemon.uri) as client:
            assert "best of times" in await _say(client, speech[:64_000])
