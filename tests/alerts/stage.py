"""A stage on which events are played to the rules, with a clock that the play winds."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from wallflower.alerts.raising import Moment
from wallflower.alerts.reading import read_rule
from wallflower.alerts.watch import Watch
from wallflower.events import (
    Alert,
    BusEvent,
    Heard,
    Partial,
    SoundLevel,
    SourceChanged,
    SourceStatus,
    Speaker,
    SpeakerChanged,
    SpeechChanged,
    Unheard,
    UtteranceRevised,
)

BEGIN = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
"""A Friday."""


class Stage:
    """seconds: since the beginning. told: the alerts so far. Timers are kept to the millisecond."""

    def __init__(self, *rules: Mapping[str, Any], source: str = "hall", begin: datetime = BEGIN) -> None:
        self.seconds = 0.0
        self.source = source
        self.begin = begin
        self.told: list[Alert] = []
        ids = count(1)
        self.watch = Watch(
            [read_rule({"name": "r", **rule}) for rule in rules],
            self.moment(0),
            new_id=lambda _at: next(ids),
            tell=self.told.append,
            zone=UTC,
        )

    def moment(self, seconds: float) -> Moment:
        return Moment(1000 + seconds, self.at(seconds))

    def at(self, seconds: float) -> datetime:
        return self.begin + timedelta(seconds=seconds)

    def until(self, seconds: float) -> None:
        """Let the time pass."""
        while (due := self.watch.look_at) is not None and due <= 1000 + seconds:
            self.seconds = max(self.seconds, due - 1000)
            self.watch.look(self.moment(self.seconds))
            assert self.watch.look_at is None or self.watch.look_at > due, "it does not get further"
        self.seconds = seconds

    def play(self, seconds: float, event: BusEvent) -> None:
        self.until(seconds)
        self.watch.take(event, self.moment(seconds))

    def status(self, seconds: float, status: SourceStatus, reason: str = "") -> None:
        self.play(seconds, SourceChanged(self.source, status, reason, self.at(seconds)))

    def healthy(self, seconds: float = 0) -> None:
        self.status(seconds, SourceStatus.HEALTHY)

    def vad(self, seconds: float, *, speaking: bool) -> None:
        self.play(seconds, SpeechChanged(self.source, speaking, self.at(seconds)))

    def partial(
        self,
        seconds: float,
        identity: int,
        committed: str,
        tentative: str = "",
        *,
        start: float,
        language: str = "en",
    ) -> None:
        self.play(
            seconds,
            Partial(self.source, identity, committed, tentative, language, self.at(start), self.at(seconds)),
        )

    def heard(self, seconds: float, identity: int, text: str, start: float, end: float, **more: Any) -> None:
        self.play(seconds, self._heard(identity, text, start, end, more))

    def revised(
        self, seconds: float, identity: int, text: str, start: float, end: float, **more: Any
    ) -> None:
        given = {"revision": 1, **more}
        self.play(seconds, UtteranceRevised(self._heard(identity, text, start, end, given)))

    def _heard(self, identity: int, text: str, start: float, end: float, more: Mapping[str, Any]) -> Heard:
        given = {"language": "en", "audio_start": start, "audio_end": end, **more}
        return Heard(
            id=identity, source=self.source, start=self.at(start), end=self.at(end), text=text, **given
        )

    def turn(
        self, seconds: float, speaker: Speaker | None, at: float | None = None, *, provisional: bool = False
    ) -> None:
        begin = self.at(seconds if at is None else at)
        self.play(seconds, SpeakerChanged(self.source, speaker, begin, provisional))

    def unheard(self, seconds: float, identity: int) -> None:
        self.play(seconds, Unheard(self.source, identity, self.at(seconds)))

    def level(self, seconds: float, rms: float, peak: float) -> None:
        self.play(seconds, SoundLevel(self.source, rms, peak, self.at(seconds)))

    @property
    def phases(self) -> list[tuple[str, float]]:
        """What was told, and when, in seconds."""
        return [(alert.phase, round((alert.at - self.begin).total_seconds(), 3)) for alert in self.told]
