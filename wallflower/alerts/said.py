"""Alerts about what is said: raised by the first words that do, confirmed or withdrawn by the last."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import tzinfo

from wallflower.alerts.folding import fold
from wallflower.alerts.raising import Detail, Moment, Raising
from wallflower.alerts.rules import Keyword, Rule, Speaker, Speech
from wallflower.events import Alert, Heard, Partial, Unheard
from wallflower.languages import UNDETERMINED, base_language

_MOST_UTTERANCES = 500
"""Of which it is remembered what was raised; the oldest are forgotten."""
_LONGEST_TEXT = 1_000


@dataclass(slots=True)
class _Utterance:
    """looked_at: committed and tentative words so far. revision: of the last Heard, -1 before it."""

    looked_at: tuple[str, str] = ("", "")
    revision: int = -1
    raised: dict[str, Alert] = field(default_factory=dict)


class Said:
    """Lives on the event loop. rules: all; only those about utterances are looked at."""

    def __init__(self, raising: Raising, zone: tzinfo | None) -> None:
        self._raising = raising
        self._zone = zone
        self._utterances: dict[tuple[str, int], _Utterance] = {}

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
                self._raise(rule, event, utterance, detail, now)

    def heard(self, event: Heard, rules: Sequence[Rule], now: Moment) -> None:
        """The final words, or a revision of them."""
        utterance = self._utterance(event.source, event.id)
        if event.revision <= utterance.revision:
            return
        first, utterance.revision = utterance.revision < 0, event.revision
        found: dict[str, Detail] = {}
        for rule in self._concerned(rules, event):
            if (detail := _met(rule, event, event.text.strip())) is not None:
                found[rule.slug] = detail
                if (alert := utterance.raised.get(rule.slug)) is None:
                    alert = self._raise(rule, event, utterance, detail, now)
                elif not first:  # it was confirmed by an earlier revision
                    continue
                if alert is not None:
                    self._raising.follow(
                        alert, "confirmed", now, _summary(rule, event.source, detail), detail
                    )
        for slug in set(utterance.raised) - set(found):
            self._withdraw(utterance, slug, now)

    def unheard(self, event: Unheard, now: Moment) -> None:
        """Nobody said it."""
        if utterance := self._utterances.pop((event.source, event.id), None):
            for slug in list(utterance.raised):
                self._withdraw(utterance, slug, now)

    def _raise(
        self, rule: Rule, event: Partial | Heard, utterance: _Utterance, detail: Detail, now: Moment
    ) -> Alert | None:
        summary = _summary(rule, event.source, detail)
        alert = self._raising.alert(rule, event.source, now, summary, detail, event.id)
        if alert is not None:
            utterance.raised[rule.slug] = alert
        return alert

    def _withdraw(self, utterance: _Utterance, slug: str, now: Moment) -> None:
        alert = utterance.raised.pop(slug)
        self._raising.follow(alert, "withdrawn", now, f"{alert.source}: it was not said after all")

    def _concerned(self, rules: Sequence[Rule], event: Partial | Heard) -> list[Rule]:
        return [
            rule
            for rule in rules
            if isinstance(rule.condition, Keyword | Speech | Speaker)
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
    final = isinstance(event, Heard)
    match rule.condition:
        case Keyword(keywords, language, _):
            if language and not _is_in(language, event.language):
                return None
            found = keywords.find(text, final=final)
            if found is None:
                return None
            told: Detail = {"phrase": found.phrase, "heard": found.heard}
        case Speaker(speakers):
            if not isinstance(event, Heard) or fold(event.speaker) not in speakers:
                return None
            told = {}
        case _:
            if not text:
                return None
            told = {}
    told |= {"text": text[:_LONGEST_TEXT], "language": event.language, "start": event.start.isoformat()}
    if isinstance(event, Heard):
        told |= {"end": event.end.isoformat(), "speaker": event.speaker, "confidence": event.confidence}
    return told


def _is_in(language: str, code: str) -> bool:
    """Whether an utterance in `code` is in `language`; not, while that is not known."""
    return bool(code) and code != UNDETERMINED and base_language(code) == language


def _summary(rule: Rule, source: str, detail: Detail) -> str:
    match rule.condition:
        case Keyword():
            return f"{source}: “{detail['heard']}” was said"
        case Speaker():
            return f"{source}: {detail['speaker']} speaks"
        case _:
            return f"{source}: somebody speaks"
