"""What this door is given: what it may ask about the box and its sources, and what it may have changed."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from wallflower.events import SourceStatus
from wallflower.hardware.power import PROFILES
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


@dataclass(frozen=True, slots=True)
class Controls:
    """All that MQTT may ask for. Those that change something raise WallflowerError when they will not.

    sources: those configured, at once. state: how a source is now, and why. vitals: how the box is. power,
    tier: what is in force. change_source: one field of a source's card gets another value: listening,
    silence_minutes, sensitivity or keywords. listen: all sources. restart, calibrate: return before it
    happens. choose_power: one of POWERS. choose_tier: one of TIERS.
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
