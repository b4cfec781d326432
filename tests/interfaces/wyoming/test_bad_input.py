"""Clients that break the rules: each gets its answer, and nobody else notices."""

import asyncio
import dataclasses
import json
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray
from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncClient
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Describe, Info, SelectProgram

from tests.interfaces.wyoming.conversation import START, answer, words
from wallflower.interfaces.wyoming.connection import Service
from wallflower.interfaces.wyoming.server import WyomingServer
from wallflower.memory import trim

Ask = Callable[..., Awaitable[Transcript | Error | None]]


async def _raw(uri: str, data: bytes) -> bytes:
    """Send bytes, end the sending side, and read what comes back until the server closes."""
    parts = urlsplit(uri)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(data)
    writer.write_eof()
    try:
        return await asyncio.wait_for(reader.read(), 5)
    except ConnectionResetError:  # closed with bytes unread: an end like any other
        return b""
    finally:
        writer.close()


async def _refusal(uri: str, *events: Event) -> str | None:
    """The code of the error with which the server answers, after which it must close."""
    async with AsyncClient.from_uri(uri) as client:
        for event in events:
            await client.write_event(event)
        (refusal,) = await answer(client)
        error = Error.from_event(refusal)
        assert error.text
        assert await asyncio.wait_for(client.read_event(), 5) is None
        return error.code


async def _is_well(uri: str) -> bool:
    async with AsyncClient.from_uri(uri) as client:
        await client.write_event(Describe().event())
        event = await asyncio.wait_for(client.read_event(), 5)
        return event is not None and Info.is_type(event.type)


def _line(**header: Any) -> bytes:
    return json.dumps(header).encode() + b"\n"


@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 100, b"\n", b"x" * 200_000, b"\xff\xfe\xfd" * 1000]
)
async def test_bytes_that_are_not_wyoming_end_the_connection(uri: str, data: bytes) -> None:
    assert await _raw(uri, data) == b""
    assert await _is_well(uri)


@pytest.mark.parametrize(
    "data",
    [
        _line(type="audio-chunk", payload_length=2_000_000_000) + b"\x00" * 1000,
        _line(type="audio-chunk", payload_length=1000) + b"\x00" * 10,
        _line(type="audio-chunk", data_length=1000),
        _line(type="audio-chunk", payload_length=-5),
        _line(no="type"),
    ],
)
async def test_event_that_cannot_be_read_is_answered(uri: str, data: bytes) -> None:
    told = json.loads((await _raw(uri, data)).splitlines()[0])
    assert told["type"] == "error"
    assert await _is_well(uri)


async def test_payload_of_two_gigabytes_is_refused_before_it_is_read(uri: str) -> None:
    before = psutil.Process().memory_info().rss
    parts = urlsplit(uri)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(_line(type="audio-chunk", payload_length=2_000_000_000))
    told = await asyncio.wait_for(reader.readline(), 5)
    assert json.loads(told)["type"] == "error"
    writer.close()
    assert psutil.Process().memory_info().rss - before < 50_000_000


@pytest.mark.parametrize(
    ("code", "events"),
    [
        ("no-audio-start", [AudioChunk(16_000, 2, 1, b"\x00" * 640).event()]),
        ("audio-format", [AudioStart(0, 2, 1).event()]),
        ("audio-format", [AudioStart(16_000, 0, 1).event()]),
        ("audio-format", [AudioStart(16_000, 2, 0).event()]),
        ("audio-format", [AudioStart(16_000, 2, -1).event()]),
        ("audio-format", [Event("audio-start", {"rate": "16000", "width": 2, "channels": 1})]),
        ("audio-format", [Event("audio-start")]),
        ("audio-format", [START, Event("audio-chunk", payload=b"\x00\x00")]),
        ("audio-format", [START, AudioChunk(0, 2, 1, b"\x00" * 640).event()]),
        ("unknown-model", [Transcribe(name="whisper").event()]),
        ("unsupported-language", [Transcribe(language="fr").event()]),
        ("unsupported-language", [Transcribe(language="").event(), Transcribe(language="xx-YY").event()]),
        ("bad-event", [Event("transcribe", {"language": ["en"]})]),
        ("bad-event", [Event("transcribe", {"name": {"a": 1}})]),
        ("bad-event", [Event("ping", {"text": 5})]),
        ("bad-event", [Event("transcribe", {"context": "here"})]),
        ("bad-event", [Event("transcribe", {"transcript_names": "Anna"})]),
        ("bad-event", [Event("transcribe", {"transcript_terms": ["Anna", 5]})]),
        ("unknown-program", [SelectProgram(name="whisper").event()]),
        ("unknown-program", [Event("select-program")]),
    ],
)
async def test_wrong_request_is_answered_with_its_code(uri: str, code: str, events: list[Event]) -> None:
    assert await _refusal(uri, *events) == code
    assert await _is_well(uri)


async def test_error_arrives_although_the_client_keeps_sending(uri: str, speech: NDArray[np.int16]) -> None:
    """Older Home Assistants read nothing before they have sent all."""
    async with AsyncClient.from_uri(uri) as client:
        await client.write_event(Transcribe(language="fr").event())
        await client.write_event(START)
        for start in range(0, 64_000, 160):
            chunk = AudioChunk(16_000, 2, 1, speech[start : start + 160].tobytes())
            await client.write_event(chunk.event())
        await client.write_event(AudioStop().event())
        (refusal,) = await answer(client)
    assert Error.from_event(refusal).code == "unsupported-language"


async def test_utterance_over_the_limit_is_refused(uri: str) -> None:
    minute = AudioChunk(16_000, 2, 1, bytes(2 * 16_000 * 45)).event()
    assert await _refusal(uri, START, minute, minute) == "too-long"


@pytest.mark.parametrize("events", [[], [START], [START, AudioChunk(16_000, 2, 1, b"").event()]])
async def test_audio_stop_without_audio_is_an_empty_transcript(uri: str, events: list[Event]) -> None:
    async with AsyncClient.from_uri(uri) as client:
        for event in [*events, AudioStop().event()]:
            await client.write_event(event)
        kinds = [event.type for event in await answer(client)]
    assert kinds == ["transcript-start", "transcript", "transcript-stop"]


async def test_odd_byte_counts_shift_nothing(uri: str, speech: NDArray[np.int16]) -> None:
    audio = speech[:64_000].tobytes()
    async with AsyncClient.from_uri(uri) as client:
        await client.write_event(START)
        for start in range(0, len(audio), 333):
            await client.write_event(AudioChunk(16_000, 2, 1, audio[start : start + 333]).event())
        await client.write_event(AudioChunk(16_000, 2, 1, b"\x01").event())
        await client.write_event(AudioStop().event())
        assert "best of times" in (await words(client)).text.lower()


async def test_silence_and_noise_are_empty_transcripts(uri: str, ask: Ask) -> None:
    noise = np.random.default_rng(1).normal(0, 2000, 5 * 16_000).astype(np.int16)
    for samples in (np.zeros(5 * 16_000, np.int16), noise):
        async with AsyncClient.from_uri(uri) as client:
            transcript = await ask(client, samples)
        assert isinstance(transcript, Transcript)
        assert transcript.text == ""


async def test_client_that_vanishes_in_the_middle_harms_nobody(
    uri: str, ask: Ask, speech: NDArray[np.int16]
) -> None:
    parts = urlsplit(uri)
    tasks = len(asyncio.all_tasks())
    for abrupt in (False, True):
        _, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(_line(type="audio-start", data={"rate": 16_000, "width": 2, "channels": 1}))
        header = {"rate": 16_000, "width": 2, "channels": 1}
        writer.write(_line(type="audio-chunk", data=header, payload_length=len(speech) * 2))
        writer.write(speech.tobytes() if abrupt else speech.tobytes()[:-100])
        await asyncio.sleep(0.05)
        if abrupt:  # a reset instead of an orderly end
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.close()
    async with AsyncClient.from_uri(uri) as client:
        assert isinstance(await ask(client, speech[:32_000]), Transcript)
    async with asyncio.timeout(5):
        while len(asyncio.all_tasks()) > tasks:
            await asyncio.sleep(0.01)


async def test_client_that_says_nothing_is_let_go(service: Service) -> None:
    server = WyomingServer(
        "tcp://127.0.0.1:0", dataclasses.replace(service, client_timeout=0.2), max_clients=9
    )
    await server.open()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
    await server.close()


async def test_client_that_does_not_read_is_let_go(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wallflower.interfaces.wyoming.connection._WRITE_SECONDS", 0.2)
    before = psutil.Process().num_fds()
    parts = urlsplit(uri)
    with socket.create_connection((parts.hostname or "", parts.port or 0)) as client:
        client.setblocking(False)
        ping = _line(type="ping", data={"text": "x" * 60_000})
        sent = 0
        while sent < 30_000_000:
            try:
                sent += client.send(ping)
            except BlockingIOError:
                await asyncio.sleep(0.01)
            except ConnectionError:
                break
        else:
            pytest.fail("the server took it all")
    async with asyncio.timeout(5):
        while psutil.Process().num_fds() > before:
            await asyncio.sleep(0.01)
    assert await _is_well(uri)


async def test_failure_of_our_own_is_an_error_of_one_client(
    uri: str, monkeypatch: pytest.MonkeyPatch, log_output: list[dict[str, Any]]
) -> None:
    async def fail(*_arguments: object) -> None:
        raise LookupError("a mistake of ours")

    monkeypatch.setattr("wallflower.listening.session.Session.feed", fail)
    chunk = AudioChunk(16_000, 2, 1, b"\x00" * 640).event()
    assert await _refusal(uri, START, chunk) == "internal-error"
    assert "connection failed" in [line["event"] for line in log_output]
    assert await _is_well(uri)


async def test_hundred_connections_leave_nothing_behind(
    uri: str, ask: Ask, speech: NDArray[np.int16]
) -> None:
    process = psutil.Process()
    parts = urlsplit(uri)

    async def drop_one(number: int) -> None:
        _, writer = await asyncio.open_connection(parts.hostname, parts.port)
        if number % 2:
            writer.write(_line(type="audio-start", data={"rate": 48_000, "width": 2, "channels": 2}))
            writer.write(_line(type="audio-chunk", payload_length=1_000_000) + bytes(500_000))
        writer.close()

    async def drop_hundred() -> None:
        await asyncio.gather(*(drop_one(number) for number in range(100)))
        async with asyncio.timeout(10):
            while process.num_fds() > descriptors:
                await asyncio.sleep(0.01)

    tasks, descriptors = len(asyncio.all_tasks()), process.num_fds()
    await drop_hundred()
    trim()
    before = process.memory_info().rss
    for _ in range(5):
        await drop_hundred()
    trim()
    assert process.memory_info().rss - before < 10_000_000
    assert len(asyncio.all_tasks()) == tasks
    async with AsyncClient.from_uri(uri) as client:
        assert isinstance(await ask(client, speech[:32_000]), Transcript)
