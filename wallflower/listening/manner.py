"""How a session listens: what its client asks for."""

from dataclasses import dataclass
from typing import Literal

from wallflower.speech.endpointing import Endpointing
from wallflower.speech.segmenting import Segmenting

Program = Literal["accurate", "fast"]


@dataclass(frozen=True, slots=True)
class Manner:
    """What a client asks of a session.

    language: ISO 639 code of what will be said; None: the ears' own. detects: whether it is detected although
    the ears have one. program: accurate decodes with the
    finals' engine, fast with the quick one where there is one. streaming: whether words are committed while
    somebody speaks. tentative: whether words that may be taken back are wanted, too. ambient: whether nobody
    waits for the answer. endless: whether the sound goes on for days: each passage is told and forgotten, and
    one that cannot be decoded is no reason to end. word_times: whether times of words are wanted.
    endpointing: when the utterance is over by itself; None: when the client says so. segmenting: what counts
    as speech, and where it is cut. names, terms: to be expected, names first.
    """

    language: str | None = None
    program: Program = "accurate"
    streaming: bool = False
    tentative: bool = False
    ambient: bool = False
    endless: bool = False
    word_times: bool = False
    endpointing: Endpointing | None = None
    segmenting: Segmenting | None = None
    names: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()
    detects: bool = False
