"""Sessions for sound that has no end, with the real VAD and engines; made-up ones only to reach a failure."""

import asyncio
import dataclasses
import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.made_ears import Lent, decoders_of
from wallflower.engines.base import Engine, EngineError, Request, Transcription, Word
from wallflower.events import EndlessEvent, Forming, Passage, PassageLost, Speaking
from wallflower.listening.ears import Ears
from wallflower.listening.manner import Manner
from wallflower.listening.session import Session
from wallflower.speech.segmenting import Segmenting

ENDLESS = Manner(streaming=True, tentative=True, ambient=True, endless=True, word_times=True)
PAUSE = np.zeros(32_000, np.int16)
RATE = 16_000


class Told:
    """A session and all that it tells."""

    def __init__(self, ears: Ears, manner: Manner = ENDLESS) -> None:
        self.events: list[EndlessEvent] = []
        self.session = Session(ears, manner, on_event=self.events.append)

    async def hear(self, samples: NDArray[np.int16], block: int = 4000) -> None:
        for start in range(0, len(samples), block):
            await self.session.feed(samples[start : start + block])

    async def finish(self) -> list[Passage]:
        await self.session.finish()
        await self.session.close()
        return self.passages

    @property
    def passages(self) -> list[Passage]:
        return [event for event in self.events if isinstance(event, Passage)]


class FailsAt(Lent):
    """Fails at one of the segments."""

    def __init__(self, engine: Engine, number: int) -> None:
        super().__init__(engine)
        self._decode = engine.transcribe
        self._left = number
        self.transcribe = self._maybe

    def _maybe(self, samples: NDArray[np.float32], request: Request) -> Transcription:
        self._left -= 1
        if self._left == -1:
            raise EngineError("broken")
        return self._decode(samples, request)


class Recites:
    """Says the same words, evenly spread, whatever it hears."""

    languages = ("en",)
    longest_seconds = 30.0

    def __init__(self, text: str, *, timed: bool = True) -> None:
        self._text, self._timed = text, timed

    def transcribe(self, samples: NDArray[np.float32], request: Request) -> Transcription:
        texts = self._text.split()
        step = len(samples) / RATE / len(texts)
        words = (Word(text, at * step, (at + 1) * step, 0.5) for at, text in enumerate(texts))
        return Transcription(self._text, "en", tuple(words) if self._timed and request.word_times else ())

    def abort(self) -> None:
        pass

    def unload(self) -> None:
        pass


async def test_passages_are_told_as_they_come_with_their_places(
    ears: Ears, speech: NDArray[np.int16]
) -> None:
    told = Told(ears)
    for _ in range(3):
        await told.hear(np.concatenate([PAUSE, speech, PAUSE]))
    passages = [passage for passage in await told.finish() if passage.text]
    assert [passage.text.count("best of times") for passage in passages] == [1, 1, 1]
    length = (len(speech) + 2 * len(PAUSE)) / RATE
    starts = [passage.start - number * length for number, passage in enumerate(passages)]
    assert starts == pytest.approx([starts[0]] * 3, abs=0.1)
    assert all(passage.engine for passage in passages)


async def test_nothing_is_kept_that_was_told(ears: Ears, speech: NDArray[np.int16]) -> None:
    told = Told(ears)
    for _ in range(12):
        await told.hear(np.concatenate([speech[: 5 * RATE], PAUSE]))
    await told.finish()
    session = told.session
    assert len(told.passages) >= 12
    assert not session._passages
    assert len(session._transcript._pieces) <= 12
    assert not session._drafts - {session._draft, session._glance}
    assert not session._outbox._waiting


async def test_words_are_told_while_they_form(ears: Ears, speech: NDArray[np.int16]) -> None:
    told = Told(ears)
    for start in range(0, len(speech), 4000):
        await told.session.feed(speech[start : start + 4000])
        await asyncio.sleep(0.02)
    passage = (await told.finish())[0]
    forming = [event for event in told.events if isinstance(event, Forming) and event.start == passage.start]
    assert forming
    assert all(passage.text.startswith(event.committed) for event in forming)
    kinds = [type(event) for event in told.events]
    assert Forming not in kinds[kinds.index(Passage) :]


async def test_who_speaks_is_told_with_its_time(ears: Ears, speech: NDArray[np.int16]) -> None:
    told = Told(ears)
    await told.hear(np.concatenate([PAUSE, speech[: 5 * RATE], PAUSE, PAUSE]))
    await told.finish()
    begins, ends = (event for event in told.events if isinstance(event, Speaking))
    assert begins.speaking
    assert not ends.speaking
    assert 2.0 <= begins.at < 3.5
    assert 5.5 < ends.at <= 7.1


async def test_sound_that_is_missing_ends_what_is_said_and_shifts_nothing(
    ears: Ears, speech: NDArray[np.int16]
) -> None:
    told = Told(ears)
    await told.hear(speech[: 4 * RATE])
    await told.session.skip_to(1000 * RATE)
    assert told.session.seconds == pytest.approx(1000, abs=0.04)
    await told.hear(speech[: 4 * RATE])
    first, second = await told.finish()
    assert first.text == second.text
    assert first.end <= 4.1
    assert second.start - first.start == pytest.approx(1000, abs=0.05)
    speaking = [event.speaking for event in told.events if isinstance(event, Speaking)]
    assert speaking == [True, False, True]


async def test_a_passage_that_cannot_be_decoded_is_told_and_the_next_ones_come(
    ears: Ears, moonshine: Engine, speech: NDArray[np.int16]
) -> None:
    manner = dataclasses.replace(ENDLESS, streaming=False, tentative=False)
    told = Told(dataclasses.replace(ears, decoders=decoders_of(FailsAt(moonshine, 1))), manner)
    for _ in range(3):
        await told.hear(np.concatenate([speech[: 4 * RATE], PAUSE]))
    passages = await told.finish()
    (lost,) = [event for event in told.events if isinstance(event, PassageLost)]
    assert "broken" in lost.reason
    assert lost.start == pytest.approx(6.6, abs=1)
    assert [passage.text for passage in passages if passage.text] == [passages[0].text] * 2


async def test_words_have_times_that_fit_the_text(both_ears: Ears, speech: NDArray[np.int16]) -> None:
    told = Told(both_ears, dataclasses.replace(ENDLESS, streaming=False, tentative=False))
    await told.hear(np.concatenate([PAUSE, speech]))
    passage = (await told.finish())[0]
    if passage.words:  # where the model tells of them
        assert " ".join(word.text for word in passage.words) == passage.text
        assert 0 <= passage.words[0].start < 1.0
        assert passage.words[-1].end <= passage.end - passage.start + 0.05
    assert passage.confidence is not None
    assert 0 < passage.confidence <= 1


@pytest.mark.parametrize("timed", [True, False])
async def test_speech_that_was_cut_keeps_its_words_and_their_places(
    ears: Ears, speech: NDArray[np.int16], *, timed: bool
) -> None:
    text = " ".join(f"{first}{second}" for first in "abcde" for second in "klmnopqr")
    segmenting = Segmenting(comfortable=100.0, longest=4.0)
    manner = dataclasses.replace(ENDLESS, streaming=False, tentative=False, segmenting=segmenting)
    told = Told(dataclasses.replace(ears, decoders=decoders_of(Recites(text, timed=timed))), manner)
    await told.hear(speech[: 7 * RATE])
    passages = await told.finish()
    assert len(passages) > 1
    for before, after in itertools.pairwise(passages):
        assert before.end <= after.start + 0.01
        assert after.start - before.end < 2
    for passage in passages:
        assert bool(passage.words) == timed
        if timed:
            assert " ".join(word.text for word in passage.words) == passage.text
            assert all(a.start <= b.start for a, b in itertools.pairwise(passage.words))


async def test_a_stricter_ear_hears_less(ears: Ears, speech: NDArray[np.int16]) -> None:
    deaf = Segmenting(threshold=1.01)
    told = Told(ears, dataclasses.replace(ENDLESS, segmenting=deaf))
    await told.hear(speech)
    assert await told.finish() == []
