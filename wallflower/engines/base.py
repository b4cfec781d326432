"""What an engine gives back, and how it says that it could not."""

from dataclasses import dataclass

from wallflower.errors import ExitCode, WallflowerError

SAMPLE_RATE = 16_000
"""Hz. Every engine takes mono float32 in [-1, 1] at this rate."""


class EngineError(WallflowerError):
    """An engine could not load its model or decode a segment."""

    exit_code = ExitCode.ENGINE


class EngineAbortedError(EngineError):
    """The decoding was stopped between two steps because its owner asked for it."""


@dataclass(frozen=True, slots=True)
class Transcription:
    """The words of one segment.

    text: cased and punctuated as the model gives it, without outer white space; may be empty.
    language: the language of the text, a lower-case ISO 639 code.
    """

    text: str
    language: str
