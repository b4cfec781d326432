"""Whose words these are: each word is of the speaker with whom it shares most time."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from wallflower.events import HeardWord
from wallflower.speakers.revision import Stretch

_OVERLAPPED = 0.5
"""A word is said into another's speech when that covers more than this share of it."""
_NEARBY = 0.5
"""Seconds: a word in nobody's stretch is of who speaks no farther away than this."""


@dataclass(frozen=True, slots=True)
class SpeakerWords:
    """Words of one speaker, one after the other. speaker: None where nobody is known to speak. overlapped:
    somebody else speaks at the same time.
    """

    speaker: int | None
    words: tuple[HeardWord, ...]
    overlapped: bool = False


class Nearby:
    """Of the many stretches of an hour those near some words: `attribute` looks at all that it is given."""

    def __init__(self, stretches: Sequence[Stretch]) -> None:
        """stretches: in order of start."""
        self._stretches = stretches
        self._starts = [each.start for each in stretches]
        self._ends = list(accumulate((each.end for each in stretches), max))

    def between(self, start: float, end: float) -> Sequence[Stretch]:
        """All that a word between these times (seconds) may belong to."""
        first = bisect_left(self._ends, start - _NEARBY)
        return self._stretches[first : bisect_right(self._starts, end + _NEARBY)]


def attribute(words: Sequence[HeardWord], offset: float, stretches: Sequence[Stretch]) -> list[SpeakerWords]:
    """Split `words` where the speaker changes. offset: seconds from the session's start to the words' zero.

    A word whose two candidates share as much is of who spoke before.
    """
    parts: list[SpeakerWords] = []
    for word in words:
        before = parts[-1] if parts else None
        start, end = offset + word.start, offset + word.end
        speaker, overlapped = _speaker(start, end, stretches, before.speaker if before else None)
        if before is not None and (before.speaker, before.overlapped) == (speaker, overlapped):
            parts[-1] = SpeakerWords(speaker, (*before.words, word), overlapped)
        else:
            parts.append(SpeakerWords(speaker, (word,), overlapped))
    return parts


def _speaker(
    start: float, end: float, stretches: Sequence[Stretch], before: int | None
) -> tuple[int | None, bool]:
    shared: dict[int, float] = {}
    for stretch in stretches:
        both = min(end, stretch.end) - max(start, stretch.start)
        if both > 0:
            shared[stretch.speaker] = shared.get(stretch.speaker, 0.0) + both
    if not shared:
        gaps = [(max(stretch.start - end, start - stretch.end), stretch.speaker) for stretch in stretches]
        gap, nearest = min(gaps, default=(_NEARBY, -1))
        return (nearest if gap < _NEARBY else None), False
    speaker = max(shared, key=lambda each: (shared[each], each == before))
    others = [time for each, time in shared.items() if each != speaker]
    return speaker, max(others, default=0.0) > _OVERLAPPED * (end - start)
