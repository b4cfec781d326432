"""Whether a source meets a rule now, and when to ask again: pure functions of what is known of it."""

from dataclasses import dataclass

from wallflower.alerts.raising import Detail
from wallflower.alerts.rules import Loud, NoSound, Silence, SourceDown
from wallflower.alerts.source_facts import SourceFacts

_WAIT_FOR_WORDS_SECONDS = 0.9
"""What the VAD takes for speech just before a silence is long enough has this long to bring words."""
_LONGEST_SEGMENT_SECONDS = 40.0
"""Within this, all words of a passage are known: it is cut after 28 s."""
_QUIETER_DBFS = 3.0
"""So far the level must fall before it is not loud any more."""

Lasting = Silence | NoSound | Loud | SourceDown
"""Conditions of a source that begin and end."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """met: whether the rule is. full_at: when (monotonic) it was, or would be, long enough. look_at: when to
    ask again if nothing happens; None for never. early: the rule should not have been met.
    """

    met: bool
    summary: str
    detail: Detail
    full_at: float = float("inf")
    look_at: float | None = None
    early: bool = False


@dataclass(slots=True)
class Levels:
    """How long the sound of a source has been as a rule wants it. since: monotonic; None while it is not."""

    since: float | None = None

    def take(self, condition: NoSound | Loud, rms: float, peak: float, at: float, *, met: bool) -> None:
        """The level over the last second, which ended at `at`. met: the rule is, so far."""
        if isinstance(condition, NoSound):
            holds = peak <= condition.dbfs
        else:
            holds = rms >= condition.dbfs - (_QUIETER_DBFS if met else 0.0)
        if not holds:
            self.since = None
        elif self.since is None:
            self.since = at - 1.0


def verdict_on(
    condition: Lasting,
    source: str,
    facts: SourceFacts,
    levels: Levels,
    since: float,
    now: float,
    full_at: float | None,
) -> Verdict:
    """since: from when on the rule counts, as its schedule has it. full_at: that of the verdict by which the
    rule was met, None while it is not.
    """
    match condition:
        case Silence(seconds):
            return _silence(seconds, source, facts, since, now, full_at)
        case SourceDown(seconds):
            begun, told = facts.down_since, f"{source} cannot be listened to"
            detail: Detail = {
                "status": facts.status.value if facts.status else "",
                "reason": facts.reason,
                "seconds": seconds,
            }
        case NoSound(seconds, dbfs):
            begun = levels.since if facts.connected_since is not None else None
            told, detail = f"{source}: no sound for {_for(seconds)}", {"dbfs": dbfs, "seconds": seconds}
        case Loud(seconds, dbfs):
            begun = levels.since if facts.connected_since is not None else None
            told, detail = f"{source} is loud", {"dbfs": dbfs, "seconds": seconds}
    if begun is None:
        return Verdict(False, f"{source}: over", detail)
    full = max(begun, since) + seconds
    if now >= full:
        return Verdict(True, told, detail, full)
    # How loud it is is told each second: a timer would run ahead of that.
    return Verdict(False, told, detail, full, None if isinstance(condition, NoSound | Loud) else full)


def _silence(
    seconds: float, source: str, facts: SourceFacts, since: float, now: float, full_at: float | None
) -> Verdict:
    detail: Detail = {"seconds": seconds}
    if facts.connected_since is None:
        return Verdict(False, f"{source} is not listened to", detail)
    full = max(facts.quiet_since, facts.connected_since, since) + seconds
    told = f"{source}: nobody has spoken for {_for(seconds)}"
    if full_at is not None:
        if full <= full_at:
            return Verdict(True, told, detail, full_at)
        # Somebody speaks. If that began before the silence was long enough, it never was.
        early = facts.quiet_since + seconds == full and facts.spoken_from < full_at
        return Verdict(False, f"{source}: somebody spoke", detail, full, full, early=early)
    due = full
    if facts.vad_since is not None and facts.vad_since < full:
        if now < facts.hint_until:
            due = max(full, facts.hint_until)
        elif facts.partials_come:
            due = full + _WAIT_FOR_WORDS_SECONDS
        else:  # all the words will tell, or their absence
            due = max(full, facts.vad_since + _LONGEST_SEGMENT_SECONDS)
    if now >= due:
        return Verdict(True, told, detail, full)
    return Verdict(False, told, detail, full, due)


def _for(seconds: float) -> str:
    return f"{seconds / 60:g} min" if seconds >= 60 else f"{seconds:g} s"
