"""A real RTSP server, as a camera: with and without a password, killed and back again, with lost packets."""

import asyncio
import contextlib
import os
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray

from wallflower.audio.pcm import AudioError
from wallflower.audio.probe import Sound, probe
from wallflower.audio.source import SoundBlock, SourceState
from wallflower.audio.stream import stream_source
from wallflower.audio.supervised_source import SupervisedSource
from wallflower.audio.url import parse_url
from wallflower.events import SourceStatus

PYTHON = "/usr/bin/python3"  # which has GStreamer's bindings, where Debian's packages are installed
BINDINGS = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"


@pytest.fixture(scope="session", autouse=True)
def bindings() -> None:
    """script/bootstrap installs them where there is apt-get; elsewhere these tests cannot run."""
    if (
        not os.access(PYTHON, os.X_OK)
        or subprocess.run([PYTHON, "-c", BINDINGS], check=False).returncode != 0
    ):
        pytest.skip(
            "GStreamer's RTSP server is not installed (Debian: gir1.2-gst-rtsp-server-1.0, python3-gi)"
        )


def free_port() -> int:
    with socket.socket() as probe_socket:
        probe_socket.bind(("127.0.0.1", 0))
        port: int = probe_socket.getsockname()[1]
        return port


@contextmanager
def camera(port: int, wav: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """The server in a process of its own, which is killed at the end of the block."""
    server = Path(__file__).with_name("rtsp_server.py")
    command = [PYTHON, str(server), str(port), f"talk={wav}", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield process
        finally:
            process.kill()


class Ear:
    """What one listener hears and is told."""

    def __init__(self) -> None:
        self.blocks: list[SoundBlock] = []
        self.states: list[SourceState] = []
        self.misplaced = 0.0
        """Seconds by which the source's time of a block's end was off the box's clock when it came."""

    async def until(self, status: SourceStatus) -> SourceState:
        async with asyncio.timeout(60):
            while not self.states or self.states[-1].status is not status:
                await asyncio.sleep(0.02)
        return self.states[-1]

    async def hear(self, seconds: float) -> NDArray[np.int16]:
        """The next seconds of sound, without the silence that was put in."""
        begun = len(self.blocks)
        async with asyncio.timeout(60):
            while True:
                sound = [block.samples for block in self.blocks[begun:] if block.samples.any()]
                if sum(map(len, sound)) >= seconds * 16_000:
                    return np.concatenate(sound)
                await asyncio.sleep(0.05)


@asynccontextmanager
async def listening(address: str) -> AsyncIterator[tuple[Ear, SupervisedSource]]:
    ear = Ear()
    source = stream_source(parse_url(address), ear.states.append)

    async def listen() -> None:
        async with contextlib.aclosing(source.blocks()) as blocks:
            async for block in blocks:
                ear.blocks.append(block)
                assert source.started_at is not None
                if block.samples.any():
                    age = (datetime.now(UTC) - source.started_at).total_seconds() - block.end
                    ear.misplaced = max(ear.misplaced, abs(age))

    task = asyncio.create_task(listen())
    try:
        yield ear, source
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert not [child for child in psutil.Process().children() if "ffmpeg" in child.name()]


def likeness(heard: NDArray[np.int16], original: NDArray[np.int16]) -> float:
    """The largest normalised correlation of what was heard with any part of the original, 0 to 1."""
    size = 1 << (len(heard) + len(original)).bit_length()
    one, other = heard.astype(float), original.astype(float)
    products = np.fft.irfft(np.fft.rfft(other, size) * np.conj(np.fft.rfft(one, size)), size)[: len(other)]
    sums = np.concatenate([[0.0], np.cumsum(other**2)])
    energy = sums[len(one) : len(other)] - sums[: len(other) - len(one)]
    best = products[: len(energy)] / np.sqrt(np.maximum(energy, 1.0) * np.sum(one**2))
    return float(best.max())


async def test_speech_arrives_the_server_dies_and_returns_and_speech_arrives_again(
    two_cities: Path, speech: NDArray[np.int16]
) -> None:
    port = free_port()
    async with listening(f"rtsp://127.0.0.1:{port}/talk") as (ear, source):
        await ear.until(SourceStatus.RECOVERING)  # it is not there yet
        assert ear.states[-1].reason == "the connection was refused"
        with camera(port, two_cities):
            await ear.until(SourceStatus.HEALTHY)
            assert likeness(await ear.hear(3), speech) > 0.9
        await ear.until(SourceStatus.RECOVERING)
        last = ear.blocks[-1]
        with camera(port, two_cities):
            await ear.until(SourceStatus.HEALTHY)
            assert likeness(await ear.hear(3), speech) > 0.9
        assert source.started_at is not None
    assert [state.status for state in ear.states[:5]] == [
        "connecting", "recovering", "healthy", "recovering", "healthy",
    ]  # fmt: skip
    assert ear.blocks[-1].start > last.end
    ends = [block.position + len(block.samples) for block in ear.blocks]
    assert all(block.position >= end for block, end in zip(ear.blocks[1:], ends, strict=False))
    assert ear.misplaced < 2  # of which most is what this machine needs


async def test_with_a_password(two_cities: Path, speech: NDArray[np.int16]) -> None:
    port = free_port()
    with camera(port, two_cities, "--password", "visitor:p@ss:wörd"):
        async with listening(f"rtsp://127.0.0.1:{port}/talk") as (ear, _):
            assert (await ear.until(SourceStatus.FAILED)).reason == "it asks for a user name and a password"
        async with listening(f"rtsp://visitor:wrong@127.0.0.1:{port}/talk") as (ear, _):
            assert (await ear.until(SourceStatus.FAILED)).reason == "wrong user name or password"
        async with listening(f"rtsp://visitor:p%40ss%3Aw%C3%B6rd@127.0.0.1:{port}/talk") as (ear, _):
            assert likeness(await ear.hear(3), speech) > 0.9


async def test_sound_is_in_its_place_though_packets_are_lost(two_cities: Path) -> None:
    port = free_port()
    with camera(port, two_cities):
        async with listening(f"rtsp://127.0.0.1:{port}/talk-loss") as (ear, _):
            await ear.until(SourceStatus.HEALTHY)
            await ear.hear(8)
    assert ear.misplaced < 2
    assert [state.status for state in ear.states] == ["connecting", "healthy"]


async def test_paused_and_listened_to_again(two_cities: Path) -> None:
    port = free_port()
    with camera(port, two_cities):
        async with listening(f"rtsp://127.0.0.1:{port}/talk") as (ear, source):
            await ear.hear(1)
            source.pause("by the user")
            async with asyncio.timeout(20):
                while [child for child in psutil.Process().children() if "ffmpeg" in child.name()]:
                    await asyncio.sleep(0.05)
            source.resume()
            await ear.hear(1)
    assert [state.status for state in ear.states] == [
        "connecting", "healthy", "paused", "connecting", "healthy",
    ]  # fmt: skip


async def test_what_is_there_and_what_is_not(two_cities: Path) -> None:
    port = free_port()
    with camera(port, two_cities):
        assert await probe(parse_url(f"rtsp://127.0.0.1:{port}/talk"), 30) == Sound(
            "pcm_alaw", 1, 8000, finite=False
        )
        with pytest.raises(AudioError, match="it holds no sound"):
            await probe(parse_url(f"rtsp://127.0.0.1:{port}/picture"), 30)
        with pytest.raises(AudioError, match=r"there is nothing at this path \(404\)"):
            await probe(parse_url(f"rtsp://127.0.0.1:{port}/none"), 30)
        async with listening(f"rtsp://127.0.0.1:{port}/picture") as (ear, _):
            assert (await ear.until(SourceStatus.FAILED)).reason == "it holds no sound"
