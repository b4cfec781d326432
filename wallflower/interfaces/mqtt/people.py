"""Speakers by request: enrolled, renamed, merged, split and forgotten, one request after the other."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from wallflower.errors import WallflowerError
from wallflower.interfaces.mqtt import payloads
from wallflower.interfaces.mqtt.controls import Desk
from wallflower.interfaces.mqtt.people_requests import RequestError, perform, read_request

LARGEST_REQUEST = 16 << 20
"""Bytes."""
_MOST_WAITING = 8
_MOST_WAITING_BYTES = 32 << 20
_REMEMBERED = 100

_LOG = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """body: JSON. answer_to: a topic; empty: nobody waits for an answer. correlation: by which the asker
    knows the request.
    """

    body: bytes
    answer_to: str = ""
    correlation: bytes = b""


Answer = Callable[[Asked, payloads.Payload], None]
"""Passes an answer on. Returns at once."""


class People:
    """Lives on the event loop; `run` is its owner's task. answer: told what became of each request."""

    def __init__(self, box: str, desk: Desk | None, answer: Answer) -> None:
        """desk: None where speakers are not told apart."""
        self._box = box
        self._desk = desk
        self._answer = answer
        self._waiting: asyncio.Queue[Asked] = asyncio.Queue(_MOST_WAITING)
        self._waiting_bytes = 0
        self._known: OrderedDict[tuple[str, bytes], payloads.Payload | None] = OrderedDict()

    def take(self, asked: Asked) -> None:
        """Have a request done when those before it are. One that comes again gets the same answer again."""
        key = asked.answer_to, asked.correlation
        if asked.correlation and key in self._known:
            if (before := self._known[key]) is not None:
                self._answer(asked, before)
        elif len(asked.body) > LARGEST_REQUEST:
            told = f"the request is too long; allowed: {LARGEST_REQUEST >> 20} MB"
            self._answer(asked, payloads.refusal(self._box, "bad-request", told))
        elif self._waiting.full() or self._waiting_bytes + len(asked.body) > _MOST_WAITING_BYTES:
            told = f"{self._waiting.qsize()} requests are waiting; ask again later"
            self._answer(asked, payloads.refusal(self._box, "busy", told))
        else:
            self._remember(key, None)
            self._waiting_bytes += len(asked.body)
            self._waiting.put_nowait(asked)

    async def run(self) -> None:
        """Do what is asked, until cancelled."""
        while True:
            asked = await self._waiting.get()
            key = asked.answer_to, asked.correlation
            try:
                answer = await self._do(asked.body)
            except asyncio.CancelledError:
                self._known.pop(key, None)  # asked again, it is begun again
                raise
            finally:
                self._waiting_bytes -= len(asked.body)
            self._remember(key, answer)
            self._answer(asked, answer)

    async def _do(self, body: bytes) -> payloads.Payload:
        try:
            if self._desk is None:
                raise RequestError("this box does not tell speakers apart")
            action, given = await asyncio.to_thread(read_request, body)
            person = await perform(self._desk, action, given)
            return payloads.person_answer(self._box, action, person)
        except RequestError as error:
            return payloads.refusal(self._box, "bad-request", str(error))
        except WallflowerError as error:
            return payloads.refusal(self._box, "refused", str(error))
        except Exception:  # noqa: BLE001  # the next request may be a better one
            _LOG.exception("a request about speakers failed")
            return payloads.refusal(self._box, "refused", "an error of ours; the log tells more")

    def _remember(self, key: tuple[str, bytes], answer: payloads.Payload | None) -> None:
        if key[1]:
            self._known[key] = answer
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
