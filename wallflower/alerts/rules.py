"""Rules, as immutable values: what is to be told, where, and when."""

from collections.abc import Iterable
from dataclasses import dataclass

from wallflower.alerts.folding import fold
from wallflower.alerts.keywords import Keywords
from wallflower.alerts.schedule import ALWAYS, Schedule
from wallflower.events import Speaker

SEVERITIES = ("info", "warning", "critical")
"""From the least."""
TROUBLES = ("storage", "heat", "engine", "lag")


@dataclass(frozen=True, slots=True)
class Keyword:
    """Some words are said. language: ISO 639 code of the utterances that count; empty for all. early: words
    that may yet be taken back count, too.
    """

    keywords: Keywords
    language: str = ""
    early: bool = True


@dataclass(frozen=True, slots=True)
class Speech:
    """Anything is said: where, or when, nobody should speak."""


@dataclass(frozen=True, slots=True)
class SpokenBy:
    """One of these speaks. names: folded. known, unknown: everybody who is, or is not, named or enrolled."""

    names: frozenset[str] = frozenset()
    known: bool = False
    unknown: bool = False

    def means(self, speaker: Speaker) -> bool:
        """Whether the rule is about this person."""
        return (self.known if speaker.known else self.unknown) or fold(speaker.name) in self.names


@dataclass(frozen=True, slots=True)
class Silence:
    """Nobody speaks on a connected source. seconds: for how long."""

    seconds: float


@dataclass(frozen=True, slots=True)
class NoSound:
    """A connected source gives no sound. seconds: for how long. dbfs: the highest peak that is none."""

    seconds: float
    dbfs: float


@dataclass(frozen=True, slots=True)
class Loud:
    """It is loud. dbfs: the level (root mean square) that is reached all the time. seconds: for how long."""

    seconds: float
    dbfs: float


@dataclass(frozen=True, slots=True)
class SourceDown:
    """A source that should be listened to cannot be. seconds: for how long."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Trouble:
    """The box has a trouble. troubles: those of TROUBLES that count. seconds: the lag behind the sound that
    is one.
    """

    troubles: frozenset[str]
    seconds: float


Condition = Keyword | Speech | SpokenBy | Silence | NoSound | Loud | SourceDown | Trouble


@dataclass(frozen=True, slots=True)
class Rule:
    """sources: slugs; empty for all. cooldown: seconds from an alert until the next about the same source."""

    name: str
    slug: str
    kind: str
    condition: Condition
    enabled: bool = True
    sources: tuple[str, ...] = ()
    severity: str = "warning"
    cooldown: float = 0.0
    schedule: Schedule = ALWAYS

    def concerns(self, source: str) -> bool:
        """Whether the rule is about this source."""
        return not self.sources or source in self.sources


def enabled(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """Those that are."""
    return tuple(rule for rule in rules if rule.enabled)
