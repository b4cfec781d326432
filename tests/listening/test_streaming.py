"""Sessions that tell while they listen, with the real engines. Sound comes in step with the decoding where it
matters what is decoded, so that no outcome hangs on the machine's pace.
"""

import asyncio
import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.engines.step_engine import until
from tests.made_ears import Lent, decoders_of, ears_of
from wallflower.engines.base import Engine, EngineError, Request, Transcription
from wallflower.engines.lane import Priority
from wallflower.engines.moonshine import MoonshineEngine
from wallflower.engines.whisper_openvino import WhisperOpenVinoEngine
from wallflower.events import Committed, Endpoint, Passage, StreamEvent, Tentative, Utterance
from wallflower.listening.ears import Ears
from wallflower.listening.manner import Manner
from wallflower.listening.session import Session
from wallflower.speech.endpointing import Endpointing
from wallflower.speech.segmenting import Segmenter, Segmenting
from wallflower.speech.vad import SileroVad

STREAMING = Manner(streaming=True)
PAUSE = np.zeros(11_200, np.int16)  # 700 ms


class Counted(Lent):
    """Counts what is asked of an engine."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.requests: list[Request] = []
        self._decode = engine.transcribe
        self.transcribe = self._counted

    def _counted(self, samples: NDArray[np.float32], request: Request) -> Transcription:
        self.requests.append(request)
        return self._decode(samples, request)


class Listener:
    """A session and all that it tells."""

    def __init__(self, ears: Ears, manner: Manner = STREAMING) -> None:
        self.session = Session(ears, manner)
        self.events: list[StreamEvent] = []
        self._ears = ears
        self._listening = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        async for event in self.session.events():
            self.events.append(event)

    @property
    def committed(self) -> str:
        return "".join(event.text for event in self.events if isinstance(event, Committed))

    @property
    def tentative(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, Tentative) and event.text]

    async def hear(self, samples: NDArray[np.int16], block: int = 4000) -> None:
        """Feed the sound; go on each time when all is decoded that can be."""
        for start in range(0, len(samples), block):
            await self.session.feed(samples[start : start + block])
            await self.rest()

    async def rest(self) -> None:
        lane = self._ears.lane
        hearing = self.session._hearing
        if hearing is not None:
            await hearing
        await until(lambda: lane._running is None and lane.waiting == 0)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def finish(self) -> Utterance:
        utterance = await self.session.finish()
        await self.session.close()
        await asyncio.wait_for(self._listening, 10)
        return utterance


@pytest.fixture(params=["Moonshine alone", "Whisper beside it"])
def any_ears(request: pytest.FixtureRequest, ears: Ears, both_ears: Ears) -> Ears:
    return ears if request.param == "Moonshine alone" else both_ears


@pytest.fixture(autouse=True)
def all_partials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Partials may take the whole lane: how busy it is makes no difference then."""
    monkeypatch.setattr("wallflower.listening.decoding._VOICE_SHARE", 1.0)
    monkeypatch.setattr("wallflower.speech.pacing.SLOWEST_FACTOR", 1000.0)


async def test_words_come_while_somebody_speaks_and_stay(any_ears: Ears, speech: NDArray[np.int16]) -> None:
    ears = any_ears
    listener = Listener(ears)
    before = ""
    for start in range(0, len(speech), 16_000):
        await listener.hear(speech[start : start + 16_000])
        assert listener.committed.startswith(before)
        before = listener.committed
    assert before.lower().startswith("it was the best of times")
    utterance = await listener.finish()
    assert listener.committed == utterance.text
    assert utterance.text.startswith(before)
    assert listener.events[-1] == utterance
    assert " ".join(passage.text for passage in utterance.passages) == utterance.text
    assert [event for event in listener.events if isinstance(event, Passage)] == list(utterance.passages)
    assert "epoch of incredulity" in utterance.text.lower()


async def test_the_final_is_held_to_what_was_committed(
    vad: SileroVad, whisper: WhisperOpenVinoEngine, speech: NDArray[np.int16]
) -> None:
    engine = Counted(whisper)
    async with ears_of(vad, engine) as ears:
        listener = Listener(ears)
        await listener.hear(speech[:80_000])
        committed = listener.committed
        await listener.finish()
    assert committed
    held_to = [request.prefix for request in engine.requests]
    assert held_to[-1]
    assert committed.startswith(held_to[-1])
    assert held_to == sorted(held_to, key=len)


@pytest.mark.parametrize("manner", [STREAMING, Manner()])
async def test_the_answer_is_there_when_the_sound_ends(
    any_ears: Ears, manner: Manner, speech: NDArray[np.int16]
) -> None:
    ears = any_ears
    listener = Listener(ears, manner)
    await listener.hear(speech[:64_000])
    await listener.hear(PAUSE, 512)
    done = ears.lane.counts.jobs.total()
    utterance = await listener.finish()
    assert ears.lane.counts.jobs.total() == done
    assert "best of times" in utterance.text.lower()
    assert listener.committed == utterance.text


async def test_speech_that_goes_on_is_decoded_anew(ears: Ears, speech: NDArray[np.int16]) -> None:
    listener = Listener(ears, Manner())
    await listener.hear(speech[:64_000])
    await listener.hear(PAUSE, 512)
    assert ears.lane.counts.jobs[Priority.VOICE_FINAL] >= 1
    await listener.hear(speech[64_000:112_000])
    done = ears.lane.counts.jobs[Priority.VOICE_FINAL]
    utterance = await listener.finish()
    assert ears.lane.counts.jobs[Priority.VOICE_FINAL] == done + 1
    assert "wisdom" in utterance.text.lower()


async def test_nobody_waits_for_ambient_words(ears: Ears, speech: NDArray[np.int16]) -> None:
    listener = Listener(ears, Manner(ambient=True))
    await listener.hear(speech[:64_000])
    await listener.hear(PAUSE, 512)
    assert not ears.lane.counts.jobs
    assert (await listener.finish()).text
    assert list(ears.lane.counts.jobs) == [Priority.AMBIENT_FINAL]


@pytest.mark.parametrize("level", [0, 30, 3000])
async def test_silence_and_noise_are_no_words(
    any_ears: Ears,
    level: int,
) -> None:
    noise = np.random.default_rng(level).normal(0, level, 6 * 16_000).astype(np.int16)
    listener = Listener(any_ears, Manner(streaming=True, tentative=True))
    await listener.hear(noise)
    utterance = await listener.finish()
    assert utterance.text == listener.committed == "".join(listener.tentative) == ""


async def test_tentative_words_come_from_the_quick_engine_and_are_not_committed(
    vad: SileroVad, whisper: WhisperOpenVinoEngine, moonshine: MoonshineEngine, speech: NDArray[np.int16]
) -> None:
    accurate, quick = Counted(whisper), Counted(moonshine)
    async with ears_of(vad, accurate, quick) as ears:
        listener = Listener(ears, Manner(tentative=True))
        await listener.hear(speech[:64_000])
        assert listener.committed == ""
        assert any("best of times" in text.lower() for text in listener.tentative)
        assert quick.requests
        asked = len(accurate.requests)
        utterance = await listener.finish()
        assert len(accurate.requests) == asked + 1
        assert accurate.requests[-1].prefix == ""
        assert listener.committed == utterance.text


async def test_a_quick_engine_that_does_not_speak_the_language_is_left_in_peace(
    vad: SileroVad, whisper: WhisperOpenVinoEngine, moonshine: MoonshineEngine, speech: NDArray[np.int16]
) -> None:
    quick = Counted(moonshine)
    async with ears_of(vad, whisper, quick) as ears:
        for program in ("fast", "accurate"):
            manner = Manner("de", program, streaming=True, tentative=True)
            listener = Listener(ears, manner)
            await listener.hear(speech[:48_000])
            assert (await listener.finish()).language == "de"
    assert quick.requests == []


@pytest.mark.parametrize("program", ["fast", "accurate"])
async def test_the_program_chooses_the_engine(
    vad: SileroVad,
    whisper: WhisperOpenVinoEngine,
    moonshine: MoonshineEngine,
    speech: NDArray[np.int16],
    program: str,
) -> None:
    engines = {"accurate": Counted(whisper), "fast": Counted(moonshine)}
    async with ears_of(vad, engines["accurate"], engines["fast"]) as ears:
        listener = Listener(ears, Manner(program=program, streaming=True))  # type: ignore[arg-type]
        await listener.hear(speech[:48_000])
        assert "times" in (await listener.finish()).text.lower()
    assert [name for name, engine in engines.items() if engine.requests] == [program]


async def test_the_end_of_speech_is_noticed(ears: Ears, speech: NDArray[np.int16]) -> None:
    listener = Listener(ears, Manner(streaming=True, endpointing=Endpointing(silence=0.5)))
    await listener.hear(speech[:64_000])
    assert not listener.session.is_over.is_set()
    await listener.hear(PAUSE, 512)
    assert listener.session.is_over.is_set()
    done = ears.lane.counts.jobs.total()
    await listener.finish()
    assert ears.lane.counts.jobs.total() == done
    (endpoint,) = (event for event in listener.events if isinstance(event, Endpoint))
    assert endpoint.silence == pytest.approx(0.5, abs=0.04)


@pytest.mark.parametrize("speaks", [True, False])
async def test_every_utterance_ends(ears: Ears, speech: NDArray[np.int16], speaks: bool) -> None:
    rules = Endpointing(nothing=2, longest=3)
    listener = Listener(ears, Manner(endpointing=rules))
    await listener.hear(speech[16_000:80_000] if speaks else np.zeros(40_000, np.int16), 512)
    assert listener.session.is_over.is_set()
    assert bool((await listener.finish()).text) is speaks


async def test_eight_at_once_get_all_their_words(both_ears: Ears, speech: NDArray[np.int16]) -> None:
    async def one(number: int) -> tuple[str, Utterance]:
        listener = Listener(both_ears)
        part = np.concatenate([speech[number * 1600 : 64_000], PAUSE])
        for start in range(0, len(part), 1600):
            await listener.session.feed(part[start : start + 1600])
            await asyncio.sleep(0.02)
        utterance = await listener.finish()
        return listener.committed, utterance

    for committed, utterance in await asyncio.gather(*map(one, range(8))):
        assert committed == utterance.text
        assert "times" in utterance.text.lower()


@pytest.mark.parametrize("turns", [0, 1, 2, 3, 5, 8, 13, 40, 200])
@pytest.mark.parametrize("ended", [True, False])
async def test_close_at_any_moment_leaves_no_task(
    both_ears: Ears, speech: NDArray[np.int16], turns: int, ended: bool
) -> None:
    before = asyncio.all_tasks()
    listener = Listener(both_ears, Manner(streaming=True, tentative=True))
    await listener.hear(speech[:48_000])
    await listener.session.feed(np.concatenate([speech[48_000:64_000], PAUSE, PAUSE, PAUSE, speech[:32_000]]))
    finishing = asyncio.create_task(listener.session.finish()) if ended else None
    for _ in range(turns):
        await asyncio.sleep(0.001 if turns > 20 else 0)
    if finishing is not None:
        finishing.cancel()
        await asyncio.gather(finishing, return_exceptions=True)
    await listener.session.close()
    await asyncio.wait_for(listener._listening, 10)
    assert asyncio.all_tasks() == before


class ForgetfulEngine:
    """Cannot decode its first segment."""

    languages = ("en",)
    longest_seconds = 30.0

    def __init__(self) -> None:
        self.calls = 0

    def transcribe(self, samples: NDArray[np.float32], request: Request) -> Transcription:
        self.calls += 1
        if self.calls == 1:
            raise EngineError("a bad moment")
        return Transcription("more", "en")

    def abort(self) -> None:
        pass

    def unload(self) -> None:
        pass


async def test_nothing_is_told_after_words_that_were_lost(ears: Ears, speech: NDArray[np.int16]) -> None:
    listener = Listener(dataclasses.replace(ears, decoders=decoders_of(ForgetfulEngine())), Manner())
    samples = np.concatenate([speech[:48_000], PAUSE, PAUSE, PAUSE, speech[:48_000]])
    await listener.session.feed(samples)
    with pytest.raises(EngineError, match="a bad moment"):
        await listener.session.finish()
    await listener.session.close()
    await listener._listening
    assert listener.events == []


async def test_an_utterance_without_sound(ears: Ears) -> None:
    listener = Listener(ears)
    await asyncio.sleep(0)
    utterance = await listener.finish()
    assert listener.events == [utterance] == [Utterance("", "en", 0.0, ())]


async def test_names_of_the_house_are_expected(
    vad: SileroVad, whisper: WhisperOpenVinoEngine, speech: NDArray[np.int16]
) -> None:
    engine = Counted(whisper)
    async with ears_of(vad, engine, names=("Kitchen lamp",)) as ears:
        listener = Listener(ears, Manner(names=("Anna",), terms=("dimmer",)))
        await listener.hear(speech[:32_000])
        await listener.finish()
    assert engine.requests[0].hotwords == ("Anna", "dimmer", "Kitchen lamp")


async def test_no_word_is_lost_or_doubled_where_speech_was_cut(
    both_ears: Ears, speech: NDArray[np.int16]
) -> None:
    """As if nobody ever paused: each cut goes through speech."""
    texts = []
    for longest in (28.0, 6.0):
        listener = Listener(both_ears)
        listener.session._segmenter = Segmenter(Segmenting(threshold=0.0, longest=longest))
        await listener.hear(speech)
        whole = await listener.finish()
        assert listener.committed == whole.text
        texts.append(["".join(filter(str.isalpha, word.lower())) for word in whole.text.split()])
    assert len(whole.passages) >= 2
    once, cut = texts
    assert abs(len(once) - len(cut)) <= 2
    assert sum(word in cut for word in once) >= len(once) - 2
