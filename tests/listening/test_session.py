"""Sessions with the real VAD and engine; a made-up engine only to reach a failure."""

import asyncio
import dataclasses
import time

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.made_ears import decoders_of
from wallflower.engines.base import EngineError, Request, Transcription
from wallflower.events import Passage, Utterance
from wallflower.listening.ears import Ears
from wallflower.listening.session import Session


class BrokenEngine:
    """Fails at every segment."""

    languages = ("en",)
    longest_seconds = 30.0

    def transcribe(self, samples: NDArray[np.float32], request: Request) -> Transcription:
        raise EngineError("broken")

    def abort(self) -> None:
        pass

    def unload(self) -> None:
        pass


class SlowEngine:
    """Takes a while, and says how long the segment was."""

    languages = ("en",)
    longest_seconds = 30.0

    def transcribe(self, samples: NDArray[np.float32], request: Request) -> Transcription:
        time.sleep(0.05)
        return Transcription(f"{len(samples) / 16_000:.1f}", "en")

    def abort(self) -> None:
        pass

    def unload(self) -> None:
        pass


async def _listen(ears: Ears, samples: NDArray[np.int16], block: int = 4096) -> Utterance:
    session = Session(ears)
    try:
        for start in range(0, len(samples), block):
            await session.feed(samples[start : start + block])
        return await session.finish()
    finally:
        await session.close()


async def test_words_language_and_times(ears: Ears, speech: NDArray[np.int16]) -> None:
    utterance = await _listen(ears, speech)
    assert utterance.text.lower().startswith("it was the best of times. it was the worst of times.")
    assert utterance.language == "en"
    assert utterance.seconds == pytest.approx(13.0, abs=0.05)
    assert " ".join(passage.text for passage in utterance.passages) == utterance.text
    assert 0.5 < utterance.passages[0].start < 1.5


async def test_how_the_sound_arrives_makes_no_difference(ears: Ears, speech: NDArray[np.int16]) -> None:
    texts = {(await _listen(ears, speech, block)).text for block in (160, 1000, len(speech))}
    assert len(texts) == 1


@pytest.mark.parametrize("seconds", [0, 0.01, 5])
async def test_silence_is_no_text(ears: Ears, seconds: float) -> None:
    utterance = await _listen(ears, np.zeros(int(seconds * 16_000), np.int16))
    assert utterance.text == ""
    assert utterance.passages == ()


@pytest.mark.parametrize("level", [30, 1000, 8000])
async def test_noise_is_no_text(ears: Ears, level: int) -> None:
    noise = np.random.default_rng(level).normal(0, level, 8 * 16_000).clip(-32768, 32767).astype(np.int16)
    assert (await _listen(ears, noise)).text == ""


async def test_long_speech_comes_in_passages_as_it_goes_on(ears: Ears, speech: NDArray[np.int16]) -> None:
    seen: list[Passage] = []
    session = Session(ears, on_passage=seen.append)
    for _ in range(3):
        await session.feed(speech)
        await session.feed(np.zeros(32_000, np.int16))
    utterance = await session.finish()
    await session.close()
    assert list(utterance.passages) == seen
    assert len(seen) == 3
    assert utterance.text.count("It was the best of times.") == 3


async def test_failing_engine_is_reported(ears: Ears, speech: NDArray[np.int16]) -> None:
    broken = dataclasses.replace(ears, decoders=decoders_of(BrokenEngine()))
    with pytest.raises(EngineError, match="broken"):
        await _listen(broken, speech)


async def test_failing_engine_is_reported_while_the_sound_still_comes(
    ears: Ears, speech: NDArray[np.int16]
) -> None:
    broken = dataclasses.replace(ears, decoders=decoders_of(BrokenEngine()))
    session = Session(broken)

    async def feed_for_ever() -> None:
        while True:
            await session.feed(speech)
            await session.feed(np.zeros(32_000, np.int16))
            await asyncio.sleep(0.01)

    with pytest.raises(EngineError, match="broken"):
        await asyncio.wait_for(feed_for_ever(), 20)
    await session.close()


async def test_source_that_is_faster_than_the_engine_waits(ears: Ears, speech: NDArray[np.int16]) -> None:
    slow = dataclasses.replace(ears, decoders=decoders_of(SlowEngine()))
    session = Session(slow)
    for _ in range(30):
        await session.feed(np.concatenate([speech[:48_000], np.zeros(32_000, np.int16)]))
    assert slow.lane.counts.jobs.total() >= 15  # of 30; without waiting it would have hardly begun
    utterance = await session.finish()
    assert len(utterance.passages) == 30
    await session.close()


async def test_close_in_the_middle_leaves_no_task(ears: Ears, speech: NDArray[np.int16]) -> None:
    before = asyncio.all_tasks()
    session = Session(ears)
    await session.feed(np.concatenate([speech, np.zeros(32_000, np.int16), speech]))
    await asyncio.sleep(0.05)
    await session.close()
    assert asyncio.all_tasks() == before


async def test_sessions_at_once_get_each_their_own_words(ears: Ears, speech: NDArray[np.int16]) -> None:
    first, second = speech[: 16_000 * 5], speech[16_000 * 5 :]
    alone = [(await _listen(ears, part)).text for part in (first, second)]
    together = await asyncio.gather(*(_listen(ears, part, 320) for part in (first, second) * 3))
    assert [utterance.text for utterance in together] == alone * 3
    assert alone[0] != alone[1]
