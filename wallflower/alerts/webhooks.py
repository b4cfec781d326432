"""Webhooks: each alert posted to each target that wants it, in order, again and again for a while."""

import asyncio
import random
import time
from collections import deque
from collections.abc import Sequence

import aiohttp
import structlog

from wallflower.alerts.letters import DeadLetter, Letter, Letters
from wallflower.alerts.payload import payload_of
from wallflower.alerts.posting import pool, post
from wallflower.alerts.targets import Target
from wallflower.bus import Bus
from wallflower.config.identity import Identity
from wallflower.events import Alert

_LOG = structlog.get_logger(__name__)

_MOST_WAITING = 200
_MOST_ATTEMPTS = 10
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 300.0


class _Box:
    """The letters to one target. One that is too many drives out the oldest that is not being posted."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.waiting: deque[Letter] = deque()
        self.some = asyncio.Event()

    def put(self, letter: Letter) -> Letter | None:
        """Add one; gives the one that there was no room for."""
        self.waiting.append(letter)
        self.some.set()
        if len(self.waiting) <= _MOST_WAITING:
            return None
        driven_out = self.waiting[1]
        del self.waiting[1]
        return driven_out


class Webhooks:
    """Lives on the event loop. Alerts for a target that does not answer never hold up those for another."""

    def __init__(
        self,
        targets: Sequence[Target],
        box: Identity,
        letters: Letters,
        *,
        first_pause: float = _FIRST_PAUSE_SECONDS,
    ) -> None:
        """first_pause: seconds until the second attempt; it doubles up to five minutes, with jitter."""
        self._box = box
        self._letters = letters
        self._first_pause = first_pause
        self._boxes = {target.name: _Box(target) for target in targets}

    async def run(self, bus: Bus) -> None:
        """Post alerts, until cancelled; then what waits is kept for the next start."""
        targets = [box.target for box in self._boxes.values()]
        with bus.subscribe("webhooks") as subscription:
            for letter in await self._letters.load():
                if box := self._boxes.get(letter.target):
                    box.put(letter)
            try:
                async with pool(targets) as session, asyncio.TaskGroup() as group:
                    for box in self._boxes.values():
                        group.create_task(self._deliver(session, box), name=f"webhook {box.target.name}")
                    async for event in subscription.events():
                        if isinstance(event, Alert):
                            await self._put(event)
            finally:
                await self._letters.save(self._waiting())

    def _waiting(self) -> list[Letter]:
        return [letter for box in self._boxes.values() for letter in box.waiting]

    async def _put(self, alert: Alert) -> None:
        for box in self._boxes.values():
            if not box.target.wants(alert):
                continue
            key = f"{alert.id}-{alert.phase}"
            letter = Letter(box.target.name, key, payload_of(alert, self._box), time.time())
            if (driven_out := box.put(letter)) is not None:
                await self._bury(DeadLetter.of(driven_out, f"{_MOST_WAITING} were waiting", 0))

    async def _bury(self, dead: DeadLetter) -> None:
        letter = dead.letter
        _LOG.warning("webhook given up", webhook=letter.target, reason=dead.reason, attempts=dead.attempts)
        self._letters.dead.append(dead)
        await self._letters.save([each for each in self._waiting() if each is not letter])

    async def _deliver(self, session: aiohttp.ClientSession, box: _Box) -> None:
        while True:
            while box.waiting:
                await self._deliver_one(session, box.target, box.waiting[0])
                box.waiting.popleft()
            box.some.clear()
            await box.some.wait()

    async def _deliver_one(self, session: aiohttp.ClientSession, target: Target, letter: Letter) -> None:
        pause = self._first_pause
        for attempt in range(1, _MOST_ATTEMPTS + 1):
            outcome = await post(session, target, letter)
            if outcome.delivered:
                _LOG.debug("webhook delivered", webhook=target.name, attempt=attempt)
                return
            if not outcome.again or attempt == _MOST_ATTEMPTS:
                await self._bury(DeadLetter.of(letter, outcome.reason, attempt))
                return
            wait = max(outcome.after, pause * random.uniform(0.5, 1.5))
            _LOG.info(
                "webhook put off", webhook=target.name, reason=outcome.reason, retry_in_s=round(wait, 1)
            )
            await asyncio.sleep(wait)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
