"""What a Wyoming client sends of an utterance, and what it gets back."""

import asyncio

import numpy as np
from numpy.typing import NDArray
from wyoming.asr import Transcript, TranscriptStop
from wyoming.audio import AudioChunk, AudioStart
from wyoming.client import AsyncClient
from wyoming.error import Error
from wyoming.event import Event

START = AudioStart(16_000, 2, 1).event()


async def send(
    client: AsyncClient, samples: NDArray[np.int16], *, block: int = 1024, speed: float = 0
) -> None:
    """Send mono 16 kHz samples; speed: times as quick as they were spoken, 0: as quick as they are taken."""
    for start in range(0, len(samples), block):
        audio = samples[start : start + block].tobytes()
        await client.write_event(AudioChunk(16_000, 2, 1, audio).event())
        if speed:
            await asyncio.sleep(block / 16_000 / speed)


async def answer(client: AsyncClient) -> list[Event]:
    """All events up to the end of the transcript, an error, or the end of the connection."""
    events = []
    async with asyncio.timeout(60):
        while (event := await client.read_event()) is not None:
            events.append(event)
            if TranscriptStop.is_type(event.type) or Error.is_type(event.type):
                break
    return events


async def words(client: AsyncClient) -> Transcript:
    """The transcript of what was sent."""
    events = await answer(client)
    (transcript,) = (event for event in events if Transcript.is_type(event.type))
    return Transcript.from_event(transcript)
