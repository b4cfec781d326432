"""Speaking to a server or to a session as people do: in real time."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncClient

from command import BenchmarkError
from wallflower.audio.pcm import SAMPLE_RATE
from wallflower.events import Committed, Passage, StreamEvent, Tentative, Utterance
from wallflower.listening.ears import Ears
from wallflower.listening.manner import Manner
from wallflower.listening.session import Session

TRAILING_SECONDS = 0.7
"""Silence that Home Assistant's segmenter leaves at the end of a command."""
_CHUNK_SAMPLES = 1024
_LONGEST_SECONDS = 120.0


@dataclass(slots=True)
class Told:
    """What a listener told. seconds: from `audio-stop`, or from the end of speech, to the text. first: from
    the first sample to the first chunk, or None. chunks: as they came.
    """

    text: str
    seconds: float
    first: float | None = None
    chunks: list[str] = field(default_factory=list)


def with_silence(samples: NDArray[np.int16], seconds: float = TRAILING_SECONDS) -> NDArray[np.int16]:
    """The same sound and then silence."""
    return np.concatenate([samples, np.zeros(int(seconds * SAMPLE_RATE), np.int16)])


async def in_real_time(samples: NDArray[np.int16], speed: float = 1.0) -> AsyncIterator[NDArray[np.int16]]:
    """Pieces of the sound, each at the moment at which its last sample was spoken."""
    begun = time.perf_counter()
    for start in range(0, len(samples), _CHUNK_SAMPLES):
        piece = samples[start : start + _CHUNK_SAMPLES]
        due = begun + (start + len(piece)) / SAMPLE_RATE / speed
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        yield piece


async def say_to_server(uri: str, samples: NDArray[np.int16], *, speech_ends: float | None = None) -> Told:
    """Speak to the server at `uri` in real time, and time its answer.

    speech_ends: seconds after which nobody speaks any more, for a server that ends the utterance by itself:
    the answer is timed from there. None: it is timed from `audio-stop`. Raises BenchmarkError.
    """
    form = {"rate": SAMPLE_RATE, "width": 2, "channels": 1}
    told = Told("", 0.0)
    try:
        async with asyncio.timeout(_LONGEST_SECONDS), AsyncClient.from_uri(uri) as client:
            await client.write_event(Transcribe(language="en").event())
            await client.write_event(AudioStart(**form).event())
            begun = time.perf_counter()
            answering = asyncio.create_task(_answer(client, told, begun))
            try:
                async for piece in in_real_time(samples):
                    if answering.done():
                        break
                    await client.write_event(AudioChunk(audio=piece.tobytes(), **form).event())
                stopped = time.perf_counter() if speech_ends is None else begun + speech_ends
                if not answering.done():
                    await client.write_event(AudioStop().event())
                told.seconds = await answering - stopped
            finally:
                answering.cancel()
    except (TimeoutError, OSError) as error:
        raise BenchmarkError(f"{uri} gave no transcript: {error}") from error
    return told


async def _answer(client: AsyncClient, told: Told, begun: float) -> float:
    """When the transcript came."""
    while (event := await client.read_event()) is not None:
        if event.type == "transcript-chunk":
            told.first = told.first or time.perf_counter() - begun
            told.chunks.append(event.data["text"])
        elif Transcript.is_type(event.type):
            told.text = Transcript.from_event(event).text
            return time.perf_counter()
        elif event.type == "error":
            raise BenchmarkError(f"it answered with an error: {event.data.get('text')}")
    raise BenchmarkError("it closed the connection without a transcript")


@dataclass(slots=True)
class Streamed:
    """What a session told. first: seconds from the first sample to the first tentative words, or None.
    taken_back: whether the committed words were ever other than the beginning of the text.
    """

    text: str
    seconds: float
    first: float | None
    taken_back: bool
    passages: list[Passage]


async def say_to_session(
    ears: Ears, samples: NDArray[np.int16], manner: Manner, *, speed: float = 1.0
) -> Streamed:
    """Speak to a session, in real time or so many times quicker, and listen to what it tells."""
    session = Session(ears, manner)
    events: list[tuple[float, StreamEvent]] = []

    async def listen() -> None:
        async for event in session.events():
            at = time.perf_counter()
            events.append((at, event))

    listening = asyncio.create_task(listen())
    begun = time.perf_counter()
    try:
        async for piece in in_real_time(samples, speed):
            await session.feed(piece)
        stopped = time.perf_counter()
        utterance = await session.finish()
        done = time.perf_counter()
        await listening
    finally:
        await session.close()
        listening.cancel()
    committed = "".join(event.text for _, event in events if isinstance(event, Committed))
    ended = [event for _, event in events if isinstance(event, Utterance)]
    first = next((at for at, event in events if isinstance(event, Tentative) and event.text), None)
    return Streamed(
        utterance.text,
        done - stopped,
        None if first is None else first - begun,
        committed != utterance.text or ended != [utterance],
        [event for _, event in events if isinstance(event, Passage)],
    )
