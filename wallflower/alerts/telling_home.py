"""Telling Home Assistant of alerts: as an event on its bus, or through its notify services."""

import asyncio
import random
from collections import deque
from collections.abc import Sequence

import structlog

from wallflower.alerts.payload import payload_of
from wallflower.bus import Bus
from wallflower.config.identity import Identity
from wallflower.events import Alert
from wallflower.homeassistant.access import Access
from wallflower.homeassistant.websocket import (
    CommandRefusedError,
    CoreConnection,
    CoreError,
    TokenRefusedError,
    connected,
)

_LOG = structlog.get_logger(__name__)

EVENT_WAY = "event"
EVENT_TYPE = "wallflower_alert"
_MOST_WAITING = 100
_FIRST_PAUSE_SECONDS = 2.0
_LONGEST_PAUSE_SECONDS = 300.0
_REFUSED_PAUSE_SECONDS = 3600.0
"""After a refused token: Home Assistant tells its user of each try."""


class HomeTelling:
    """Lives on the event loop. A connection is made when there is something to tell, and closed then.

    ways: event, and services such as notify.mobile_app_phone. The services are told what is raised, withdrawn
    or ended: who is confirmed what he knows is only disturbed.
    """

    def __init__(
        self,
        access: Access,
        ways: Sequence[str],
        box: Identity,
        *,
        first_pause: float = _FIRST_PAUSE_SECONDS,
    ) -> None:
        self._access = access
        self._ways = ways
        self._box = box
        self._first_pause = first_pause
        self._waiting: deque[Alert] = deque(maxlen=_MOST_WAITING)
        self._some = asyncio.Event()
        self._refused: set[str] = set()

    async def run(self, bus: Bus) -> None:
        """Tell of all alerts, until cancelled. When 100 wait, the oldest is lost."""
        with bus.subscribe("home assistant") as subscription:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._tell_all(), name="telling home")
                async for event in subscription.events():
                    if isinstance(event, Alert):
                        self._waiting.append(event)
                        self._some.set()

    async def _tell_all(self) -> None:
        pause = self._first_pause
        while True:
            await self._some.wait()
            try:
                async with connected(self._access) as core:
                    while self._waiting:
                        alert = self._waiting[0]
                        await self._tell(core, alert)
                        if self._waiting and self._waiting[0] is alert:
                            self._waiting.popleft()
                self._some.clear()
                pause = self._first_pause
            except CoreError as error:
                refused = isinstance(error, TokenRefusedError)
                wait = _REFUSED_PAUSE_SECONDS if refused else pause * random.uniform(0.8, 1.2)
                _LOG.warning("alerts not told to Home Assistant", reason=str(error), retry_s=round(wait))
                await asyncio.sleep(wait)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    async def _tell(self, core: CoreConnection, alert: Alert) -> None:
        for way in self._ways:
            try:
                if way == EVENT_WAY:
                    data = payload_of(alert, self._box)
                    await core.command("fire_event", event_type=EVENT_TYPE, event_data=data)
                elif alert.phase != "confirmed":
                    domain, _, service = way.partition(".")
                    data = self._notification(alert)
                    await core.command("call_service", domain=domain, service=service, service_data=data)
            except CommandRefusedError as error:
                if way not in self._refused:  # each time would be too often
                    self._refused.add(way)
                    hint = "; firing an event needs an administrator's token" if way == EVENT_WAY else ""
                    _LOG.warning("Home Assistant does not take alerts", way=way, reason=f"{error}{hint}")

    def _notification(self, alert: Alert) -> dict[str, object]:
        """With a tag, so that what is told later of the same alert takes its place on a phone."""
        ended = "" if alert.phase == "raised" else f" ({alert.phase})"
        return {
            "title": f"{self._box.name}: {alert.rule}{ended}",
            "message": alert.summary,
            "data": {"tag": f"wallflower-{alert.id}"},
        }
