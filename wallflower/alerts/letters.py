"""Letters: alerts on their way to a webhook, and those that could not be delivered."""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import structlog

from wallflower.errors import WallflowerError
from wallflower.listening.sources import Memory

_LOG = structlog.get_logger(__name__)

MOST_DEAD = 100
STATE = "webhook_letters"
"""The name under which they are kept in the database."""


@dataclass(frozen=True, slots=True)
class Letter:
    """target: the webhook's name. key: the same for each attempt. written: Unix time in seconds."""

    target: str
    key: str
    payload: Mapping[str, Any]
    written: float


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """reason: why it was given up, without secrets. attempts: how often it was posted.

    It is only to be looked at, so it holds nothing that was said, and there is nothing in it to forget.
    """

    letter: Letter
    reason: str
    attempts: int

    @classmethod
    def of(cls, letter: Letter, reason: str, attempts: int) -> "DeadLetter":
        """The letter, given up."""
        payload = {name: value for name, value in letter.payload.items() if name not in {"summary", "detail"}}
        return cls(replace(letter, payload=payload), reason, attempts)


class Letters:
    """The dead letters, the newest 100, and those that waited when the daemon ended."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._known = False
        self.dead: deque[DeadLetter] = deque(maxlen=MOST_DEAD)

    async def load(self) -> list[Letter]:
        """Read what was kept; those that waited, at the first call."""
        if self._known:
            return []
        self._known = True
        try:
            content = await self._memory.load()
        except WallflowerError as error:
            _LOG.debug("letters not known", reason=str(error))
            return []
        self.dead.extend(dead_letters(content))
        waiting = _letters(content, "waiting")
        if waiting:  # a daemon that is killed must not post them again at each start
            await self.save([])
        return waiting

    async def save(self, waiting: Iterable[Letter]) -> None:
        """Keep the dead, and these for the next start."""
        content = {
            "dead": [asdict(each) for each in self.dead],
            "waiting": [asdict(each) for each in waiting],
        }
        try:
            await self._memory.save(content)
        except WallflowerError as error:
            _LOG.warning("letters are not kept for the next start", reason=str(error))


def dead_letters(content: Any) -> list[DeadLetter]:
    """Those in what was kept; what is damaged is left out."""
    found = []
    for entry in _list(content, "dead"):
        try:
            found.append(DeadLetter(Letter(**entry["letter"]), str(entry["reason"]), int(entry["attempts"])))
        except (TypeError, KeyError, ValueError):
            continue
    return found


def _letters(content: Any, name: str) -> list[Letter]:
    found = []
    for entry in _list(content, name):
        try:
            found.append(Letter(**entry))
        except TypeError:
            continue
    return found


def _list(content: Any, name: str) -> list[Any]:
    entries = content.get(name) if isinstance(content, dict) else None
    return entries if isinstance(entries, list) else []
