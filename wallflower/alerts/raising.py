"""Making alerts of what the rules found: cooldown, and what belongs together."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from wallflower.alerts.rules import Rule
from wallflower.events import Alert

Detail = dict[str, str | float | int | None]


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time by two clocks. mono: seconds, never set back. wall: what is told, aware."""

    mono: float
    wall: datetime

    def mono_of(self, at: datetime) -> float:
        """The same clock's time of an event at `at`, which is never after this moment."""
        return self.mono - max(0.0, (self.wall - at).total_seconds())


def moment() -> Moment:
    """Now."""
    return Moment(time.monotonic(), datetime.now(UTC))


class Raising:
    """Makes alerts and tells them. new_id: gives an id for an alert at a time."""

    def __init__(self, new_id: Callable[[datetime], int], tell: Callable[[Alert], None]) -> None:
        self._new_id = new_id
        self._tell = tell
        self._last: dict[tuple[str, str], tuple[int, float]] = {}  # by rule and source: alert, when

    def ready_at(self, rule: Rule, source: str) -> float:
        """From when on (monotonic) the rule may raise another alert about the source."""
        _, at = self._last.get((rule.slug, source), (0, float("-inf")))
        return at + rule.cooldown

    def alert(
        self,
        rule: Rule,
        source: str,
        now: Moment,
        summary: str,
        detail: Detail,
        utterance: int | None = None,
    ) -> Alert | None:
        """Raise an alert; None while the rule cools down."""
        if now.mono < self.ready_at(rule, source):
            return None
        alert = Alert(
            id=self._new_id(now.wall),
            rule=rule.slug,
            kind=rule.kind,
            source=source,
            severity=rule.severity,
            phase="raised",
            summary=summary,
            at=now.wall,
            utterance=utterance,
            detail=tuple(detail.items()),
        )
        self._last[rule.slug, source] = (alert.id, now.mono)
        self._tell(alert)
        return alert

    def follow(
        self,
        alert: Alert,
        phase: str,
        now: Moment,
        summary: str,
        detail: Detail | None = None,
        utterance: int | None = None,
    ) -> Alert:
        """Tell what became of an alert, and give that back. One that is withdrawn does not make the rule cool
        down. detail, utterance: None for as they were.
        """
        followed = replace(
            alert,
            phase=phase,
            summary=summary,
            at=now.wall,
            utterance=alert.utterance if utterance is None else utterance,
            detail=alert.detail if detail is None else tuple(detail.items()),
        )
        self._tell(followed)
        key = alert.rule, alert.source
        if phase == "withdrawn" and self._last.get(key, (0, 0.0))[0] == alert.id:
            del self._last[key]
        return followed

    def forget_source(self, source: str) -> None:
        """The source is gone."""
        for key in [key for key in self._last if key[1] == source]:
            del self._last[key]
