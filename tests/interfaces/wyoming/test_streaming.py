"""Words that come while somebody speaks, over TCP, with the protocol's own client and the real engines."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from wyoming.asr import Transcribe, Transcript, TranscriptChunk, TranscriptStart, VadSensitivity
from wyoming.audio import AudioChunk, AudioStop
from wyoming.client import AsyncClient
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Describe, Info, SelectProgram
from wyoming.ping import Ping

from tests.interfaces.wyoming.conversation import START, answer, send, words
from wallflower.interfaces.wyoming.connection import Service
from wallflower.interfaces.wyoming.info import info_of
from wallflower.interfaces.wyoming.server import WyomingServer
from wallflower.listening.ears import Ears

Ask = Callable[..., Awaitable[Transcript | Error | None]]
PAUSE = np.zeros(11_200, np.int16)  # 700 ms, as Home Assistant leaves
HALF_SECOND = np.zeros(8_000, np.int16)


@pytest.fixture
def both_service(service: Service, both_ears: Ears) -> Service:
    """With Whisper, and Moonshine as the quick engine."""
    decoders = both_ears.decoders
    return dataclasses.replace(
        service, ears=both_ears, describe=lambda: info_of(decoders.model, quick=decoders.quick_model)
    )


async def _served(service: Service, max_clients: int = 40) -> AsyncIterator[str]:
    server = WyomingServer("tcp://127.0.0.1:0", service, max_clients=max_clients)
    await server.open()
    yield f"tcp://127.0.0.1:{server.port}"
    await server.close()


@pytest.fixture
async def both_uri(both_service: Service) -> AsyncIterator[str]:
    async for uri in _served(both_service):
        yield uri


@pytest.fixture
async def ending_uri(service: Service) -> AsyncIterator[str]:
    """A server that tells when the speaker has finished."""
    async for uri in _served(dataclasses.replace(service, endpointing=True)):
        yield uri


def _kinds(events: list[Event]) -> list[str]:
    return [event.type for event in events]


async def _begin(client: AsyncClient, request: Transcribe | None = None) -> None:
    await client.write_event((request or Transcribe(language="en")).event())
    await client.write_event(START)


@pytest.mark.parametrize("speed", [0, 4])
async def test_events_come_in_order_and_the_chunks_are_the_text(
    both_uri: str, speech: NDArray[np.int16], speed: float
) -> None:
    """The client reads nothing before it has sent all."""
    async with AsyncClient.from_uri(both_uri) as client:
        await _begin(client)
        await send(client, np.concatenate([speech, PAUSE]), speed=speed)
        await client.write_event(AudioStop().event())
        start, *chunks, transcript, stop = await answer(client)
    assert _kinds([start, transcript, stop]) == ["transcript-start", "transcript", "transcript-stop"]
    assert set(_kinds(chunks)) == {"transcript-chunk"}
    text = "".join(TranscriptChunk.from_event(chunk).text for chunk in chunks)
    assert text == Transcript.from_event(transcript).text
    assert text.startswith("It was the best of times, it was the worst of times")
    assert TranscriptStart.from_event(start).language == Transcript.from_event(transcript).language == "en"


async def test_words_come_before_the_sound_ends(both_uri: str, speech: NDArray[np.int16]) -> None:
    async with AsyncClient.from_uri(both_uri) as client:
        await _begin(client)
        sending = asyncio.create_task(send(client, np.concatenate([speech] * 8), speed=2))
        first = [await asyncio.wait_for(client.read_event(), 60) for _ in range(2)]
        assert not sending.done()
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
    assert [event.type for event in first if event] == ["transcript-start", "transcript-chunk"]


async def test_context_is_given_back(uri: str, speech: NDArray[np.int16]) -> None:
    context = {"conversation": "7", "nested": {"names": ["Jürgen", "雪"]}}
    async with AsyncClient.from_uri(uri) as client:
        for given in (context, None):
            await _begin(client, Transcribe(context=given))
            await send(client, speech[:32_000])
            await client.write_event(AudioStop().event())
            start, *_, transcript, _ = await answer(client)
            assert TranscriptStart.from_event(start).context == given
            assert Transcript.from_event(transcript).context == given


@pytest.mark.parametrize(
    "event", [Transcribe(context={"a": "\ud800"}).event(), Ping(text="\ud800").event()], ids=lambda e: e.type
)
async def test_context_that_cannot_be_written_is_an_error(uri: str, event: Event) -> None:
    """JSON can spell half of a surrogate pair, which is no text; the library would not send it."""
    line = b'{"type": "%s", "data": %s}\n' % (
        event.type.encode(),
        b'{"context": {"a": "\\ud800"}}' if event.data.get("context") else b'{"text": "\\ud800"}',
    )
    async with AsyncClient.from_uri(uri) as client:
        client._writer.write(line)
        await client.write_event(START)
        await client.write_event(AudioStop().event())
        refusal = (await answer(client))[-1]
    assert Error.from_event(refusal).code == "bad-event"


async def test_a_name_that_was_nearly_heard_is_mended(uri: str, ask: Ask, speech: NDArray[np.int16]) -> None:
    texts = []
    async with AsyncClient.from_uri(uri) as client:
        for names in ([], ["Best of Thymes"]):
            transcript = await ask(client, speech[:64_000], request=Transcribe(transcript_names=names))
            assert isinstance(transcript, Transcript)
            texts.append(transcript.text)
    assert "best of times" in texts[0].lower()
    assert "Best of Thymes" in texts[1]


async def test_the_transcript_comes_without_an_audio_stop_and_late_sound_is_ignored(
    ending_uri: str, ask: Ask, speech: NDArray[np.int16]
) -> None:
    async with AsyncClient.from_uri(ending_uri) as client:
        await _begin(client)
        await send(client, speech[:64_000], speed=10)
        await send(client, PAUSE, block=512, speed=10)
        first = await words(client)
        await send(client, speech[:64_000])
        await client.write_event(AudioStop().event())
        await client.write_event(Ping(text="still here").event())
        pong = await asyncio.wait_for(client.read_event(), 10)
        assert pong is not None
        assert pong.type == "pong"
        second = await ask(client, speech[64_000:112_000])
    assert "best of times" in first.text.lower()
    assert isinstance(second, Transcript)
    assert "wisdom" in second.text.lower()


async def test_a_client_that_never_pauses_between_its_events_is_answered_early_too(
    ending_uri: str, speech: NDArray[np.int16]
) -> None:
    async with AsyncClient.from_uri(ending_uri) as client:
        await _begin(client)
        await send(client, speech[:64_000])
        sending = asyncio.create_task(send(client, np.zeros(16_000 * 60, np.int16), block=512))
        assert "best of times" in (await words(client)).text.lower()
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


async def test_an_audio_stop_still_ends_it(ending_uri: str, ask: Ask, speech: NDArray[np.int16]) -> None:
    async with AsyncClient.from_uri(ending_uri) as client:
        transcript = await ask(client, speech[:64_000])
    assert isinstance(transcript, Transcript)
    assert "best of times" in transcript.text.lower()


@pytest.mark.parametrize("sensitivity", ["relaxed", "from the future", *VadSensitivity])
async def test_the_client_says_how_soon_it_ends(
    ending_uri: str, speech: NDArray[np.int16], sensitivity: str
) -> None:
    """After 0.4 s of silence only the aggressive one has ended."""
    async with AsyncClient.from_uri(ending_uri) as client:
        await _begin(client, Transcribe(vad_sensitivity=sensitivity))
        await send(client, speech[:64_000], speed=10)
        await send(client, HALF_SECOND[:6_400], block=512, speed=10)
        if sensitivity == VadSensitivity.AGGRESSIVE:
            assert "times" in (await words(client)).text.lower()
            return
        await asyncio.sleep(0.3)
        await client.write_event(AudioStop().event())
        await client.write_event(Ping().event())
        events = await answer(client)
    assert events[-1].type == "transcript-stop"


async def test_programs_are_listed_and_chosen(both_uri: str, ask: Ask, speech: NDArray[np.int16]) -> None:
    texts = {}
    async with AsyncClient.from_uri(both_uri) as client:
        await client.write_event(Describe().event())
        described = await client.read_event()
        assert described is not None
        programs = Info.from_event(described).asr
        assert [program.name for program in programs] == ["Wallflower", "accurate", "fast"]
        for program in programs:
            await client.write_event(SelectProgram(name=program.name).event())
            request = Transcribe(name=program.models[0].name, language="en")
            transcript = await ask(client, speech[:64_000], request=request)
            assert isinstance(transcript, Transcript)
            texts[program.name] = transcript.text
    assert texts["Wallflower"] == texts["accurate"] != texts["fast"]


@pytest.mark.parametrize(
    ("code", "events"),
    [
        ("unknown-program", [SelectProgram(name="quick").event()]),
        ("unsupported-language", [SelectProgram(name="fast").event(), Transcribe(language="de").event()]),
        ("unknown-model", [SelectProgram(name="fast").event(), Transcribe(name="whisper").event()]),
    ],
)
async def test_what_a_program_cannot_do_is_refused(both_uri: str, code: str, events: list[Event]) -> None:
    async with AsyncClient.from_uri(both_uri) as client:
        for event in events:
            await client.write_event(event)
        (refusal,) = await answer(client)
    assert Error.from_event(refusal).code == code


async def test_the_default_program_speaks_what_its_model_does(
    both_uri: str, ask: Ask, speech: NDArray[np.int16]
) -> None:
    async with AsyncClient.from_uri(both_uri) as client:
        transcript = await ask(client, speech[:32_000], request=Transcribe(language="de"))
    assert isinstance(transcript, Transcript)
    assert transcript.language == "de"


async def test_nothing_comes_after_an_error(both_service: Service, speech: NDArray[np.int16]) -> None:
    """Words of an utterance that is too long are still on their way then."""
    async for uri in _served(dataclasses.replace(both_service, max_utterance_seconds=14)):
        async with AsyncClient.from_uri(uri) as client:
            await _begin(client)
            await send(client, speech, speed=8)
            await send(client, speech[:32_000])
            events = await answer(client)
            assert Error.from_event(events[-1]).code == "too-long"
            assert await asyncio.wait_for(client.read_event(), 5) is None


@pytest.mark.parametrize("seconds", [0.05, 0.5, 1.5])
async def test_a_client_that_vanishes_while_its_words_come_leaves_nothing(
    both_uri: str, both_ears: Ears, ask: Ask, speech: NDArray[np.int16], seconds: float
) -> None:
    before = len(asyncio.all_tasks())
    async with AsyncClient.from_uri(both_uri) as client:
        await _begin(client)
        await send(client, speech[: round(seconds * 4 * 16_000)], speed=4)
    async with asyncio.timeout(10):
        while len(asyncio.all_tasks()) > before or both_ears.lane.waiting:
            await asyncio.sleep(0.01)
    async with AsyncClient.from_uri(both_uri) as client:
        assert isinstance(await ask(client, speech[:32_000]), Transcript)


async def test_the_thirty_third_is_refused_and_the_others_go_on(
    service: Service, speech: NDArray[np.int16]
) -> None:
    async for uri in _served(service, max_clients=32):
        clients = [AsyncClient.from_uri(uri) for _ in range(32)]
        for client in clients:
            await client.connect()
            await _begin(client)
        async with AsyncClient.from_uri(uri) as late:
            (refusal,) = await answer(late)
        assert Error.from_event(refusal).code == "busy"
        await asyncio.gather(*(send(client, speech[:32_000]) for client in clients))
        for client in clients:
            await client.write_event(AudioStop().event())
        for transcript in await asyncio.gather(*map(words, clients)):
            assert "best" in transcript.text.lower()
        for client in clients:
            await client.disconnect()


async def test_chunks_of_another_format_in_the_middle_of_words(uri: str, speech: NDArray[np.int16]) -> None:
    stereo = speech[64_000:].repeat(2)
    async with AsyncClient.from_uri(uri) as client:
        await _begin(client)
        await send(client, speech[:64_000], speed=10)
        for start in range(0, len(stereo), 2048):
            audio = stereo[start : start + 2048].tobytes()
            await client.write_event(AudioChunk(16_000, 2, 2, audio).event())
        await client.write_event(AudioStop().event())
        assert "incredulity" in (await words(client)).text.lower()
