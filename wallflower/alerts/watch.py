"""All rules over all sources: what comes in is events and the time, what goes out is alerts."""

from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo

from wallflower.alerts.lasting import LastingAlerts
from wallflower.alerts.raising import Moment, Raising
from wallflower.alerts.rules import Rule, enabled
from wallflower.alerts.said import Said
from wallflower.alerts.speakers import SpeakerAlerts
from wallflower.alerts.troubles import TroubleAlerts
from wallflower.events import (
    Alert,
    BusEvent,
    Heard,
    Partial,
    SoundLevel,
    SourceChanged,
    SourceRemoved,
    SpeakerChanged,
    SpeakersChanged,
    SpeechChanged,
    Unheard,
    UtteranceRevised,
)


class Watch:
    """Knows no clock and waits for nothing: the time comes with each call, `look_at` says when to call."""

    def __init__(
        self,
        rules: Sequence[Rule],
        now: Moment,
        *,
        new_id: Callable[[datetime], int],
        tell: Callable[[Alert], None],
        zone: tzinfo | None = None,
    ) -> None:
        """new_id: gives an id for an alert at a time. zone: of the schedules; None for the system's."""
        raising = Raising(new_id, tell)
        self._raising = raising
        self._said = Said(raising, zone)
        self._speakers = SpeakerAlerts(raising, zone)
        self._lasting = LastingAlerts(raising, zone)
        self._troubles = TroubleAlerts(raising, zone)
        self._rules: tuple[Rule, ...] = ()
        self.use(rules, now)

    @property
    def look_at(self) -> float | None:
        """When to `look` (monotonic) if nothing happens before; None for never."""
        return self._lasting.look_at

    def use(self, rules: Sequence[Rule], now: Moment) -> None:
        """These rules hold from now on."""
        self._rules = enabled(rules)
        self._lasting.use(self._rules, now)
        self._troubles.use(self._rules, now)

    def look(self, now: Moment) -> None:
        """Time has passed."""
        self._lasting.look(now)

    def take(self, event: BusEvent, now: Moment) -> None:
        """Something happened."""
        match event:
            case Alert():
                return
            case SourceChanged() | SpeechChanged() | SoundLevel():
                pass
            case SourceRemoved():
                self._troubles.removed(event, now)
                self._raising.forget_source(event.source)
            case Partial():
                self._said.partial(event, self._rules, now)
                self._speakers.partial(event)
            case Heard():
                self._said.heard(event, self._rules, now)
                self._speakers.heard(event, self._rules, now)
                self._troubles.heard(event, now)
            case SpeakerChanged():
                self._speakers.changed(event, self._rules, now)
                return
            case UtteranceRevised(heard):  # with the same words
                self._speakers.revised(heard, self._rules, now)
                return
            case SpeakersChanged():
                return
            case Unheard():
                self._said.unheard(event, now)
                self._speakers.unheard(event, now)
            case _:
                self._troubles.happened(event, now)
                return
        self._lasting.take(event, now)
