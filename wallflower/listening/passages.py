"""Passages made of decoded segments: their words, and where those that a cut parts begin and end."""

import math
from collections.abc import Sequence
from dataclasses import replace

from wallflower.audio.pcm import SAMPLE_RATE
from wallflower.engines.base import Transcription, Word
from wallflower.events import HeardWord, Passage
from wallflower.speech.placing import placed_words
from wallflower.speech.segmenting import Segment


class Passages:
    """Makes the passages of one session, in their order."""

    def __init__(self) -> None:
        self._words: tuple[Word, ...] = ()  # of the segment before a cut, with times in the session
        self._seam = 0.0  # where the words that it holds back begin

    def passage(self, segment: Segment, text: str, heard: Transcription, engine: str, held: str) -> Passage:
        """text: what of the decoding, and of words held back before it, is to be told now. held: what of it
        is held back, as the segment was cut through.
        """
        start, end = segment.start / SAMPLE_RATE, segment.end / SAMPLE_RATE
        words = (*self._words, *_moved(heard.words, start)) if heard.words else ()
        placed = placed_words(text, heard.language, words)
        if segment.overlaps and text and heard.text:
            start = placed[0].start if placed else min(start, self._seam or start)
        self._words, self._seam = (), 0.0
        if segment.cut:
            self._words = tuple(words)
            letters = len(held) / max(1, len(heard.text))  # where no times are known, each takes the same
            self._seam = max(start, end - letters * (segment.end - segment.start) / SAMPLE_RATE)
            end = placed[-1].end if placed else self._seam
        return Passage(
            start,
            end,
            text,
            heard.language,
            tuple(
                HeardWord(each.text, each.start, each.end, each.confidence) for each in _moved(placed, -start)
            ),
            _confidence(placed, heard),
            engine,
        )


def _moved(words: Sequence[Word], seconds: float) -> list[Word]:
    return [replace(each, start=each.start + seconds, end=each.end + seconds) for each in words]


def _confidence(words: Sequence[Word], heard: Transcription) -> float | None:
    known = [word.confidence for word in words if word.confidence is not None]
    if known:
        return sum(known) / len(known)
    average = heard.average_log_probability
    return None if average is None else min(1.0, math.exp(average))
