"""Alerts about what lasts at a source: raised when it has lasted long enough, ended when it is over."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import tzinfo

from wallflower.alerts.raising import Moment, Raising
from wallflower.alerts.rules import Loud, NoSound, Rule
from wallflower.alerts.source_facts import SourceFacts
from wallflower.alerts.verdicts import Lasting, Levels, Verdict, verdict_on
from wallflower.events import (
    Alert,
    Heard,
    Partial,
    SoundLevel,
    SourceChanged,
    SourceEvent,
    SourceRemoved,
    SpeechChanged,
    Unheard,
)


@dataclass(slots=True)
class _Watched:
    """A rule at a source. open_since: since when its schedule holds (monotonic), None while it does not.
    look_at: when it is to be judged again if nothing happens.
    """

    levels: Levels = field(default_factory=Levels)
    open_since: float | None = None
    alert: Alert | None = None
    full_at: float | None = None
    look_at: float | None = None


class LastingAlerts:
    """Lives on the event loop. Nothing here waits: `look_at` says when to `look`."""

    def __init__(self, raising: Raising, zone: tzinfo | None) -> None:
        self._raising = raising
        self._zone = zone
        self._rules: dict[str, Rule] = {}
        self._facts: dict[str, SourceFacts] = {}
        self._watched: dict[tuple[str, str], _Watched] = {}

    @property
    def look_at(self) -> float | None:
        """When to look again (monotonic) if nothing happens; None for never."""
        times = [each.look_at for each in self._watched.values() if each.look_at is not None]
        return min(times, default=None)

    def use(self, rules: Sequence[Rule], now: Moment) -> None:
        """These rules hold from now on. Alerts of those that changed or are gone end."""
        lasting = {rule.slug: rule for rule in rules if isinstance(rule.condition, Lasting)}
        for (slug, source), watched in list(self._watched.items()):
            if lasting.get(slug) != self._rules[slug]:
                self._end(watched, "ended", f"{source}: the rule was changed", now)
                del self._watched[slug, source]
        self._rules = lasting
        self.look(now)

    def take(self, event: SourceEvent, now: Moment) -> None:
        """Something happened at a source."""
        source = event.source
        if isinstance(event, SourceRemoved):
            self._remove(source, now)
            return
        facts = self._facts.setdefault(source, SourceFacts())
        match event:
            case SourceChanged():
                facts.changed(event, now)
            case SpeechChanged():
                facts.speech_changed(event, now)
            case Partial():
                facts.partial(event, now)
            case Heard():
                facts.heard(event, now)
            case Unheard():
                facts.unheard(event, now)
            case SoundLevel():
                self._measure(event, now)
        self._judge(source, now)

    def look(self, now: Moment) -> None:
        """Judge all of it anew."""
        for source in self._facts:
            self._judge(source, now)

    def _measure(self, event: SoundLevel, now: Moment) -> None:
        for rule in self._rules.values():
            if isinstance(rule.condition, NoSound | Loud) and rule.concerns(event.source):
                watched = self._watched.setdefault((rule.slug, event.source), _Watched())
                met = watched.alert is not None
                watched.levels.take(rule.condition, event.rms, event.peak, now.mono_of(event.at), met=met)

    def _judge(self, source: str, now: Moment) -> None:
        facts = self._facts[source]
        facts.settle(now.mono)
        for rule in self._rules.values():
            if rule.concerns(source):
                self._judge_rule(rule, source, facts, now)

    def _judge_rule(self, rule: Rule, source: str, facts: SourceFacts, now: Moment) -> None:
        watched = self._watched.setdefault((rule.slug, source), _Watched())
        schedule_look = self._look_at_schedule(rule, watched, now)
        if watched.open_since is None:
            self._end(watched, "ended", f"{source}: outside the rule's times", now)
            watched.look_at = schedule_look
            return
        assert isinstance(rule.condition, Lasting)
        if facts.connected_since is None:
            watched.levels.since = None
        verdict = verdict_on(
            rule.condition, source, facts, watched.levels, watched.open_since, now.mono, watched.full_at
        )
        if not verdict.met:
            self._end(watched, "withdrawn" if verdict.early else "ended", verdict.summary, now)
        elif watched.alert is None:
            self._raise(rule, source, watched, verdict, now)
        cooled = self._raising.ready_at(rule, source) if verdict.met and watched.alert is None else None
        looks = [at for at in (verdict.look_at, cooled, schedule_look, facts.vad_until) if at is not None]
        watched.look_at = min(looks, default=None)

    def _look_at_schedule(self, rule: Rule, watched: _Watched, now: Moment) -> float | None:
        if not rule.schedule.holds(now.wall, self._zone):
            watched.open_since = None
        elif watched.open_since is None:
            watched.open_since = now.mono if rule.schedule.windows else float("-inf")
        seconds = rule.schedule.look_again(now.wall, self._zone)
        return None if seconds is None else now.mono + seconds

    def _raise(self, rule: Rule, source: str, watched: _Watched, verdict: Verdict, now: Moment) -> None:
        watched.alert = self._raising.alert(rule, source, now, verdict.summary, verdict.detail)
        if watched.alert is not None:
            watched.full_at = verdict.full_at

    def _end(self, watched: _Watched, phase: str, summary: str, now: Moment) -> None:
        if watched.alert is not None:
            self._raising.follow(watched.alert, phase, now, summary)
        watched.alert = watched.full_at = None

    def _remove(self, source: str, now: Moment) -> None:
        self._facts.pop(source, None)
        for key in [key for key in self._watched if key[1] == source]:
            self._end(self._watched.pop(key), "ended", f"{source} was removed", now)
