"""How the daemon is, gathered from its parts as they come up, and the last things that were heard."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from wallflower.bus import Bus
from wallflower.events import Alert, Heard, StorageFailing, StorageWorking, Unheard, UtteranceRevised
from wallflower.listening.condition import Condition
from wallflower.listening.person_card import PersonCard
from wallflower.listening.sources import SourceView

_REMEMBERED = 10


class PartState(StrEnum):
    """How a part of the daemon is."""

    STARTING = "starting"
    WORKING = "working"
    FAILING = "failing"


@dataclass(frozen=True, slots=True)
class Status:
    """ready: whether speech can be turned into words. parts: by name. people: those whom the box knows; None
    where it tells nobody apart. heard, alerts: the newest first.
    """

    name: str
    ready: bool
    parts: dict[str, PartState]
    condition: Condition
    sources: tuple[SourceView, ...]
    people: int | None
    heard: tuple[Heard, ...]
    alerts: tuple[Alert, ...]


class Overview:
    """Lives on the event loop. name: the box's. The owner says what came up by setting the attributes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.condition: Callable[[], Condition] | None = None
        """How the engines are; None until they are loaded."""
        self.serving = False
        """Whether Wyoming clients are served."""
        self.sources: Callable[[], list[SourceView]] | None = None
        """Those listened to; None until the listening begins."""
        self.people: Callable[[], Sequence[PersonCard]] | None = None
        """Whoever was told apart; None where nobody is."""
        self._storage = PartState.STARTING
        self._heard: deque[Heard] = deque(maxlen=_REMEMBERED)
        self._alerts: deque[Alert] = deque(maxlen=_REMEMBERED)

    async def follow(self, bus: Bus) -> None:
        """Remember what was heard last, until cancelled."""
        with bus.subscribe("overview") as subscription:
            async for event in subscription.events():
                match event:
                    case Heard():
                        self._forget(event.id)
                        self._heard.appendleft(event)
                    case UtteranceRevised(heard):
                        self._heard = deque(
                            (heard if each.id == heard.id else each for each in self._heard), _REMEMBERED
                        )
                    case Unheard(_, heard):
                        self._forget(heard)
                    case Alert():
                        self._alerts.appendleft(event)
                    case StorageFailing():
                        self._storage = PartState.FAILING
                    case StorageWorking():
                        self._storage = PartState.WORKING

    def _forget(self, heard: int) -> None:
        for each in [each for each in self._heard if each.id == heard]:
            self._heard.remove(each)

    @property
    def status(self) -> Status:
        """How it is now."""
        condition = self.condition() if self.condition else Condition("")
        listening = PartState.STARTING if self.sources is None else PartState.WORKING
        storage = PartState.WORKING if self.sources and self._storage is PartState.STARTING else self._storage
        parts = {
            "engine": PartState.WORKING if self.condition else PartState.STARTING,
            "wyoming": PartState.WORKING if self.serving else PartState.STARTING,
            "sources": listening,
            "storage": storage,
        }
        return Status(
            self.name,
            self.condition is not None and self.serving,
            parts,
            condition,
            tuple(self.sources()) if self.sources else (),
            sum(person.known for person in self.people()) if self.people else None,
            tuple(self._heard),
            tuple(self._alerts),
        )
