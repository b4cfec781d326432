"""The vocabulary: what is heard, as immutable values that every room may pass on."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of an utterance that was decoded as one. start, end: seconds from the utterance's start."""

    start: float
    end: float
    text: str


@dataclass(frozen=True, slots=True)
class Utterance:
    """What was said in one stretch of sound.

    text: all passages, joined by spaces; empty when nobody spoke. language: ISO 639 code of the text.
    seconds: the length of the sound.
    """

    text: str
    language: str
    seconds: float
    passages: tuple[Passage, ...]
