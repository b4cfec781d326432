"""The carrier of events: from whoever hears something to whoever wants to know, without either waiting."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from wallflower.events import BusEvent, Partial, SoundLevel

FLEETING = (Partial, SoundLevel)
"""Events that the next one of their kind makes worthless."""

_BOUND = 2000


class Subscription:
    """The events for one subscriber, in the order of their publishing.

    At most `bound` wait. If there is one more, the oldest fleeting one goes; if none is fleeting, the oldest.
    """

    def __init__(self, name: str, bound: int) -> None:
        self.name = name
        self.dropped: Counter[str] = Counter()
        """What this subscriber was too slow for: the number of events by the name of their class."""
        self._bound = bound
        self._waiting: deque[BusEvent] = deque()
        self._some = asyncio.Event()

    async def events(self) -> AsyncIterator[BusEvent]:
        """Those to come, without an end: its owner cancels."""
        while True:
            while self._waiting:
                yield self._waiting.popleft()
            self._some.clear()
            await self._some.wait()

    def put(self, event: BusEvent) -> None:
        """Add one. Returns at once."""
        self._waiting.append(event)
        if len(self._waiting) > self._bound:
            place = next((n for n, each in enumerate(self._waiting) if isinstance(each, FLEETING)), 0)
            self.dropped[type(self._waiting[place]).__name__] += 1
            del self._waiting[place]
        self._some.set()


class Bus:
    """Lives on the event loop, where all of it is called."""

    def __init__(self) -> None:
        self._subscriptions: list[Subscription] = []

    def publish(self, event: BusEvent) -> None:
        """Hand an event to all subscribers. Returns at once."""
        for subscription in self._subscriptions:
            subscription.put(event)

    @contextmanager
    def subscribe(self, name: str, *, bound: int = _BOUND) -> Iterator[Subscription]:
        """Take part: what is published from now on."""
        subscription = Subscription(name, bound)
        self._subscriptions.append(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.remove(subscription)

    @property
    def dropped(self) -> dict[str, Counter[str]]:
        """What each subscriber was too slow for."""
        return {each.name: each.dropped for each in self._subscriptions if each.dropped}
