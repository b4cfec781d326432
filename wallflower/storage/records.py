"""An utterance as it is kept, and as a row of the database."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from wallflower.storage.ids import milliseconds_of, start_of, time_of

COLUMNS = (
    'u.id, s.slug, u."end", u.audio_start, u.audio_end, u.text, u.language, u.speaker, u.engine, u.confidence, '
    "u.revision, u.words"
)
"""What `from_row` takes, of `utterances u JOIN sources s`."""

# Control characters mean nothing in a transcript: NUL ends text for SQLite's functions, and two mark hits.
_NO_CONTROLS = {code: " " for code in (*range(0x20), 0x7F)}


@dataclass(frozen=True, slots=True)
class StoredWord:
    """A word with its place in the utterance. start, end: seconds from its start. confidence: 0 to 1."""

    text: str
    start: float
    end: float
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class StoredUtterance:
    """What was said in one stretch of a source's sound, by one speaker where that is known.

    id: of `new_id(start)`. source: its slug. start, end: aware; kept to the millisecond, read in UTC.
    audio_start, audio_end: seconds in the source's sound. language: ISO 639 code. speaker, engine: empty when not
    known. revision: a later one, with the same id, takes the place of an earlier one. Raises ValueError when
    these do not fit together.
    """

    id: int
    source: str
    start: datetime
    end: datetime
    text: str
    language: str
    audio_start: float
    audio_end: float
    speaker: str = ""
    engine: str = ""
    confidence: float | None = None
    revision: int = 0
    words: tuple[StoredWord, ...] = ()

    def __post_init__(self) -> None:
        if not self.source:
            raise ValueError("an utterance without a source")
        if milliseconds_of(start_of(self.id)) != milliseconds_of(self.start):
            raise ValueError(f"the id {self.id} is not of an utterance that starts at {self.start}")
        if milliseconds_of(self.end) < milliseconds_of(self.start):
            raise ValueError(f"an utterance that ends ({self.end}) before it starts ({self.start})")
        if not (math.isfinite(self.audio_start) and math.isfinite(self.audio_end)):
            raise ValueError("an utterance whose place in the sound is no number")


def to_row(utterance: StoredUtterance, source: int) -> tuple[Any, ...]:
    """For the columns id, source, end, audio_start, … words of the table, in its order."""
    words = [[clean(word.text), word.start, word.end, word.confidence] for word in utterance.words]
    return (
        utterance.id,
        source,
        milliseconds_of(utterance.end),
        utterance.audio_start,
        utterance.audio_end,
        clean(utterance.text),
        clean(utterance.language),
        clean(utterance.speaker),
        clean(utterance.engine),
        utterance.confidence,
        utterance.revision,
        json.dumps(words, ensure_ascii=False, separators=(",", ":")) if words else "",
    )


def from_row(row: Sequence[Any]) -> StoredUtterance:
    """An utterance of a row of COLUMNS."""
    identity, source, end, audio_start, audio_end, text, language, speaker, engine, confidence, revision, words = row
    return StoredUtterance(
        id=identity,
        source=source,
        start=start_of(identity),
        end=time_of(end),
        text=text,
        language=language,
        audio_start=audio_start,
        audio_end=audio_end,
        speaker=speaker,
        engine=engine,
        confidence=confidence,
        revision=revision,
        words=tuple(StoredWord(*word) for word in json.loads(words)) if words else (),
    )


def clean(text: str) -> str:
    """Text that SQLite can keep: control characters become spaces, lone surrogates question marks."""
    return text.translate(_NO_CONTROLS).encode("utf-8", "replace").decode("utf-8")
