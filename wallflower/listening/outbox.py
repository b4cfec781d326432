"""What a session tells, on its way to whoever listens. It never makes the session wait."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator

from wallflower.events import Committed, Endpoint, StreamEvent, Tentative, Utterance

LIMIT = 256
"""Events that may wait, but for the end's. When it is full, committed words are put together, tentative ones
and passages dropped: the Utterance has them all.
"""


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
        if isinstance(event, Tentative) and self._waiting and isinstance(self._waiting[-1], Tentative):
            self._waiting[-1] = event
        elif len(self._waiting) < LIMIT or isinstance(event, Endpoint | Utterance):
            self._waiting.append(event)
        elif isinstance(event, Committed):
            self._merge(event)
        self._news.set()

    def _merge(self, event: Committed) -> None:
        """Add its words to the last committed ones that wait."""
        for index in reversed(range(len(self._waiting))):
            earlier = self._waiting[index]
            if isinstance(earlier, Committed):
                self._waiting[index] = Committed(earlier.text + event.text)
                return
        self._waiting.append(event)

    def close(self) -> None:
        """Nothing more will come."""
        self._open = False
        self._news.set()

    def events(self) -> AsyncGenerator[StreamEvent, None]:
        """The events from now on; ends with the Utterance, or when the session is closed."""
        self._listener = True
        return self._events()

    async def _events(self) -> AsyncGenerator[StreamEvent, None]:
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
