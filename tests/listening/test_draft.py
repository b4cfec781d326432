"""Drafts of a segment; the decoding is made up, so that it ends when a test says so."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.engines.step_engine import until
from wallflower.engines.base import EngineError, Transcription
from wallflower.listening.draft import Draft
from wallflower.speech.agreement import Agreement
from wallflower.speech.pacing import Pace, PartialCounts
from wallflower.speech.segmenting import Segment

SOUND = np.zeros(16_000, np.float32)
SPOKEN = Segment(0, 16_000, 12_000)


@dataclass
class Call:
    prefix: str
    final: bool
    answer: "asyncio.Future[Transcription]" = field(default_factory=asyncio.Future)


class Bench:
    """A draft, what it asks, and what it tells."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.told: list[str] = []
        pace = Pace(every=0.5, share=1.0, counts=PartialCounts())
        self.draft = Draft(Agreement(), self._decode, pace, self._tell)

    def answer(self, text: str) -> None:
        """The call under way gives this."""
        self.calls[-1].answer.set_result(Transcription(text, "en"))

    def listen_in(self, sound: float) -> None:
        self.draft.listen_in(lambda: SOUND, sound=sound, lane_share=0)

    async def _decode(self, _samples: NDArray[np.float32], prefix: str, final: bool) -> Transcription:
        self.calls.append(Call(prefix, final))
        return await self.calls[-1].answer

    def _tell(self, agreement: Agreement, transcription: Transcription) -> None:
        assert agreement is self.draft.agreement
        agreement.update([f" {word}" for word in transcription.text.split()])
        self.told.append(transcription.text)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    bench = Bench()
    yield bench
    await bench.draft.close()
    assert not bench.draft._tasks


async def test_speculation_is_the_answer_when_nothing_was_said_since(bench: Bench) -> None:
    bench.draft.speculate(SPOKEN, SOUND)
    await until(lambda: bench.calls)
    assert bench.calls[0].final
    bench.answer("all of it")
    later = Segment(0, 20_000, 12_000)
    assert (await bench.draft.final(later, SOUND)).text == "all of it"
    assert len(bench.calls) == 1


async def test_speculation_under_way_is_waited_for(bench: Bench) -> None:
    bench.draft.speculate(SPOKEN, SOUND)
    final = asyncio.create_task(bench.draft.final(SPOKEN, SOUND))
    await until(lambda: bench.calls)
    bench.answer("all of it")
    assert (await final).text == "all of it"
    assert len(bench.calls) == 1


async def test_one_silence_is_speculated_on_once(bench: Bench) -> None:
    for end in (15_000, 16_000, 17_000):
        bench.draft.speculate(Segment(0, end, 12_000), SOUND)
        await asyncio.sleep(0)
    assert len(bench.calls) == 1


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize(
    "segment",
    [Segment(0, 30_000, 28_000), Segment(512, 16_000, 12_000), Segment(0, 16_000, 12_000, cut=True)],
)
async def test_speculation_is_not_the_answer_when_speech_went_on(
    bench: Bench, segment: Segment, done: bool
) -> None:
    bench.draft.speculate(SPOKEN, SOUND)
    await until(lambda: bench.calls)
    if done:
        bench.answer("half of it")
        await until(lambda: bench.told)
    final = asyncio.create_task(bench.draft.final(segment, SOUND))
    await until(lambda: len(bench.calls) == 2)
    bench.answer("all of it")
    assert (await final).text == "all of it"
    assert bench.calls[0].answer.cancelled() is not done


async def test_next_silence_is_speculated_on_anew(bench: Bench) -> None:
    bench.draft.speculate(SPOKEN, SOUND)
    await until(lambda: bench.calls)
    longer = Segment(0, 30_000, 28_000)
    bench.draft.speculate(longer, SOUND)
    await until(lambda: len(bench.calls) == 2)
    assert bench.calls[0].answer.cancelled()
    bench.answer("all of it")
    assert (await bench.draft.final(longer, SOUND)).text == "all of it"


async def test_failed_speculation_is_decoded_once_more(bench: Bench) -> None:
    bench.draft.speculate(SPOKEN, SOUND)
    await until(lambda: bench.calls)
    bench.calls[0].answer.set_exception(EngineError("too busy"))
    final = asyncio.create_task(bench.draft.final(SPOKEN, SOUND))
    await until(lambda: len(bench.calls) == 2)
    bench.answer("all of it")
    assert (await final).text == "all of it"


async def test_failure_of_the_final_is_told(bench: Bench) -> None:
    final = asyncio.create_task(bench.draft.final(SPOKEN, SOUND))
    await until(lambda: bench.calls)
    bench.calls[0].answer.set_exception(EngineError("broken"))
    with pytest.raises(EngineError, match="broken"):
        await final


async def test_partial_is_dropped_when_the_final_comes(bench: Bench) -> None:
    bench.listen_in(1)
    await until(lambda: bench.calls)
    assert not bench.calls[0].final
    final = asyncio.create_task(bench.draft.final(SPOKEN, SOUND))
    await until(lambda: len(bench.calls) == 2)
    assert bench.calls[0].answer.cancelled()
    bench.answer("all of it")
    assert (await final).text == "all of it"
    assert bench.told == []


async def test_partial_that_ends_as_the_final_comes_tells_nothing(bench: Bench) -> None:
    bench.listen_in(1)
    await until(lambda: bench.calls)
    bench.answer("late")
    final = asyncio.create_task(bench.draft.final(SPOKEN, SOUND))
    bench.draft._drop(bench.draft._partial)
    await until(lambda: len(bench.calls) == 2)
    bench.answer("all of it")
    await final
    assert bench.told == []


async def test_failed_partial_is_no_loss(bench: Bench) -> None:
    bench.listen_in(1)
    await until(lambda: bench.calls)
    bench.calls[0].answer.set_exception(EngineError("something more urgent"))
    await asyncio.sleep(0.01)
    bench.listen_in(2)
    await until(lambda: len(bench.calls) == 2)
    bench.answer("it was")
    await until(lambda: bench.told)
    assert bench.told == ["it was"]


async def test_one_partial_at_a_time(bench: Bench) -> None:
    for sound in (1, 2, 3):
        bench.listen_in(sound)
        await asyncio.sleep(0)
    assert len(bench.calls) == 1


async def test_what_two_agree_on_is_given_to_the_next(bench: Bench) -> None:
    for sound in (1, 2):
        bench.listen_in(sound)
        await until(lambda sound=sound: len(bench.calls) == sound)  # type: ignore[misc]
        bench.answer("it was the best")
        await until(lambda sound=sound: len(bench.told) == sound)  # type: ignore[misc]
        await asyncio.sleep(0)
    bench.draft.speculate(SPOKEN, SOUND)
    await until(lambda: len(bench.calls) == 3)
    assert [call.prefix for call in bench.calls] == ["", "", " it was the"]


async def test_closing_stops_all(bench: Bench) -> None:
    bench.listen_in(1)
    await asyncio.sleep(0)
    bench.draft.speculate(SPOKEN, SOUND)
    await asyncio.sleep(0)
    await bench.draft.close()
    assert all(call.answer.cancelled() for call in bench.calls)
