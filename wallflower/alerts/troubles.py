"""Alerts about the box itself: its storage, its heat, its engines, and whether it keeps up with the sound."""

from collections.abc import Sequence
from datetime import tzinfo

from wallflower.alerts.raising import Detail, Moment, Raising
from wallflower.alerts.rules import Rule, Trouble
from wallflower.events import (
    Alert,
    DatabaseSetAside,
    EngineInUse,
    EngineSetAside,
    Happening,
    Heard,
    PowerStep,
    SourceRemoved,
    StorageFailing,
    StorageWorking,
)


class TroubleAlerts:
    """Lives on the event loop."""

    def __init__(self, raising: Raising, zone: tzinfo | None) -> None:
        self._raising = raising
        self._zone = zone
        self._rules: list[Rule] = []
        self._alerts: dict[tuple[str, str], Alert] = {}  # by rule, and what it is about

    def use(self, rules: Sequence[Rule], now: Moment) -> None:
        """These rules hold from now on. Alerts of those that changed or are gone end."""
        kept = [rule for rule in rules if isinstance(rule.condition, Trouble)]
        gone = {rule.slug for rule in self._rules if rule not in kept}
        for slug, about in list(self._alerts):
            if slug in gone:
                self._end_one((slug, about), now, "the rule was changed")
        self._rules = kept

    def happened(self, happening: Happening, now: Moment) -> None:
        """Something happened to the box."""
        match happening:
            case StorageFailing(reason):
                self._begin("storage", "storage", "transcripts cannot be written", {"reason": reason}, now)
            case StorageWorking(lost):
                self._end("storage", now, f"transcripts are written again; {lost} were lost")
            case DatabaseSetAside(name):
                told = "the database was broken, and a new one was begun"
                self._begin("storage", f"database {name}", told, {"name": name}, now)
            case PowerStep(0, _):
                self._end("heat", now, "the box uses all of itself again")
            case PowerStep(step, reason):
                self._begin(
                    "heat", "heat", "the box uses less of itself", {"step": step, "reason": reason}, now
                )
            case EngineSetAside(engine, reason, _):
                told = f"{engine} does not work"
                self._begin("engine", f"engine {engine}", told, {"engine": engine, "reason": reason}, now)
            case EngineInUse(engine):
                self._end(f"engine {engine}", now, f"{engine} works again")

    def heard(self, event: Heard, now: Moment) -> None:
        """How long it took until the words were known: of what was said in one go, all of them."""
        if event.revision or event.continued:
            return
        lag = (now.wall - event.end).total_seconds()
        about = f"lag {event.source}"
        for rule in self._rules:
            assert isinstance(rule.condition, Trouble)
            if not rule.concerns(event.source):
                continue
            if lag >= rule.condition.seconds:
                told = f"{event.source}: the words come {lag:.0f} s after the sound"
                self._begin_one(rule, "lag", about, told, {"lag": round(lag, 1)}, now, event.source)
            elif lag < rule.condition.seconds / 2:
                self._end_one((rule.slug, about), now, f"{event.source}: the words come in time again")

    def removed(self, event: SourceRemoved, now: Moment) -> None:
        """A source is gone."""
        self._end(f"lag {event.source}", now, f"{event.source} was removed")

    def _begin(self, trouble: str, about: str, summary: str, detail: Detail, now: Moment) -> None:
        for rule in self._rules:
            self._begin_one(rule, trouble, about, summary, detail, now)

    def _begin_one(
        self,
        rule: Rule,
        trouble: str,
        about: str,
        summary: str,
        detail: Detail,
        now: Moment,
        source: str = "",
    ) -> None:
        assert isinstance(rule.condition, Trouble)
        if (
            trouble not in rule.condition.troubles
            or (rule.slug, about) in self._alerts
            or not rule.schedule.holds(now.wall, self._zone)
        ):
            return
        alert = self._raising.alert(rule, source, now, summary, {"trouble": trouble, **detail})
        if alert is not None and not about.startswith("database "):  # that is no state: it has no end
            self._alerts[rule.slug, about] = alert

    def _end(self, about: str, now: Moment, summary: str) -> None:
        for key in [key for key in self._alerts if key[1] == about]:
            self._end_one(key, now, summary)

    def _end_one(self, key: tuple[str, str], now: Moment, summary: str) -> None:
        if alert := self._alerts.pop(key, None):
            self._raising.follow(alert, "ended", now, summary)
