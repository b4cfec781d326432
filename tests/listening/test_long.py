"""Utterances of an hour: what a session keeps beside its sound. The VAD and the engine are made up, as the
real ones take minutes for so much.
"""

import asyncio
import gc
import random
import string
import tracemalloc
from collections.abc import Callable
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.made_ears import ears_of
from wallflower.engines.base import Request, Transcription
from wallflower.events import Committed
from wallflower.listening.ears import Ears
from wallflower.listening.manner import Manner
from wallflower.listening.session import Session
from wallflower.speech.vad import SileroVad, VadState

MEGABYTE = 1_000_000
SECOND = np.random.default_rng(4).integers(-3000, 3000, 16_000, np.int16)
"""Audible, or no text would be believed."""
MINUTES = 60


class MadeUpVad:
    """Says of each frame of 32 ms, by its number, how likely it is speech."""

    def __init__(self, speech: Callable[[NDArray[np.int64]], NDArray[np.bool_]]) -> None:
        self._speech = speech
        self._frame = 0

    def probabilities(self, frames: NDArray[np.int16], _state: VadState) -> NDArray[np.float32]:
        numbers = np.arange(self._frame, self._frame + len(frames))
        self._frame += len(frames)
        return np.where(self._speech(numbers), 0.9, 0.02).astype(np.float32)


class TalkativeEngine:
    """Hears five words in every two seconds of sound; not the same ones, as that would not be believed."""

    languages = ("en",)
    longest_seconds = 30.0

    def __init__(self) -> None:
        self._chance = random.Random(4)

    def transcribe(self, samples: NDArray[np.float32], request: Request) -> Transcription:
        words = [request.prefix] if request.prefix else []
        count = len(samples) * 5 // 32_000
        words.extend("".join(self._chance.choices(string.ascii_lowercase, k=6)) for _ in range(count))
        return Transcription(" ".join(words), "en")

    def abort(self) -> None:
        pass

    def unload(self) -> None:
        pass


def _nobody(frames: NDArray[np.int64]) -> NDArray[np.bool_]:
    return np.zeros(len(frames), np.bool_)


def _without_a_pause(frames: NDArray[np.int64]) -> NDArray[np.bool_]:
    return np.ones(len(frames), np.bool_)


def _sentences(frames: NDArray[np.int64]) -> NDArray[np.bool_]:
    """4 s of speech, then 0.5 s of silence; after ten of those 3 s."""
    place = frames % 1500
    return (place % 140 < 125) & (place < 1400)


async def _hear(ears: Ears, session: Session, minutes: int) -> None:
    for _ in range(60 * minutes):
        await session.feed(SECOND)


@pytest.mark.parametrize("speech", [_nobody, _without_a_pause, _sentences])
@pytest.mark.parametrize("manner", [Manner(streaming=True, tentative=True), Manner()])
async def test_an_hour_keeps_less_than_a_megabyte(
    speech: Callable[[NDArray[np.int64]], NDArray[np.bool_]], manner: Manner
) -> None:
    vad = cast("SileroVad", MadeUpVad(speech))
    async with ears_of(vad, TalkativeEngine()) as ears:
        told: list[str] = []
        session = Session(ears, manner)

        async def listen() -> None:
            told.extend([event.text async for event in session.events() if isinstance(event, Committed)])

        listening = asyncio.create_task(listen())
        await _hear(ears, session, 1)
        gc.collect()
        tracemalloc.start()
        try:
            await _hear(ears, session, MINUTES)
            utterance = await session.finish()
            await listening
            gc.collect()
            kept, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        sound = len(session._sound._bytes)
        await session.close()
    assert utterance.seconds == 60 * (MINUTES + 1)
    assert "".join(told) == utterance.text
    assert kept - sound < MEGABYTE
    assert most < 16 * MEGABYTE  # 30 s before the VAD, and segments before the lane
