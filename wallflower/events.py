"""The vocabulary: what is heard and what happens, as immutable values that every room may pass on."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of an utterance that was decoded as one. start, end: seconds from the utterance's start.

    Where two overlap, because speech was cut, the words in both are in one of them alone.
    """

    start: float
    end: float
    text: str


@dataclass(frozen=True, slots=True)
class Utterance:
    """What was said in one stretch of sound.

    text: all passages, joined by spaces if the language has them; empty when nobody spoke. language: ISO 639
    code of the text. seconds: the length of the sound.
    """

    text: str
    language: str
    seconds: float
    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class Committed:
    """More words of an utterance, which will not be taken back. text: to be added as it is: with the space
    before it.
    """

    text: str


@dataclass(frozen=True, slots=True)
class Tentative:
    """What may be said after the committed words; the next one takes its place. text: without outer space,
    may be empty.
    """

    text: str


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The speaker has finished: no more sound is needed. silence: seconds since the last speech."""

    silence: float


StreamEvent = Committed | Tentative | Passage | Endpoint | Utterance
"""What a session tells while it listens. The committed texts joined are the utterance's; it comes last."""


@dataclass(frozen=True, slots=True)
class EngineSetAside:
    """An engine does not work. engine: ENGINE:DEVICE:MODEL. retry_after: seconds until it is tried again."""

    engine: str
    reason: str
    retry_after: float


@dataclass(frozen=True, slots=True)
class EngineInUse:
    """Another engine decodes from now on. engine: ENGINE:DEVICE:MODEL."""

    engine: str


@dataclass(frozen=True, slots=True)
class PowerStep:
    """The box uses less or more of itself. step: 0 is all that the options allow, 3 the least."""

    step: int
    reason: str


@dataclass(frozen=True, slots=True)
class StorageFailing:
    """The database cannot be written; what is said waits in memory and the listening goes on."""

    reason: str


@dataclass(frozen=True, slots=True)
class StorageWorking:
    """The database can be written again. lost: utterances for which there was no room while it could not."""

    lost: int


@dataclass(frozen=True, slots=True)
class DatabaseSetAside:
    """The database was broken, and a new one was begun. name: the broken one's file, beside the new."""

    name: str


Happening = EngineSetAside | EngineInUse | PowerStep | StorageFailing | StorageWorking | DatabaseSetAside
"""What happens to the box itself."""
