"""What happens to the box: logged once, told to whoever asks, and kept for `wallflower hardware`."""

import asyncio
from dataclasses import replace
from pathlib import Path

import structlog

from wallflower.events import (
    BrokerChanged,
    DatabaseSetAside,
    EngineInUse,
    EngineSetAside,
    Happening,
    PowerStep,
    StorageFailing,
    StorageWorking,
)
from wallflower.listening.condition import Condition, forget_condition, keep_condition
from wallflower.listening.decoders import Decoders

_LOG = structlog.get_logger(__name__)


class Bulletin:
    """Lives on the event loop. home: the data directory."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._changed = asyncio.Event()
        self._decoders: Decoders | None = None
        self._power = PowerStep(0, "")
        self._mqtt = ""

    def tell(self, happening: Happening) -> None:
        """Something happened."""
        match happening:
            case EngineSetAside(engine, reason, retry_after):
                _LOG.warning(
                    "engine set aside", engine=engine, reason=reason, retry_after_s=round(retry_after)
                )
            case EngineInUse(engine):
                _LOG.info("engine in use", engine=engine)
            case PowerStep(step, reason):
                self._power = happening
                _LOG.warning("power step", step=step, reason=reason)
            case StorageFailing(reason):
                _LOG.error("transcripts cannot be written", reason=reason)
            case StorageWorking(lost):
                _LOG.info("transcripts are written again", lost=lost)
            case DatabaseSetAside(name):
                _LOG.error("the database was broken: set aside, a new one begun", name=name)
            case BrokerChanged(connected=True, broker=broker):
                self._mqtt = f"connected to {broker}"
                _LOG.info("MQTT connected", broker=broker)
            case BrokerChanged(broker=broker, reason=reason):
                self._mqtt = f"not connected to {broker or 'a broker'}: {reason}"
                _LOG.warning("MQTT not connected", broker=broker, reason=reason)
        self._changed.set()

    def about(self, decoders: Decoders) -> None:
        """The engines are loaded: this is about them."""
        self._decoders = decoders
        self._changed.set()

    @property
    def condition(self) -> Condition:
        """How the box is now."""
        condition = self._decoders.condition if self._decoders else Condition("")
        return replace(
            condition, power_step=self._power.step, power_reason=self._power.reason, mqtt=self._mqtt
        )

    async def keep(self) -> None:
        """Keep the condition where others can read it, whenever it changes, until cancelled."""
        try:
            while True:
                self._changed.clear()
                await asyncio.to_thread(keep_condition, self._home, self.condition)
                await self._changed.wait()
        finally:
            forget_condition(self._home)
