"""What was said in one go, as parts of one speaker each."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from wallflower.events import HeardWord, Passage
from wallflower.speakers.attribution import SpeakerWords, attribute
from wallflower.speakers.revision import Stretch

_SLIP_SECONDS = 0.4
"""One word as short as this amid somebody's words is theirs: an edge between two turns is no surer."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one speaker said. speaker: None when it is not known. overlapped: others spoke meanwhile."""

    passage: Passage
    speaker: int | None
    overlapped: bool = False


def parts_of(passage: Passage, stretches: Sequence[Stretch]) -> list[Part]:
    """The parts of a passage, at least one; their texts are that of the passage, cut between words.

    stretches: who speaks when, in order of start, on the passage's clock. A passage without word times is
    not cut: it is of who speaks most in it.
    """
    words = words_of(passage.text, passage.words, passage.end - passage.start)
    runs = _joined(_without_slips(_filled(attribute(words, passage.start, stretches))))
    cuts = _cuts(passage.text, runs)
    if cuts is None:  # the words are not those of the text
        return [Part(passage, *most_of(runs))]
    return [
        Part(_piece(passage, run, text, last=index == len(runs) - 1), run.speaker, run.overlapped)
        for index, (run, text) in enumerate(zip(runs, cuts, strict=True))
    ]


def words_of(text: str, words: tuple[HeardWord, ...], seconds: float) -> tuple[HeardWord, ...]:
    """The words; where none have times, the whole text as one that lasts so long."""
    return words or (HeardWord(text, 0.0, seconds),)


def most_of(runs: Sequence[SpeakerWords]) -> tuple[int | None, bool]:
    """Who says most of it, None when nobody is known to; and whether others speak meanwhile."""
    lasting: dict[int | None, float] = {None: 0.0}
    for run in runs:
        if run.speaker is not None:
            seconds = sum(word.end - word.start for word in run.words)
            lasting[run.speaker] = lasting.get(run.speaker, 0.0) + seconds
    return max(lasting, key=lambda each: lasting[each]), any(run.overlapped for run in runs)


def _filled(runs: Sequence[SpeakerWords]) -> list[SpeakerWords]:
    """Words in nobody's turn are of who spoke before, or else after."""
    filled: list[SpeakerWords] = []
    for run in runs:
        speaker = run.speaker if run.speaker is not None or not filled else filled[-1].speaker
        filled.append(replace(run, speaker=speaker))
    for index in range(len(filled) - 2, -1, -1):
        if filled[index].speaker is None:
            filled[index] = replace(filled[index], speaker=filled[index + 1].speaker)
    return filled


def _without_slips(runs: Sequence[SpeakerWords]) -> list[SpeakerWords]:
    smooth = list(runs)
    for index in range(1, len(smooth) - 1):
        before, run, after = smooth[index - 1 : index + 2]
        (first, *more) = run.words
        if before.speaker == after.speaker and not more and first.end - first.start < _SLIP_SECONDS:
            smooth[index] = replace(run, speaker=before.speaker)
    return smooth


def _joined(runs: Sequence[SpeakerWords]) -> list[SpeakerWords]:
    joined: list[SpeakerWords] = []
    for run in runs:
        if joined and joined[-1].speaker == run.speaker:
            before = joined[-1]
            joined[-1] = SpeakerWords(
                run.speaker, (*before.words, *run.words), before.overlapped or run.overlapped
            )
        else:
            joined.append(run)
    return joined


def _cuts(text: str, runs: Sequence[SpeakerWords]) -> list[str] | None:
    """The text of each run; None when their words are not found in `text`, one after the other."""
    starts = []
    place = 0
    for run in runs:
        for number, word in enumerate(run.words):
            begin = text.find(word.text, place)
            if begin < 0:
                return None
            if number == 0:
                starts.append(begin)
            place = begin + len(word.text)
    ends = [*starts[1:], len(text)]
    starts[0] = 0
    return [text[begin:end].strip() for begin, end in zip(starts, ends, strict=True)]


def _piece(passage: Passage, run: SpeakerWords, text: str, *, last: bool) -> Passage:
    if not passage.words:
        return passage
    begins = run.words[0] is passage.words[0]
    start = 0.0 if begins else run.words[0].start
    end = passage.end if last else passage.start + run.words[-1].end
    known = [word.confidence for word in run.words if word.confidence is not None]
    whole = begins and last
    return replace(
        passage,
        start=passage.start + start,
        end=max(passage.start + start, end),
        text=text,
        words=tuple(replace(word, start=word.start - start, end=word.end - start) for word in run.words),
        confidence=passage.confidence if whole or not known else sum(known) / len(known),
    )
