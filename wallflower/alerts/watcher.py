"""The watcher: gives the rules what is on the bus and the time, and puts their alerts on the bus."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo

import structlog

from wallflower.alerts.raising import Moment, moment
from wallflower.alerts.rules import Rule
from wallflower.alerts.watch import Watch
from wallflower.bus import Bus
from wallflower.events import Alert, BusEvent

_LOG = structlog.get_logger(__name__)


class Watcher:
    """Lives on the event loop, as one task and at most one timer: with nothing to come, it only waits."""

    def __init__(
        self,
        bus: Bus,
        rules: Sequence[Rule],
        *,
        new_id: Callable[[datetime], int],
        clock: Callable[[], Moment] = moment,
        zone: tzinfo | None = None,
    ) -> None:
        """new_id: gives an id for an alert at a time. zone: of the schedules; None for the system's."""
        self._bus = bus
        self._clock = clock
        self._watch = Watch(rules, clock(), new_id=new_id, tell=self._tell, zone=zone)
        self._timer: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Watch, until cancelled."""
        with self._bus.subscribe("alerts") as subscription:
            self._wind_up()
            try:
                async for event in subscription.events():
                    self.take(event)
            finally:
                self._stop_timer()

    def take(self, event: BusEvent) -> None:
        """Something happened."""
        try:
            self._watch.take(event, self._clock())
        except Exception:  # noqa: BLE001  # one event that is not understood is no end of the watch
            _LOG.exception("alerts: an error of ours", event_kind=type(event).__name__)
        self._wind_up()

    def use(self, rules: Sequence[Rule]) -> None:
        """These rules hold from now on."""
        self._watch.use(rules, self._clock())
        self._wind_up()

    def _wind_up(self) -> None:
        """Have `_look` called when it is due."""
        self._stop_timer()
        due = self._watch.look_at
        if due is not None:
            wait = max(0.0, due - self._clock().mono)
            self._timer = asyncio.get_running_loop().call_later(wait, self._look)

    def _look(self) -> None:
        try:
            self._watch.look(self._clock())
        finally:
            self._wind_up()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tell(self, alert: Alert) -> None:
        # Not the summary: it may hold what was said.
        _LOG.info(
            "alert", rule=alert.rule, kind=alert.kind, source=alert.source, phase=alert.phase, id=alert.id
        )
        self._bus.publish(alert)
