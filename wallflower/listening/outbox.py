"""What a session tells, on its way to whoever listens. It never makes the session wait."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from wallflower.events import Committed, StreamEvent, Tentative, Utterance

LIMIT = 256
"""Events that may wait. When it is full, committed words are put together and tentative ones dropped."""


class Outbox:
    """Takes events on the event loop, and gives them to one listener. Without one they go nowhere."""

    def __init__(self) -> None:
        self._waiting: deque[StreamEvent] = deque()
        self._news = asyncio.Event()
        self._open = True
        self._listener = False

    def put(self, event: StreamEvent) -> None:
        """Add an event. Newer tentative words take the place of older ones that still wait."""
        if not self._listener:
            return
        last = self._waiting[-1] if self._waiting else None
        if isinstance(event, Tentative) and isinstance(last, Tentative):
            self._waiting[-1] = event
        elif len(self._waiting) < LIMIT or not isinstance(event, Committed | Tentative):
            self._waiting.append(event)
        elif isinstance(event, Committed):
            if isinstance(last, Tentative):
                last = self._waiting.pop()
                last = self._waiting[-1] if self._waiting else None
            if isinstance(last, Committed):
                self._waiting[-1] = Committed(last.text + event.text)
            else:
                self._waiting.append(event)
        self._news.set()

    def close(self) -> None:
        """Nothing more will come."""
        self._open = False
        self._news.set()

    def events(self) -> AsyncIterator[StreamEvent]:
        """The events from now on; ends with the Utterance, or when the session is closed."""
        self._listener = True
        return self._events()

    async def _events(self) -> AsyncIterator[StreamEvent]:
        while True:
            while self._waiting:
                event = self._waiting.popleft()
                yield event
                if isinstance(event, Utterance):
                    return
            if not self._open:
                return
            self._news.clear()
            await self._news.wait()
