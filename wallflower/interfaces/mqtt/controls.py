"""What this door is given: what it may ask about the box and its sources, and what it may have changed."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from wallflower.events import SourceStatus
from wallflower.hardware.power import PROFILES
from wallflower.listening.person_card import PersonCard
from wallflower.listening.vitals import Vitals
from wallflower.speech.endpointing import SILENCE_SECONDS

SENSITIVITIES = tuple(SILENCE_SECONDS)
POWERS = tuple(PROFILES)
BY_POWER = "by power"
TIERS = ("accuracy", "balanced", "speed", BY_POWER)


@dataclass(frozen=True, slots=True)
class SourceCard:
    """A configured source as Home Assistant shows it. slug: lower-case letters, digits, _ and -.

    silence_minutes: without speech until that is a problem; 0: never. keywords: what raises an alert.
    kept: whether its transcripts may outlive the moment; if not, the broker is not asked to retain the last.
    """

    slug: str
    name: str
    listening: bool = True
    silence_minutes: float = 0.0
    sensitivity: str = "default"
    keywords: tuple[str, ...] = ()
    kept: bool = True


class Desk(Protocol):
    """What may be asked about speakers. who: a name, or an id as text. What changes anything raises
    WallflowerError with a message for the user, and then nothing is changed.
    """

    def people(self) -> Sequence[PersonCard]:
        """Everybody who was told apart, named or not, at once."""

    def person(self, identity: int) -> PersonCard | None:
        """Who this is now, as somebody may have been merged; None for who was forgotten."""

    def words_gone(self, identity: int) -> bool:
        """Whether this person was forgotten with all they said."""

    async def enrol(self, name: str, sound: NDArray[np.int16]) -> PersonCard:
        """Make a voiceprint of sound with that person's voice alone. sound: mono, 16 kHz."""

    async def enrol_from(self, name: str, utterances: Sequence[int]) -> PersonCard:
        """Make a voiceprint of what that person said. utterances: ids."""

    async def rename(self, who: str, name: str) -> PersonCard:
        """Give a person a name, or another one."""

    async def merge(self, who: str, into: str) -> PersonCard:
        """Both are one person: the second."""

    async def split(self, utterances: Sequence[int]) -> PersonCard:
        """Somebody else, of whom nothing is known yet, said these. utterances: ids."""

    async def forget(self, who: str, *, words: bool) -> None:
        """Delete a person with the voiceprint. words: also what they said."""


@dataclass(frozen=True, slots=True)
class Controls:
    """All that MQTT may ask for. Those that change something raise WallflowerError when they will not.

    sources: those configured, at once. state: how a source is now, and why. vitals: how the box is. power,
    tier: what is in force. change_source: one field of a source's card gets another value: listening,
    silence_minutes, sensitivity or keywords. listen: all sources. restart, calibrate: return before it
    happens. choose_power: one of POWERS. choose_tier: one of TIERS. desk: None where speakers are not told
    apart.
    """

    sources: Callable[[], Sequence[SourceCard]]
    state: Callable[[str], tuple[SourceStatus, str]]
    vitals: Callable[[], Awaitable[Vitals]]
    power: Callable[[], str]
    tier: Callable[[], str]
    change_source: Callable[[str, str, object], Awaitable[None]]
    listen: Callable[[bool], Awaitable[None]]
    restart: Callable[[], Awaitable[None]]
    calibrate: Callable[[], Awaitable[None]]
    choose_power: Callable[[str], Awaitable[None]]
    choose_tier: Callable[[str], Awaitable[None]]
    desk: Desk | None = None
