"""Alerts about what is said: raised by the first words that do, confirmed or withdrawn by the last."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo

from wallflower.alerts.detail import about_words
from wallflower.alerts.raising import Detail, Moment, Raising
from wallflower.alerts.rules import Keyword, Rule, Speech
from wallflower.events import Alert, Heard, Partial, Unheard
from wallflower.languages import UNDETERMINED, base_language

_MOST_UTTERANCES = 500
"""Of which it is remembered what was raised; the oldest are forgotten."""


@dataclass(slots=True)
class _Utterance:
    """looked_at: committed and tentative words so far. revision: of the last Heard, -1 before it."""

    looked_at: tuple[str, str] = ("", "")
    revision: int = -1
    raised: dict[str, Alert] = field(default_factory=dict)


@dataclass(slots=True)
class _Go:
    """What was said in one go, part by part. raised: by its partials, and in no part yet. met: slugs of the
    rules that a part meets: they are told once.
    """

    raised: dict[str, Alert] = field(default_factory=dict)
    met: set[str] = field(default_factory=set)


class Said:
    """Lives on the event loop. rules: all; only those about words are looked at."""

    def __init__(self, raising: Raising, zone: tzinfo | None) -> None:
        self._raising = raising
        self._zone = zone
        self._utterances: dict[tuple[str, int], _Utterance] = {}
        self._goes: dict[str, _Go] = {}  # those of which a part is still to come, by source

    def partial(self, event: Partial, rules: Sequence[Rule], now: Moment) -> None:
        """More words may be known."""
        words = event.committed.strip(), event.tentative.strip()
        utterance = self._utterance(event.source, event.id)
        if words == utterance.looked_at or utterance.revision >= 0:
            return
        utterance.looked_at = words
        for rule in self._concerned(rules, event):
            early = isinstance(rule.condition, Keyword) and rule.condition.early
            text = " ".join(filter(None, words)) if early else words[0]
            if rule.slug not in utterance.raised and (detail := _met(rule, event, text)) is not None:
                alert = self._raise(rule, event, detail, now)
                if alert is not None:
                    utterance.raised[rule.slug] = alert

    def heard(self, event: Heard, rules: Sequence[Rule], now: Moment) -> None:
        """The final words, or a revision of them."""
        utterance = self._utterance(event.source, event.id)
        if event.revision <= utterance.revision:
            return
        first, utterance.revision = utterance.revision < 0, event.revision
        found = {
            rule.slug: (rule, detail)
            for rule in self._concerned(rules, event)
            if (detail := _met(rule, event, event.text.strip())) is not None
        }
        go = self._goes.pop(event.source, _Go()) if first else _Go()
        go.raised |= utterance.raised
        utterance.raised = {}
        for slug, (rule, detail) in found.items():
            alert = go.raised.pop(slug, None)
            if alert is not None and not first:  # an earlier revision confirmed it
                utterance.raised[slug] = alert
            elif slug not in go.met and (alert := alert or self._raise(rule, event, detail, now)):
                summary = _summary(rule, event.source, detail)
                utterance.raised[slug] = self._raising.follow(
                    alert, "confirmed", now, summary, detail, event.id
                )
        if first and event.continued:
            go.met |= found.keys()
            self._goes[event.source] = go
        else:
            self._withdraw(go.raised.values(), now)

    def unheard(self, event: Unheard, now: Moment) -> None:
        """Nobody said it."""
        if utterance := self._utterances.pop((event.source, event.id), None):
            self._withdraw(utterance.raised.values(), now)

    def _raise(self, rule: Rule, event: Partial | Heard, detail: Detail, now: Moment) -> Alert | None:
        summary = _summary(rule, event.source, detail)
        return self._raising.alert(rule, event.source, now, summary, detail, event.id)

    def _withdraw(self, alerts: Iterable[Alert], now: Moment) -> None:
        for alert in alerts:
            self._raising.follow(alert, "withdrawn", now, f"{alert.source}: it was not said after all")

    def _concerned(self, rules: Sequence[Rule], event: Partial | Heard) -> list[Rule]:
        return [
            rule
            for rule in rules
            if isinstance(rule.condition, Keyword | Speech)
            and rule.concerns(event.source)
            and rule.schedule.holds(event.start, self._zone)
        ]

    def _utterance(self, source: str, identity: int) -> _Utterance:
        utterance = self._utterances.setdefault((source, identity), _Utterance())
        if len(self._utterances) > _MOST_UTTERANCES:
            del self._utterances[next(iter(self._utterances))]
        return utterance


def _met(rule: Rule, event: Partial | Heard, text: str) -> Detail | None:
    """What an alert tells, or None when `text` of the event does not meet the rule."""
    told: Detail = {}
    if isinstance(rule.condition, Keyword):
        keywords, language = rule.condition.keywords, rule.condition.language
        if language and not _is_in(language, event.language):
            return None
        found = keywords.find(text, final=isinstance(event, Heard))
        if found is None:
            return None
        told = {"phrase": found.phrase, "heard": found.heard}
    elif not text:
        return None
    return told | about_words(event, text)


def _is_in(language: str, code: str) -> bool:
    """Whether an utterance in `code` is in `language`; not, while that is not known."""
    return bool(code) and code != UNDETERMINED and base_language(code) == language


def _summary(rule: Rule, source: str, detail: Detail) -> str:
    if isinstance(rule.condition, Keyword):
        return f"{source}: “{detail['heard']}” was said"
    return f"{source}: somebody speaks"
