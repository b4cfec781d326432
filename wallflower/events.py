"""The vocabulary: what is heard and what happens, as immutable values that every room may pass on."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class HeardWord:
    """A word. start, end: seconds from the start of what was heard as one. confidence: 0 to 1."""

    text: str
    start: float
    end: float
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of an utterance that was decoded as one. start, end: seconds from the utterance's start.
    language: ISO 639 code of the text. words: with times from the passage's start; empty where the engine
    gives none, or others than the text's. confidence: 0 to 1. engine: ENGINE:DEVICE:MODEL.

    Where two overlap, because speech was cut, the words in both are in one of them alone.
    """

    start: float
    end: float
    text: str
    language: str
    words: tuple[HeardWord, ...] = ()
    confidence: float | None = None
    engine: str = ""


@dataclass(frozen=True, slots=True)
class Utterance:
    """What was said in one stretch of sound.

    text: all passages, joined by spaces if the language has them; empty when nobody spoke. language: ISO 639
    code of the text, or of the most of it; UNDETERMINED where it is not known, as when nobody spoke.
    seconds: the length of the sound.
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
class Speaking:
    """Somebody begins to speak, or nobody speaks any more, in a sound without an end. at: seconds."""

    speaking: bool
    at: float


@dataclass(frozen=True, slots=True)
class Forming:
    """What is known of the passage under way, in a sound without an end; the next one, or the Passage with
    the same start, takes its place. start: seconds. committed: will not be taken back.
    """

    start: float
    committed: str
    tentative: str
    language: str


@dataclass(frozen=True, slots=True)
class PassageLost:
    """A passage could not be decoded, in a sound without an end. start, end: seconds."""

    start: float
    end: float
    reason: str


EndlessEvent = Speaking | Forming | Passage | PassageLost
"""What a session tells of a sound without an end. A Passage without text: nothing was said after all."""


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


@dataclass(frozen=True, slots=True)
class BrokerChanged:
    """The connection to the MQTT broker is there, or is not. broker: its address, without secrets; empty when
    not known. reason: why there is none; empty when there is.
    """

    connected: bool
    broker: str
    reason: str = ""


Happening = (
    EngineSetAside
    | EngineInUse
    | PowerStep
    | StorageFailing
    | StorageWorking
    | DatabaseSetAside
    | BrokerChanged
)
"""What happens to the box itself."""


class SourceStatus(StrEnum):
    """How a configured source of sound is."""

    CONNECTING = "connecting"
    """The first attempt."""
    HEALTHY = "healthy"
    SILENT = "silent"
    """Samples come, but have held nothing for a while: a muted microphone."""
    RECOVERING = "recovering"
    """It broke off, and is tried again soon."""
    FAILED = "failed"
    """It will hardly mend itself, such as a wrong password. It is tried every two minutes."""
    PAUSED = "paused"
    """Not listened to: because somebody said so, or a file is at its end."""


@dataclass(frozen=True, slots=True)
class SourceChanged:
    """A source is in another state. source: its slug. reason: for the user, without secrets; may be empty.
    at: aware, as all times here.
    """

    source: str
    status: SourceStatus
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SourceRemoved:
    """A source is no longer configured."""

    source: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SpeechChanged:
    """Somebody begins to speak, or nobody speaks any more."""

    source: str
    speaking: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class SoundLevel:
    """How loud it is. rms, peak: dBFS over the last second, -100 when digitally silent. at: its end."""

    source: str
    rms: float
    peak: float
    at: datetime


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who speaks. id: stays the same when the name changes. known: a person whom somebody named or enrolled;
    others are called "Speaker 4" and so on. confidence: 0 to 1, that it is this person; None for who is not
    known.
    """

    id: int
    name: str
    known: bool = False
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class SpeakerChanged:
    """Somebody else speaks now, or it is known better who. speaker: None while it cannot be told.
    provisional: by the first second of a turn alone.
    """

    source: str
    speaker: Speaker | None
    at: datetime
    provisional: bool = False


@dataclass(frozen=True, slots=True)
class Partial:
    """What is known so far of what somebody is saying. The committed text is not taken back, the tentative
    text may be. id: that of the Heard, or the Unheard, which will follow. start: when the speaking began.
    """

    source: str
    id: int
    committed: str
    tentative: str
    language: str
    start: datetime
    at: datetime


@dataclass(frozen=True, slots=True)
class Heard:
    """What was said in one stretch of a source's sound, by one speaker where that is known.

    id: the order of ids is the order of starts. source: its slug. audio_start, audio_end: seconds in the
    source's sound. language: ISO 639 code. speaker: None when not known. engine: empty when not known.
    confidence: 0 to 1. revision: a later one, with the same id, takes the place of an earlier one.
    overlapped: others speak at the same time. continued: the next Heard of the source is the rest of what was
    said in one go: of another speaker, and with another id than that of its Partials.
    """

    id: int
    source: str
    start: datetime
    end: datetime
    text: str
    language: str
    audio_start: float
    audio_end: float
    speaker: Speaker | None = None
    engine: str = ""
    confidence: float | None = None
    revision: int = 0
    words: tuple[HeardWord, ...] = ()
    overlapped: bool = False
    continued: bool = False

    @property
    def speaker_name(self) -> str:
        """Empty when it is not known who speaks."""
        return "" if self.speaker is None else self.speaker.name


@dataclass(frozen=True, slots=True)
class UtteranceRevised:
    """It was found later that somebody else said it. heard: as told before, but for speaker and revision."""

    heard: Heard

    @property
    def source(self) -> str:
        """Its slug."""
        return self.heard.source


@dataclass(frozen=True, slots=True)
class SpeakersChanged:
    """There are other speakers than before, or they have other names."""


@dataclass(frozen=True, slots=True)
class Unheard:
    """Nothing was said after all: what Partials with this id told is withdrawn."""

    source: str
    id: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Alert:
    """A rule's condition is met, or has ended. id: the same for both. rule: its slug. kind: keyword, silence,
    no_sound, speech, loud, speaker, source_down, trouble. source: empty if it is about the box. phase: raised
    (at first, maybe on partial words), confirmed (by the final words), withdrawn (they say otherwise), ended
    (silence is over). utterance: the id of the Heard or Partial that it is about. detail: by kind, for JSON;
    may hold what was said.
    """

    id: int
    rule: str
    kind: str
    source: str
    severity: str
    phase: str
    summary: str
    at: datetime
    utterance: int | None = None
    detail: tuple[tuple[str, str | float | int | None], ...] = ()


SourceEvent = (
    SourceChanged
    | SourceRemoved
    | SpeechChanged
    | SpeakerChanged
    | SoundLevel
    | Partial
    | Heard
    | Unheard
    | UtteranceRevised
)
"""What happens at a source."""

BusEvent = SourceEvent | SpeakersChanged | Alert | Happening
"""What the bus carries."""
