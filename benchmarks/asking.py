"""Asking a Wyoming server for words, as Home Assistant does: a connection for each utterance."""

import asyncio
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncClient
from wyoming.info import Describe, Info

from command import BenchmarkError
from wallflower.audio.pcm import SAMPLE_RATE

_CHUNK_SAMPLES = 1024
_CONSUME_SECONDS = 0.3
_LONGEST_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server made of an utterance. seconds: from sending `audio-stop` to having `transcript`."""

    text: str
    seconds: float


async def transcribe(uri: str, samples: NDArray[np.int16]) -> Answer:
    """Have the server at `uri` transcribe mono 16 kHz samples.

    The sound goes out as fast as it is accepted. Then, before `audio-stop`, the server has 0.3 s to take
    in what has come: a speaker gives it that time while speaking, and only the work that is left after the
    end of speech keeps them waiting. Raises BenchmarkError when there is no answer.
    """
    form = {"rate": SAMPLE_RATE, "width": 2, "channels": 1}
    try:
        async with asyncio.timeout(_LONGEST_SECONDS), AsyncClient.from_uri(uri) as client:
            await client.write_event(Transcribe(language="en").event())
            await client.write_event(AudioStart(**form).event())
            for start in range(0, len(samples), _CHUNK_SAMPLES):
                sound = samples[start : start + _CHUNK_SAMPLES].tobytes()
                await client.write_event(AudioChunk(audio=sound, **form).event())
            await asyncio.sleep(_CONSUME_SECONDS)
            stopped = time.perf_counter()
            await client.write_event(AudioStop().event())
            while (event := await client.read_event()) is not None:
                if Transcript.is_type(event.type):
                    return Answer(Transcript.from_event(event).text, time.perf_counter() - stopped)
                if event.type == "error":
                    raise BenchmarkError(f"{uri} answered with an error: {event.data.get('text')}")
    except TimeoutError as error:
        raise BenchmarkError(f"{uri} gave no transcript within {_LONGEST_SECONDS:.0f} s") from error
    except OSError as error:
        raise BenchmarkError(f"{uri} gave no transcript: {error}") from error
    raise BenchmarkError(f"{uri} closed the connection without a transcript; its log says why")


async def answers_describe(uri: str) -> bool:
    """Whether a server at `uri` answers `describe` now."""
    try:
        async with asyncio.timeout(5), AsyncClient.from_uri(uri) as client:
            await client.write_event(Describe().event())
            while (event := await client.read_event()) is not None:
                if Info.is_type(event.type):
                    return True
    except (OSError, TimeoutError):
        pass
    return False
