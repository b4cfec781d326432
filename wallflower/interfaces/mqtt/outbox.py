"""What is to be sent: utterances and alerts wait for a broker, states are remembered, the rest is not."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import islice

_MOST_KEPT = 10_000
_MOST_KEPT_BYTES = 16_000_000
_MOST_FLEETING = 100
_AT_ONCE = 16
"""Messages under way at the same time: their order stays, and the way to the broker and back counts once."""


@dataclass(frozen=True, slots=True)
class Message:
    """qos: 1 is acknowledged by the broker, 0 is not. correlation: of an answer, by MQTT 5; empty: none."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False
    correlation: bytes = b""


Publish = Callable[[Message], Awaitable[None]]
"""Sends one message and, at QoS 1, waits for the acknowledgement. Begins in the order of the calls."""


class Outbox:
    """Lives on the event loop. Nothing here waits but `send`.

    lost: kept messages that found no room.
    """

    def __init__(self, *, most_kept: int = _MOST_KEPT, most_kept_bytes: int = _MOST_KEPT_BYTES) -> None:
        self.lost = 0
        self._most_kept, self._most_kept_bytes = most_kept, most_kept_bytes
        self._kept: deque[Message] = deque()
        self._kept_bytes = 0
        self._states: dict[str, Message] = {}
        self._unsent: dict[str, Message] = {}  # states, the oldest change first
        self._fleeting: deque[Message] = deque()
        self._some = asyncio.Event()
        self._open = False
        self._held = False

    @property
    def waiting(self) -> int:
        """Kept messages that the broker has not acknowledged."""
        return len(self._kept)

    def keep(self, topic: str, payload: bytes) -> None:
        """What must arrive, in this order, as soon as it can. If there is no room, the oldest goes."""
        self._kept.append(Message(topic, payload))
        self._kept_bytes += len(payload)
        while len(self._kept) > self._most_kept or self._kept_bytes > self._most_kept_bytes:
            self._forget_oldest()
            self.lost += 1
        self._some.set()

    def set_state(self, topic: str, payload: bytes, *, qos: int = 1) -> None:
        """What is so from now on; retained by the broker, and told to each new one. The last one counts."""
        message = Message(topic, payload, qos, retain=True)
        if self._states.get(topic) != message:
            self._states[topic] = message
            self._unsent.pop(topic, None)
            self._unsent[topic] = message
            self._some.set()

    def clear_state(self, topic: str) -> None:
        """There is no such state any more, and the broker shall forget it."""
        self._states.pop(topic, None)
        self._unsent.pop(topic, None)
        self._unsent[topic] = Message(topic, b"", 1, retain=True)
        self._some.set()

    def say(self, topic: str, payload: bytes, *, qos: int = 0, correlation: bytes = b"") -> None:
        """What is of use now or never: dropped where there is no broker."""
        if self._open and len(self._fleeting) < _MOST_FLEETING:
            self._fleeting.append(Message(topic, payload, qos, correlation=correlation))
            self._some.set()

    def say_all_states(self) -> None:
        """Send all states again: somebody may have forgotten them."""
        self._unsent = {**self._states, **{t: m for t, m in self._unsent.items() if not m.payload}}
        self._some.set()

    def hold_kept(self) -> None:
        """Keep back what is kept: those who want it may not be there yet."""
        self._held = True

    def release_kept(self) -> None:
        """Send what is kept."""
        self._held = False
        self._some.set()

    async def send(self, publish: Publish) -> None:
        """Send what comes, for as long as there is a broker: the caller cancels.

        A message is forgotten when `publish` has returned. Raises what `publish` raises; then what was not
        acknowledged is sent again the next time.
        """
        self._open = True
        try:
            while True:
                self._some.clear()
                while await self._send_some(publish):
                    pass
                await self._some.wait()
        finally:
            self._open = False
            self._fleeting.clear()

    async def _send_some(self, publish: Publish) -> bool:
        """Send a few of each; whether there were any."""
        kept = [] if self._held else list(islice(self._kept, _AT_ONCE))
        states = list(islice(self._unsent.values(), _AT_ONCE))
        fleeting = [self._fleeting.popleft() for _ in range(len(self._fleeting))]
        all_of_them = [*kept, *states, *fleeting]
        lost = self.lost
        done = await asyncio.gather(*map(publish, all_of_them), return_exceptions=True)
        arrived = [not isinstance(each, BaseException) for each in done]
        first_missing = arrived.index(False) if False in arrived else len(arrived)
        for _ in range(
            min(first_missing, len(kept)) - (self.lost - lost)
        ):  # some may have had to go meanwhile
            self._forget_oldest()
        for state, there in zip(states, arrived[len(kept) :], strict=False):
            if there and self._unsent.get(state.topic) is state:
                del self._unsent[state.topic]
        for each in done:
            if isinstance(each, BaseException):
                raise each
        return bool(all_of_them)

    def _forget_oldest(self) -> None:
        self._kept_bytes -= len(self._kept.popleft().payload)
