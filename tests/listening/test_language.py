"""Sessions whose language is detected: with the real Whisper, and a made-up engine for other languages."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.listening.test_streaming import Counted, Listener
from tests.made_ears import ears_of
from wallflower.engines.base import Request, Transcription
from wallflower.engines.moonshine import MoonshineEngine
from wallflower.engines.whisper_openvino import WhisperOpenVinoEngine
from wallflower.events import Utterance
from wallflower.languages import UNDETERMINED
from wallflower.listening.ears import Ears
from wallflower.listening.manner import Manner
from wallflower.listening.session import Session
from wallflower.speech.vad import SileroVad

_APART = np.zeros(32_000, np.int16)  # 2 s: the segment before it is over


class Polyglot:
    """Detects what it was told to, one whole segment after the other; each text says its language."""

    languages = ("en", "de", "fr")
    longest_seconds = 30.0

    def __init__(self, *heard: tuple[str, float | None]) -> None:
        self.heard = list(heard)
        self.requests: list[Request] = []

    def transcribe(self, samples: NDArray[np.float32], request: Request) -> Transcription:
        self.requests.append(request)
        if request.language is not None:
            return Transcription(f"in {request.language}", request.language, language_probability=0.1)
        language, probability = self.heard.pop(0)
        return Transcription(f"in {language}", language, language_probability=probability)

    def abort(self) -> None:
        pass

    def unload(self) -> None:
        pass


def _detecting(ears: Ears, *languages: str) -> Ears:
    return dataclasses.replace(ears, language=None, languages=languages)


async def _listen(ears: Ears, segments: Sequence[NDArray[np.int16]]) -> Utterance:
    session = Session(ears, Manner(ambient=True))
    try:
        for segment in segments:
            await session.feed(np.concatenate([segment, _APART]))
        return await session.finish()
    finally:
        await session.close()


@pytest.mark.parametrize("languages", [(), ("de", "en", "fr")])
async def test_english_is_detected_and_then_the_quick_engine_may_help(
    vad: SileroVad,
    whisper: WhisperOpenVinoEngine,
    moonshine: MoonshineEngine,
    speech: NDArray[np.int16],
    languages: tuple[str, ...],
) -> None:
    accurate, quick = Counted(whisper), Counted(moonshine)
    async with ears_of(vad, accurate, quick) as both:
        ears = _detecting(both, *languages)
        listener = Listener(ears, Manner(streaming=True, tentative=True))
        await listener.hear(speech[:64_000])
        assert quick.requests == []
        known = [listener.session.language]
        assert listener.committed == ""
        await listener.hear(_APART)
        known.append(listener.session.language)
        assert known == [None, "en"]
        await listener.hear(speech[64_000:96_000])
        assert quick.requests
        utterance = await listener.finish()
    assert utterance.language == ears.last_language.code == "en"
    assert {passage.language for passage in utterance.passages} == {"en"}
    assert "best of times" in utterance.text
    assert listener.committed == utterance.text
    assert all(set(request.languages) == set(languages) for request in accurate.requests[:1])


async def test_only_allowed_languages(
    vad: SileroVad, whisper: WhisperOpenVinoEngine, speech: NDArray[np.int16]
) -> None:
    async with ears_of(vad, whisper) as ears:
        utterance = await _listen(_detecting(ears, "de", "fr"), [speech[:48_000]])
    assert utterance.language in {"de", "fr"}


async def test_a_language_that_is_named_is_not_detected(
    vad: SileroVad, whisper: WhisperOpenVinoEngine, speech: NDArray[np.int16]
) -> None:
    counted = Counted(whisper)
    async with ears_of(vad, counted) as both:
        ears = _detecting(both, "en")
        listener = Listener(ears, Manner("de"))
        await listener.hear(speech[:48_000])
        assert (await listener.finish()).language == "de"
        assert ears.last_language.code is None
    assert {request.language for request in counted.requests} == {"de"}


@pytest.mark.parametrize(
    ("heard", "spoken"),
    [
        ([("de", 0.9), ("en", 0.7), ("en", 0.9)], ["de", "de", "en"]),
        ([("fr", 0.3), ("de", 0.6), ("fr", 0.4)], ["fr", "de", "de"]),
        ([("de", None), ("en", None), ("en", None)], ["de", "en", "en"]),
    ],
)
async def test_another_language_takes_over_when_it_is_clear(
    vad: SileroVad, speech: NDArray[np.int16], heard: list[tuple[str, float | None]], spoken: list[str]
) -> None:
    engine = Polyglot(*heard)
    async with ears_of(vad, engine) as both:
        utterance = await _listen(_detecting(both), [speech[:40_000]] * 3)
    assert [passage.language for passage in utterance.passages] == spoken
    assert [passage.text for passage in utterance.passages] == [f"in {language}" for language in spoken]
    assert utterance.language == max(spoken, key=spoken.count)


async def test_the_next_session_begins_with_the_last_ones_language(
    vad: SileroVad, speech: NDArray[np.int16]
) -> None:
    engine = Polyglot(("de", 0.9), ("fr", 0.4), ("fr", 0.6))
    async with ears_of(vad, engine) as both:
        ears = _detecting(both, "en", "fr", "de")
        said = [(await _listen(ears, [speech[:40_000]])).language for _ in range(3)]
        assert ears.last_language.code == "fr"
    assert said == ["de", "de", "fr"]
    assert engine.requests[1].languages == ("de", "en", "fr")


async def test_nobody_spoke(ears: Ears) -> None:
    assert (await _listen(_detecting(ears), [_APART])).language == UNDETERMINED
