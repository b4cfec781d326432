"""The server, talked to by the protocol's own client as Home Assistant does."""

import asyncio
import dataclasses
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soxr
from numpy.typing import NDArray
from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncClient
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Describe, Info, SelectProgram
from wyoming.ping import Ping, Pong

from tests.interfaces.wyoming.conversation import words
from tests.made_ears import ears_of
from wallflower.engines.base import Request, Transcription
from wallflower.errors import AddressError
from wallflower.interfaces.wyoming.connection import Service
from wallflower.interfaces.wyoming.info import info_of
from wallflower.interfaces.wyoming.server import WyomingServer
from wallflower.models.catalog import find_model
from wallflower.speech.vad import SileroVad

Ask = Callable[..., Awaitable[Transcript | Error | None]]


async def test_describe_is_answered_with_info(uri: str) -> None:
    async with AsyncClient.from_uri(uri) as client:
        await client.write_event(Describe().event())
        event = await client.read_event()
    assert event is not None
    assert Info.from_event(event).asr[0].models[0].name == "moonshine-tiny-en"


async def test_right_words_and_language(uri: str, ask: Ask, speech: NDArray[np.int16]) -> None:
    async with AsyncClient.from_uri(uri) as client:
        transcript = await ask(client, speech, block=160)
    assert isinstance(transcript, Transcript)
    assert transcript.text.lower().startswith("it was the best of times. it was the worst of times.")
    assert transcript.text == transcript.text.strip()
    assert transcript.language == "en"


async def test_regional_language_and_model_name_are_taken(
    uri: str, ask: Ask, speech: NDArray[np.int16]
) -> None:
    async with AsyncClient.from_uri(uri) as client:
        request = Transcribe(name="moonshine-tiny-en", language="en-GB")
        transcript = await ask(client, speech[:64_000], request=request)
    assert isinstance(transcript, Transcript)
    assert "best of times" in transcript.text


async def test_several_requests_on_one_connection(uri: str, ask: Ask, speech: NDArray[np.int16]) -> None:
    async with AsyncClient.from_uri(uri) as client:
        texts = []
        for samples in (speech[:64_000], np.zeros(16_000, np.int16), speech[:64_000]):
            transcript = await ask(client, samples)
            assert isinstance(transcript, Transcript)
            texts.append(transcript.text)
    assert texts[0] == texts[2] != ""
    assert texts[1] == ""


async def test_several_clients_at_once_get_each_their_own_words(
    uri: str, ask: Ask, speech: NDArray[np.int16]
) -> None:
    parts = [speech[: 16_000 * 4], speech[16_000 * 4 : 16_000 * 8], speech[16_000 * 8 :]]

    async def one(samples: NDArray[np.int16]) -> str:
        async with AsyncClient.from_uri(uri) as client:
            transcript = await ask(client, samples)
            assert isinstance(transcript, Transcript)
            return transcript.text

    alone = [await one(part) for part in parts]
    together = await asyncio.gather(*(one(part) for part in parts * 3))
    assert list(together) == alone * 3
    assert len(set(alone)) == 3


@pytest.mark.parametrize(
    ("rate", "width", "channels"),
    [(48_000, 2, 2), (8_000, 2, 1), (44_100, 4, 1), (16_000, 3, 1), (22_050, 2, 6)],
)
async def test_sound_of_any_format(
    uri: str, speech: NDArray[np.int16], rate: int, width: int, channels: int
) -> None:
    mono = soxr.resample(speech[:64_000].astype(np.float32) / 32768, 16_000, rate)
    integers = (mono * (2 ** (8 * width - 1) - 1)).astype("<i4")[:, np.newaxis].repeat(channels, 1)
    audio = integers.reshape(-1).view(np.uint8).reshape(-1, 4)[:, :width].tobytes()
    async with AsyncClient.from_uri(uri) as client:
        await client.write_event(AudioStart(rate, width, channels).event())
        for start in range(0, len(audio), 10_000):  # not a whole number of samples
            chunk = AudioChunk(rate, width, channels, audio[start : start + 10_000])
            await client.write_event(chunk.event())
        await client.write_event(AudioStop().event())
        assert "best of times" in (await words(client)).text.lower()


async def test_format_may_change_in_the_middle(uri: str, speech: NDArray[np.int16]) -> None:
    stereo = speech[32_000:64_000].repeat(2)
    async with AsyncClient.from_uri(uri) as client:
        await client.write_event(AudioStart(16_000, 2, 1).event())
        await client.write_event(AudioChunk(16_000, 2, 1, speech[:32_000].tobytes()).event())
        await client.write_event(AudioChunk(16_000, 2, 2, stereo.tobytes()).event())
        await client.write_event(AudioStop().event())
        assert "best of times" in (await words(client)).text.lower()


async def test_ping_is_answered_with_its_text(uri: str) -> None:
    async with AsyncClient.from_uri(uri) as client:
        await client.write_event(Ping(text="here").event())
        event = await client.read_event()
    assert event is not None
    assert Pong.from_event(event).text == "here"


async def test_program_can_be_selected(uri: str, ask: Ask, speech: NDArray[np.int16]) -> None:
    async with AsyncClient.from_uri(uri) as client:
        await client.write_event(SelectProgram(name="Wallflower").event())
        assert isinstance(await ask(client, speech[:32_000]), Transcript)


async def test_new_audio_start_begins_anew(uri: str, ask: Ask, speech: NDArray[np.int16]) -> None:
    async with AsyncClient.from_uri(uri) as client:
        await client.write_event(AudioStart(16_000, 2, 1).event())
        await client.write_event(AudioChunk(16_000, 2, 1, speech.tobytes()).event())
        transcript = await ask(client, np.zeros(8_000, np.int16))
    assert isinstance(transcript, Transcript)
    assert transcript.text == ""


async def test_unknown_events_are_passed_over_with_one_warning(
    uri: str, ask: Ask, speech: NDArray[np.int16], log_output: list[dict[str, Any]]
) -> None:
    async with AsyncClient.from_uri(uri) as client:
        for kind in ("synthesize", "run-pipeline", "synthesize"):
            await client.write_event(Event(kind))
        assert isinstance(await ask(client, speech[:32_000]), Transcript)
    warnings = [line for line in log_output if line["log_level"] == "warning"]
    assert len(warnings) == 1
    assert warnings[0]["type"] == "synthesize"


async def test_transcripts_are_logged_at_debug_only(
    uri: str, ask: Ask, speech: NDArray[np.int16], log_output: list[dict[str, Any]]
) -> None:
    async with AsyncClient.from_uri(uri) as client:
        await ask(client, speech[:64_000])
    spoken = [line for line in log_output if "best of times" in str(line)]
    assert spoken
    assert {line["log_level"] for line in spoken} == {"debug"}


async def test_one_client_too_many_is_told_so(service: Service) -> None:
    server = WyomingServer("tcp://127.0.0.1:0", service, max_clients=1)
    await server.open()
    uri = f"tcp://127.0.0.1:{server.port}"
    async with AsyncClient.from_uri(uri) as first:
        await first.write_event(Describe().event())
        assert await first.read_event() is not None
        async with AsyncClient.from_uri(uri) as second:
            event = await second.read_event()
            assert event is not None
            assert Error.from_event(event).code == "busy"
            assert await second.read_event() is None
        await first.write_event(Describe().event())
        assert await first.read_event() is not None
    await server.close()


async def test_clients_are_told_when_the_server_stops(service: Service, speech: NDArray[np.int16]) -> None:
    server = WyomingServer("tcp://127.0.0.1:0", service, max_clients=9)
    await server.open()
    async with AsyncClient.from_uri(f"tcp://127.0.0.1:{server.port}") as client:
        await client.write_event(AudioStart(16_000, 2, 1).event())
        await client.write_event(AudioChunk(16_000, 2, 1, speech.tobytes()).event())
        await asyncio.sleep(0.05)
        await server.close()
        event = await client.read_event()
        assert event is not None
        assert Error.from_event(event).code == "shutting-down"
        assert await client.read_event() is None


async def test_unix_socket(service: Service, ask: Ask, speech: NDArray[np.int16], tmp_path: Path) -> None:
    path = tmp_path / "wyoming.sock"
    with socket.socket(socket.AF_UNIX) as dead:  # what a killed server leaves behind
        dead.bind(str(path))
    server = WyomingServer(f"unix://{path}", service, max_clients=9)
    await server.open()
    assert server.port is None
    async with AsyncClient.from_uri(f"unix://{path}") as client:
        assert isinstance(await ask(client, speech[:32_000]), Transcript)
    await server.close()
    assert not path.exists()


async def test_address_that_cannot_be_had_is_said(service: Service, tmp_path: Path) -> None:
    live = WyomingServer(f"unix://{tmp_path / 'live'}", service, max_clients=9)
    await live.open()
    (tmp_path / "file").write_text("kept")
    taken = socket.create_server(("127.0.0.1", 0))
    port = taken.getsockname()[1]
    for uri, reason in (
        (f"tcp://127.0.0.1:{port}", "in use"),
        (f"unix://{tmp_path / 'live'}", "another server"),
        (f"unix://{tmp_path / 'file'}", "no socket"),
        ("tcp://203.0.113.77:10300", "cannot serve"),
        ("tcp://no-such-host.invalid:10300", "cannot serve"),
    ):
        with pytest.raises(AddressError, match=reason):
            await WyomingServer(uri, service, max_clients=9).open()
    taken.close()
    await live.close()
    assert (tmp_path / "file").read_text() == "kept"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


async def test_language_of_the_request_reaches_the_engine(
    vad: SileroVad, ask: Ask, speech: NDArray[np.int16], service: Service
) -> None:
    """Each request has its own; the next one without has the server's again."""
    asked: list[str | None] = []

    class Linguist:
        languages = ("en", "de")
        longest_seconds = 30.0

        def transcribe(self, samples: NDArray[np.float32], request: Request) -> Transcription:
            asked.append(request.language)
            return Transcription("ja", request.language or "?")

        def abort(self) -> None: ...
        def unload(self) -> None: ...

    model = dataclasses.replace(find_model("moonshine-tiny-en"), languages=("en", "de"))
    async with ears_of(vad, Linguist()) as ears:
        several = dataclasses.replace(service, ears=ears, describe=lambda: info_of(model))
        server = WyomingServer("tcp://127.0.0.1:0", several, max_clients=9)
        await server.open()
        async with AsyncClient.from_uri(f"tcp://127.0.0.1:{server.port}") as client:
            for request in (Transcribe(language="de-DE"), Transcribe(), Transcribe(language="en-GB")):
                transcript = await ask(client, speech[:48_000], request=request)
                assert isinstance(transcript, Transcript)
                assert transcript.language == asked[-1]
        await server.close()
    assert list(dict.fromkeys(asked)) == ["de", "en"]
