"""Alerts about who speaks: raised when that is known, maybe before the words are, and confirmed with them."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from wallflower.alerts.detail import about_speaker, about_words
from wallflower.alerts.raising import Detail, Moment, Raising
from wallflower.alerts.rules import Rule, SpokenBy
from wallflower.events import Alert, Heard, Partial, Speaker, SpeakerChanged, Unheard

_SPEAKING_ON_SECONDS = 60.0
"""Whoever speaks again within this is not told of again."""
_LATE_SECONDS = 120.0
"""What is found out later than this about an utterance raises no alert: it is no news any more."""
_EDGE_SECONDS = 0.5
"""An utterance has some sound before and after its words: it is not about a change so near to its end."""
_MOST = 500
"""Alerts of which it is remembered what they stand on; the oldest are forgotten."""


@dataclass(slots=True, eq=False)
class _Told:
    """An alert about a person. first, last: when they were heard (monotonic). utterances: those that the
    alert stands on, or may when it is known who said them.
    """

    alert: Alert
    condition: SpokenBy
    speaker: Speaker
    first: float
    last: float
    confirmed: bool = False
    utterances: set[int] = field(default_factory=set)


class SpeakerAlerts:
    """Lives on the event loop. rules: all; only those about speakers are looked at."""

    def __init__(self, raising: Raising, zone: tzinfo | None) -> None:
        self._raising = raising
        self._zone = zone
        self._told: deque[_Told] = deque(maxlen=_MOST)
        self._parts: dict[str, list[Heard]] = {}  # of what was said in one go and is not over, by source
        self._begun: dict[str, tuple[int, datetime]] = {}  # the last utterance under way: id, start

    def changed(self, event: SpeakerChanged, rules: Sequence[Rule], now: Moment) -> None:
        """Somebody else speaks."""
        if event.speaker is not None and not event.provisional:
            at = now.mono_of(event.at)
            detail = {**about_speaker(event.speaker), "start": event.at.isoformat()}
            for rule, condition in self._met(rules, event.source, event.at, event.speaker):
                self._tell(rule, condition, event.source, event.speaker, (at, at), detail, now)

    def heard(self, event: Heard, rules: Sequence[Rule], now: Moment) -> None:
        """All words of an utterance are known, or of a part of one."""
        self._spoke(event, rules, now)
        parts = [*self._parts.pop(event.source, []), event]
        if event.continued:
            self._parts[event.source] = parts
            return
        nobody = {part.id for part in parts if part.speaker is None}
        until = now.mono_of(event.end) - _EDGE_SECONDS
        for told in self._unconfirmed(event.source):
            if told.first <= until:
                told.utterances |= nobody
                if not nobody:
                    self._withdraw(told, now)

    def revised(self, event: Heard, rules: Sequence[Rule], now: Moment) -> None:
        """It is known better who said it."""
        speaker = event.speaker
        for told in [each for each in self._told if event.id in each.utterances]:
            is_so = speaker is not None and speaker.id == told.speaker.id and told.condition.means(speaker)
            if told.alert.source == event.source and not is_so:
                told.utterances.discard(event.id)
                if not told.utterances:
                    self._withdraw(told, now)
        if now.mono - now.mono_of(event.end) <= _LATE_SECONDS:
            self._spoke(event, rules, now)

    def partial(self, event: Partial) -> None:
        """Some words are known, or guessed."""
        self._begun[event.source] = event.id, event.start

    def unheard(self, event: Unheard, now: Moment) -> None:
        """Nobody said anything. All words of what was said before may be known later than that."""
        identity, start = self._begun.pop(event.source, (None, event.at))
        if identity == event.id:
            for told in self._unconfirmed(event.source):
                if told.first >= now.mono_of(start) - _EDGE_SECONDS:
                    self._withdraw(told, now)

    def _spoke(self, event: Heard, rules: Sequence[Rule], now: Moment) -> None:
        if event.speaker is None:
            return
        place = now.mono_of(event.start), now.mono_of(event.end)
        detail = about_words(event, event.text.strip())
        for rule, condition in self._met(rules, event.source, event.start, event.speaker):
            told = self._tell(rule, condition, event.source, event.speaker, place, detail, now, event.id)
            if told is not None:
                told.utterances.add(event.id)
                if not told.confirmed:
                    told.confirmed = True
                    told.alert = self._raising.follow(
                        told.alert, "confirmed", now, _summary(event.source, event.speaker), detail, event.id
                    )

    def _tell(
        self,
        rule: Rule,
        condition: SpokenBy,
        source: str,
        speaker: Speaker,
        place: tuple[float, float],
        detail: Detail,
        now: Moment,
        utterance: int | None = None,
    ) -> _Told | None:
        """The alert about a person who spoke then: that which was raised before if they speak on, else a new
        one; None while the rule cools down.
        """
        begin, end = place
        for told in reversed(self._told):
            if (
                (told.alert.rule, told.alert.source, told.speaker.id) == (rule.slug, source, speaker.id)
                and begin <= told.last + _SPEAKING_ON_SECONDS
                and end >= told.first - _SPEAKING_ON_SECONDS
            ):
                told.first, told.last = min(told.first, begin), max(told.last, end)
                return told
        alert = self._raising.alert(rule, source, now, _summary(source, speaker), detail, utterance)
        if alert is None:
            return None
        self._told.append(_Told(alert, condition, speaker, begin, end))
        return self._told[-1]

    def _met(
        self, rules: Sequence[Rule], source: str, at: datetime, speaker: Speaker
    ) -> list[tuple[Rule, SpokenBy]]:
        return [
            (rule, rule.condition)
            for rule in rules
            if isinstance(rule.condition, SpokenBy)
            and rule.condition.means(speaker)
            and rule.concerns(source)
            and rule.schedule.holds(at, self._zone)
        ]

    def _unconfirmed(self, source: str) -> list[_Told]:
        """Alerts that stand on nothing but a change of the speaker."""
        return [
            told
            for told in self._told
            if not told.confirmed and not told.utterances and told.alert.source == source
        ]

    def _withdraw(self, told: _Told, now: Moment) -> None:
        self._told.remove(told)
        who = told.speaker.name if told.speaker.known else "an unknown voice"
        self._raising.follow(told.alert, "withdrawn", now, f"{told.alert.source}: it was not {who}")


def _summary(source: str, speaker: Speaker) -> str:
    name = speaker.name if speaker.known else f"an unknown voice ({speaker.name})"
    return f"{source}: {name} speaks"
