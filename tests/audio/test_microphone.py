"""Microphones: the real library without a sound card, and a made-up one for what PortAudio's thread does."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from wallflower.audio import microphone
from wallflower.audio.microphone import find_microphone, microphone_source
from wallflower.audio.pcm import AudioError
from wallflower.audio.source import SourceLostError, SourceState
from wallflower.events import SourceStatus


def device(index: int, name: str, inputs: int = 1, rate: float = 48_000) -> dict[str, Any]:
    return {"index": index, "name": name, "max_input_channels": inputs, "default_samplerate": rate}


class PortAudio:
    """Stands in for the module sounddevice, and plays from a thread of its own as PortAudio does."""

    class PortAudioError(Exception):
        pass

    def __init__(self, *devices: dict[str, Any]) -> None:
        self.devices = devices
        self.default = type("default", (), {"device": (1, 0)})
        self.opened: dict[str, Any] = {}
        self.closed = threading.Event()
        self.unplug = threading.Event()
        self.refuses = False
        self.begun = 0

    def _initialize(self) -> None:
        self.begun += 1

    def _terminate(self) -> None:
        self.begun -= 1

    def query_devices(self) -> tuple[dict[str, Any], ...]:
        return self.devices

    def RawInputStream(self, **options: Any) -> "PortAudio":  # noqa: N802  # sounddevice's name
        self.opened = options
        return self

    def start(self) -> None:
        if self.refuses:
            raise self.PortAudioError("Device unavailable")
        threading.Thread(target=self._play, daemon=True).start()

    def close(self) -> None:
        self.closed.set()

    def _play(self) -> None:
        take: Callable[..., None] = self.opened["callback"]
        block = np.full(self.opened["blocksize"] * self.opened["channels"], 4000, np.int16)
        block[::4] = -4000
        while not self.closed.wait(0.02) and not self.unplug.is_set():
            take(block.tobytes(), self.opened["blocksize"], None, None)
        self.opened["finished_callback"]()


MICROPHONES = (
    device(0, "HDA Intel: HDMI", inputs=0),
    device(1, "pulse", 32),
    device(4, "USB Mic: Audio (hw:2,0)"),
)


@pytest.mark.parametrize(("wanted", "index"), [(None, 1), (4, 4), ("usb mic", 4), ("PULSE", 1)])
def test_by_number_by_name_or_the_systems_own(wanted: str | int | None, index: int) -> None:
    assert find_microphone(PortAudio(*MICROPHONES), wanted)["index"] == index


@pytest.mark.parametrize("wanted", [0, 9, "HDMI", "none"])
def test_what_is_not_there_is_answered_by_what_is(wanted: str | int) -> None:
    with pytest.raises(SourceLostError, match=r"there are: 1 'pulse', 4 'USB Mic"):
        find_microphone(PortAudio(*MICROPHONES), wanted)
    with pytest.raises(SourceLostError, match="this box has no microphone"):
        find_microphone(PortAudio(MICROPHONES[0]), wanted)


async def listen_until(
    status: SourceStatus, portaudio: PortAudio, *, wanted: str | int | None = None
) -> list[SourceState]:
    states: list[SourceState] = []
    source = microphone_source(wanted, states.append)

    async def listen() -> int:
        async with contextlib.aclosing(source.blocks()) as blocks:
            async for block in blocks:
                if block.end > 0.5:
                    portaudio.unplug.set()
        return 0

    task = asyncio.create_task(listen())
    async with asyncio.timeout(20):
        while not states or states[-1].status is not status:
            await asyncio.sleep(0.02)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    return states


@pytest.mark.parametrize("wanted", ["pulse", "usb"])
async def test_sound_from_another_thread_until_it_is_unplugged(
    wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    portaudio = PortAudio(*MICROPHONES)
    monkeypatch.setattr(microphone, "load_sounddevice", lambda: portaudio)
    states = await listen_until(SourceStatus.RECOVERING, portaudio, wanted=wanted)
    assert [state.status for state in states] == ["connecting", "healthy", "recovering"]
    assert states[-1].reason == "the microphone gives no more sound; was it unplugged?"
    assert portaudio.closed.is_set()
    assert portaudio.opened["channels"] == (2 if wanted == "pulse" else 1)
    assert portaudio.begun == 0
    assert microphone._open_streams == 0


async def test_one_that_another_program_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    portaudio = PortAudio(*MICROPHONES)
    portaudio.refuses = True
    monkeypatch.setattr(microphone, "load_sounddevice", lambda: portaudio)
    states = await listen_until(SourceStatus.RECOVERING, portaudio)
    assert states[-1].reason == "the microphone 'pulse' does not start: Device unavailable"
    assert portaudio.closed.is_set()


async def test_one_that_falls_silent_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    portaudio = PortAudio(*MICROPHONES)
    monkeypatch.setattr(portaudio, "_play", lambda: None)
    monkeypatch.setattr(microphone, "load_sounddevice", lambda: portaudio)
    monkeypatch.setattr(microphone, "_STALL_SECONDS", 0.2)
    states = await listen_until(SourceStatus.RECOVERING, portaudio)
    assert states[-1].reason == "the microphone gives no more sound; was it unplugged?"


async def test_a_loop_that_does_not_come_loses_the_oldest() -> None:
    intake = microphone._Intake(asyncio.get_running_loop())
    for number in range(1000):
        intake.take(bytes([number % 256]), 1, None, None)
    assert await intake.next() == bytes(number % 256 for number in range(900, 1000))
    intake.end()
    assert await intake.next() is None


async def test_the_real_library_says_what_is_there() -> None:
    """Where there is no sound card; where there is one, a name that no card has."""
    try:
        sounddevice = microphone.load_sounddevice()
    except AudioError as error:  # script/bootstrap installs both where it can
        pytest.skip(str(error))
    with pytest.raises(SourceLostError, match=r"this box has no microphone|there is no microphone 'no such'"):
        await asyncio.to_thread(find_microphone, sounddevice, "no such")


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (ImportError("no"), r"pip install 'wallflower\[mic\]'"),
        (OSError("PortAudio library not found"), "libportaudio2"),
    ],
)
def test_what_to_install(error: Exception, advice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Refuses:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "sounddevice":
                raise error

    monkeypatch.setattr("sys.meta_path", [Refuses()])
    monkeypatch.delitem(__import__("sys").modules, "sounddevice", raising=False)
    with pytest.raises(AudioError, match=advice):
        microphone.load_sounddevice()
