"""What was heard, as a row of the database."""

import json
import math
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from wallflower.events import Heard, HeardWord, Speaker
from wallflower.storage.ids import milliseconds_of, start_of, time_of

COLUMNS = (
    'u.id, s.slug, u."end", u.audio_start, u.audio_end, u.text, u.language, u.engine, u.confidence, '
    "u.revision, u.words, u.overlapped, p.id, p.name, p.known, u.speaker_confidence"
)
"""What `from_row` takes, of `utterances u` and JOINED."""

# CROSS JOIN: in this order.
JOINED = "CROSS JOIN sources s ON s.id = u.source LEFT JOIN speakers p ON p.id = u.speaker"

LONGEST = timedelta(days=1)
"""No utterance is longer."""

_LARGEST = 2**63  # SQLite's integers
# Control characters mean nothing in a transcript: NUL ends text for SQLite's functions, and two mark hits.
_NO_CONTROLS = dict.fromkeys((*range(0x20), 0x7F), " ")


def check(heard: Heard) -> None:
    """Raise ValueError for what no row can hold, or a page of the search could not find again."""
    if not heard.source:
        raise ValueError("an utterance without a source")
    if not 0 <= heard.id < _LARGEST or milliseconds_of(start_of(heard.id)) != milliseconds_of(heard.start):
        raise ValueError(f"the id {heard.id} is not of an utterance that starts at {heard.start}")
    if milliseconds_of(heard.end) < milliseconds_of(heard.start):
        raise ValueError(f"an utterance that ends ({heard.end}) before it starts ({heard.start})")
    if heard.end - heard.start > LONGEST:
        raise ValueError(f"an utterance from {heard.start} to {heard.end}, longer than a day")
    if not 0 <= heard.revision < _LARGEST:
        raise ValueError(f"the revision {heard.revision}")
    numbers = [heard.audio_start, heard.audio_end, heard.confidence or 0.0]
    if heard.speaker is not None:
        if not 0 < heard.speaker.id < _LARGEST:
            raise ValueError(f"the speaker {heard.speaker.id}")
        numbers.append(heard.speaker.confidence or 0.0)
    for word in heard.words:
        numbers += [word.start, word.end, word.confidence or 0.0]
    if not all(map(math.isfinite, numbers)):
        raise ValueError("an utterance with a time or a confidence that is no number")


def to_row(heard: Heard, source: int, speaker: str) -> tuple[Any, ...]:
    """For the columns id, source, end, audio_start, … words, in the table's order, then speaker_confidence
    and overlapped. speaker: an id as text, or empty. Raises as `check` does.
    """
    check(heard)
    words = [[clean(word.text), word.start, word.end, word.confidence] for word in heard.words]
    return (
        heard.id,
        source,
        milliseconds_of(heard.end),
        heard.audio_start,
        heard.audio_end,
        clean(heard.text),
        clean(heard.language),
        speaker,
        clean(heard.engine),
        heard.confidence,
        heard.revision,
        json.dumps(words, ensure_ascii=False, separators=(",", ":")) if words else "",
        speaker_confidence(heard, speaker),
        heard.overlapped,
    )


def speaker_confidence(heard: Heard, speaker: str) -> float | None:
    """That it is this speaker: none that it is nobody."""
    return heard.speaker.confidence if heard.speaker is not None and speaker else None


def from_row(row: Sequence[Any]) -> Heard:
    """What a row of COLUMNS tells; times to the millisecond, in UTC."""
    (
        identity,
        source,
        end,
        audio_start,
        audio_end,
        text,
        language,
        engine,
        confidence,
        revision,
        words,
        overlapped,
        speaker,
        name,
        known,
        certain,
    ) = row
    return Heard(
        id=identity,
        source=source,
        start=start_of(identity),
        end=time_of(end),
        text=text,
        language=language,
        audio_start=audio_start,
        audio_end=audio_end,
        speaker=None if speaker is None else Speaker(speaker, name, bool(known), certain),
        engine=engine,
        confidence=confidence,
        revision=revision,
        words=tuple(HeardWord(*word) for word in json.loads(words)) if words else (),
        overlapped=bool(overlapped),
    )


def clean(text: str) -> str:
    """Text that SQLite can keep: control characters become spaces, lone surrogates question marks."""
    return text.translate(_NO_CONTROLS).encode("utf-8", "replace").decode("utf-8")
