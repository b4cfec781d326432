"""What an engine is asked, what it gives back, and how it says that it could not.

Every engine takes mono float32 in [-1, 1] at audio.pcm.SAMPLE_RATE.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from wallflower.errors import ExitCode, WallflowerError


class EngineError(WallflowerError):
    """An engine could not load its model or decode a segment."""

    exit_code = ExitCode.ENGINE


class EngineAbortedError(EngineError):
    """The decoding was stopped between two steps because its owner asked for it."""


@dataclass(frozen=True, slots=True)
class Request:
    """How a segment is to be decoded.

    language: ISO 639 code, or None to have it detected. languages: those that may be detected, the likeliest
    first; empty: any. prompt: text that came before or sets the style, for
    engines that take one. hotwords: words to expect, for engines that take them. prefix: words that the text
    is known to begin with; an engine that cannot be held to them leaves them aside. word_times: whether times
    of words are wanted; they may cost extra.
    """

    language: str | None = None
    languages: tuple[str, ...] = ()
    prompt: str = ""
    prefix: str = ""
    hotwords: tuple[str, ...] = ()
    word_times: bool = False


@dataclass(frozen=True, slots=True)
class Word:
    """A word with its place in the segment. start, end: seconds. confidence: 0 to 1, or None if not known."""

    text: str
    start: float
    end: float
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Transcription:
    """The words of one segment. What an engine does not offer is None or empty, never invented.

    text: cased and punctuated as the model gives it, without outer white space; may be empty.
    language: ISO 639 code of the text. words: with times, if asked for and offered.
    certain: how many characters at the beginning of the text the model had no doubt about.
    average_log_probability: mean over the tokens, natural logarithm.
    no_speech, language_probability: 0 to 1.
    """

    text: str
    language: str
    words: tuple[Word, ...] = ()
    certain: int | None = field(default=None, kw_only=True)
    average_log_probability: float | None = None
    no_speech: float | None = None
    language_probability: float | None = None


class Engine(Protocol):
    """One library holding one model on one device.

    It is loaded by its constructor and blocks; only one thread at a time may call it, but for `abort`.
    """

    @property
    def languages(self) -> Collection[str]:
        """ISO 639 codes that it understands."""

    @property
    def longest_seconds(self) -> float:
        """The longest segment that the model was made for."""

    def transcribe(self, samples: NDArray[np.float32], request: Request) -> Transcription:
        """Decode one segment of mono float32 samples at 16 kHz.

        Raises EngineAbortedError after `abort`, EngineError when it cannot.
        """

    def abort(self) -> None:
        """Stop the decoding under way at its next step. May be called from any thread."""

    def unload(self) -> None:
        """Give the model's memory back. Nothing may be asked of the engine afterwards."""


@runtime_checkable
class BatchEngine(Engine, Protocol):
    """An engine that decodes several segments in one call, quicker than one by one."""

    @property
    def takes_batches(self) -> bool:
        """Whether it does so now: a chain of engines does while one is in use that does."""

    def transcribe_batch(
        self, segments: Sequence[NDArray[np.float32]], request: Request
    ) -> list[Transcription]:
        """Decode segments, each as `transcribe` takes it; their transcriptions in the same order.

        Raises EngineAbortedError after `abort`, EngineError when it cannot decode all.
        """
