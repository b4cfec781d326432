"""Engines that fail while the server serves: no utterance is lost, and it says what is wrong."""

import asyncio
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray
from wyoming.asr import Transcript
from wyoming.client import AsyncClient
from wyoming.info import Describe, Info

from tests.households import nobody
from tests.made_ears import MOONSHINE, WHISPER, Lent
from wallflower.engines.base import Engine, EngineError, Request, Transcription
from wallflower.engines.choosing import Plan
from wallflower.engines.lane import Lane, Priority
from wallflower.engines.moonshine import MoonshineEngine
from wallflower.engines.selection import Candidate
from wallflower.events import EngineInUse, EngineSetAside, Happening
from wallflower.hardware.power import PROFILES, Profile, stepped
from wallflower.interfaces.wyoming.connection import Service
from wallflower.interfaces.wyoming.info import info_of
from wallflower.interfaces.wyoming.server import WyomingServer
from wallflower.listening.condition import sentence_about
from wallflower.listening.decoders import Decoders
from wallflower.listening.ears import Ears
from wallflower.speech.pacing import PartialCounts
from wallflower.speech.vad import SileroVad

if TYPE_CHECKING:
    from tests.interfaces.wyoming.conftest import Ask


class Device:
    """Decodes as Moonshine does, until it vanishes."""

    languages = ("en", "de")
    longest_seconds = 30.0

    def __init__(self, moonshine: MoonshineEngine) -> None:
        self.vanished = False
        self.calls = 0
        self.reached = threading.Event()
        self.wait: threading.Event | None = None
        self._moonshine = moonshine

    def transcribe(self, samples: NDArray[np.float32], request: Request) -> Transcription:
        self.calls += 1
        self.reached.set()
        if self.wait is not None:
            assert self.wait.wait(60)
        if self.vanished:
            raise EngineError("the device is lost")
        text = self._moonshine.transcribe(samples, request).text
        return Transcription(f"device: {text}", "en")

    def abort(self) -> None:
        pass

    def unload(self) -> None:
        pass


class House:
    """A server whose best engine runs on a device of the test's."""

    def __init__(self, device: Device, ears: Ears, uri: str, happened: list[Happening]) -> None:
        self.device = device
        self.ears = ears
        self.uri = uri
        self.happened = happened

    async def info(self) -> tuple[str, str]:
        """Model and description."""
        async with AsyncClient.from_uri(self.uri) as client:
            await client.write_event(Describe().event())
            event = await client.read_event()
            assert event is not None
            (program,) = Info.from_event(event).asr
            return program.models[0].name, program.description or ""


@pytest.fixture
async def house(moonshine: MoonshineEngine, vad: SileroVad) -> AsyncIterator[House]:
    device = Device(moonshine)
    happened: list[Happening] = []

    def load(candidate: Candidate, _profile: Profile) -> Engine:
        if candidate.key == MOONSHINE.key:
            return Lent(moonshine)
        if device.vanished:
            raise EngineError("no such device")
        return device

    plan = Plan(WHISPER, None, (MOONSHINE,), MOONSHINE, "a test")
    decoders = Decoders(plan, load, profile=PROFILES["balanced"], on_happening=happened.append)
    with ThreadPoolExecutor(1) as vad_thread:
        lane = Lane()
        ears = Ears(vad, vad_thread, lane, "en", decoders, PartialCounts(), tuple)
        service = Service(
            ears=ears,
            describe=lambda: info_of(decoders.model, trouble=sentence_about(decoders.condition)),
            language="en",
            endpointing=False,
            max_utterance_seconds=60,
            client_timeout=60,
            household=nobody(),
        )
        server = WyomingServer("tcp://127.0.0.1:0", service, max_clients=20)
        await server.open()
        yield House(device, ears, f"tcp://127.0.0.1:{server.port}", happened)
        await server.close()
        await lane.close()


async def _said(house: House, ask: "Ask", speech: NDArray[np.int16]) -> str:
    async with AsyncClient.from_uri(house.uri) as client:
        answer = await asyncio.wait_for(ask(client, speech[:64_000]), 60)
    assert isinstance(answer, Transcript), answer
    return answer.text


async def test_a_device_that_vanishes_loses_no_utterance(
    house: House, ask: "Ask", speech: NDArray[np.int16]
) -> None:
    assert (await _said(house, ask, speech)).startswith("device: ")
    assert await house.info() == ("whisper-base-openvino-int8", "Local speech recognition by Wallflower")

    house.device.wait = threading.Event()
    house.device.reached.clear()
    under_way = asyncio.ensure_future(_said(house, ask, speech))
    assert await asyncio.to_thread(house.device.reached.wait, 60)
    house.device.vanished = True  # while it decodes
    house.device.wait.set()
    said = [await under_way, *[await _said(house, ask, speech) for _ in range(4)]]
    assert all("best of times" in text and "device" not in text for text in said)

    assert house.device.calls == 4  # then it is left in peace
    assert house.happened == [
        EngineInUse(MOONSHINE.key), EngineSetAside(WHISPER.key, "the device is lost", 30),
    ]  # fmt: skip
    model, told = await house.info()
    assert model == "moonshine-tiny-en"
    assert f"{WHISPER.key} is set aside: the device is lost" in told


async def test_it_steps_down_and_up_between_two_utterances(
    house: House, ask: "Ask", speech: NDArray[np.int16]
) -> None:
    decoders, lane = house.ears.decoders, house.ears.lane
    asked = [asyncio.ensure_future(_said(house, ask, speech)) for _ in range(3)]
    await lane.run(lambda: decoders.use(stepped(decoders.profile, 3)), priority=Priority.VOICE_FINAL)
    assert all("best of times" in text for text in await asyncio.gather(*asked))
    assert not (await _said(house, ask, speech)).startswith("device")
    assert (await house.info())[0] == "moonshine-tiny-en"
    await lane.run(lambda: decoders.use(PROFILES["balanced"]), priority=Priority.VOICE_FINAL)
    assert (await _said(house, ask, speech)).startswith("device")
