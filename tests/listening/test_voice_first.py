"""Somebody who waits for an answer goes before those who are only listened to."""

import asyncio
import dataclasses
import time

import numpy as np
from numpy.typing import NDArray

from tests.listening.test_session import SlowEngine
from tests.made_ears import decoders_of
from wallflower.engines.base import Request, Transcription
from wallflower.events import EndlessEvent, Passage
from wallflower.listening.ears import Ears
from wallflower.listening.manner import Manner
from wallflower.listening.session import Session

PAUSE = np.zeros(32_000, np.int16)


class SlowerEngine(SlowEngine):
    """Needs a third of a second for a segment."""

    def transcribe(self, samples: NDArray[np.float32], request: Request) -> Transcription:
        time.sleep(0.3)
        return super().transcribe(samples, request)


async def test_a_command_is_answered_while_two_sources_talk(ears: Ears, speech: NDArray[np.int16]) -> None:
    slow = dataclasses.replace(ears, decoders=decoders_of(SlowerEngine()))
    told: list[EndlessEvent] = []
    ambient = [
        Session(slow, Manner(streaming=True, ambient=True, endless=True), on_event=told.append)
        for _ in range(2)
    ]
    sound = np.concatenate([speech[: 3 * 16_000], PAUSE] * 5)

    async def talk(session: Session) -> None:
        await session.feed(sound)
        await session.finish()

    talking = [asyncio.create_task(talk(session)) for session in ambient]
    while slow.lane.waiting < 4:
        await asyncio.sleep(0.01)
    voice = Session(slow)
    await voice.feed(speech[: 2 * 16_000])
    utterance = await voice.finish()
    assert utterance.text
    done = sum(isinstance(event, Passage) for event in told)
    await asyncio.gather(*talking)
    for session in (voice, *ambient):
        await session.close()
    assert done < sum(isinstance(event, Passage) for event in told)
