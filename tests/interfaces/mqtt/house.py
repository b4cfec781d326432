"""A real Mosquitto, a client that watches it, and a house that remembers what it was asked for."""

import asyncio
import json
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import aiomqtt
import numpy as np
from jsonschema import Draft202012Validator
from numpy.typing import NDArray

from wallflower.bus import Bus
from wallflower.config.identity import Identity
from wallflower.errors import WallflowerError
from wallflower.events import BrokerChanged, SourceStatus
from wallflower.interfaces.mqtt.broker import Broker
from wallflower.interfaces.mqtt.controls import Controls, SourceCard
from wallflower.interfaces.mqtt.door import Door
from wallflower.interfaces.mqtt.transcribing import Transcriber
from wallflower.listening.ears import Ears
from wallflower.listening.person_card import PersonCard
from wallflower.listening.vitals import Vitals

IDENTITY = Identity("0123abcd", "Test box")
BOX = f"wallflower/{IDENTITY.id}"
AT = datetime(2026, 11, 21, 12, 0, 0, 123_000, tzinfo=UTC)
_PROGRAM = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin") or "mosquitto"


@cache
def validator(name: str) -> Draft202012Validator:
    """Of a schema in the package."""
    text = (files("wallflower.interfaces.mqtt") / "schemas" / f"{name}.json").read_text("utf-8")
    return Draft202012Validator(json.loads(text))


def free_port() -> int:
    """A port that nobody has now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


class Mosquitto:
    """A broker that can be killed and started again. It forgets everything when it ends."""

    def __init__(self, folder: Path, port: int, lines: tuple[str, ...] = ("allow_anonymous true",)) -> None:
        self.port = port
        self._config = folder / f"mosquitto-{port}.conf"
        text = "\n".join([f"listener {port} 127.0.0.1", "persistence false", "max_queued_messages 0", *lines])
        self._config.write_text(text + "\n", "utf-8")
        self._process: asyncio.subprocess.Process | None = None

    @property
    def broker(self) -> Broker:
        return Broker("127.0.0.1", self.port)

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            _PROGRAM, "-c", str(self._config), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        async with asyncio.timeout(20):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                except OSError:
                    assert self._process.returncode is None, "mosquitto ended"
                    await asyncio.sleep(0.02)
                else:
                    writer.close()
                    return

    async def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


class Watcher:
    """A client that sees all topics, in order. seen: (topic, payload, whether it was retained)."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self.client = client
        self.seen: list[tuple[str, Any, bool]] = []
        self._more = asyncio.Event()

    async def watch(self) -> None:
        async for message in self.client.messages:
            text = bytes(message.payload).decode(errors="replace")
            payload = json.loads(text) if text.startswith("{") else text
            self.seen.append((message.topic.value, payload, message.retain))
            self._more.set()

    async def until(self, condition: Callable[[], Any], seconds: float = 30) -> Any:
        """What the condition gives, once that is true."""
        async with asyncio.timeout(seconds):
            while not (result := condition()):
                self._more.clear()
                await self._more.wait()
        return result

    async def message(self, where: str, **fields: Any) -> Any:
        """The last message there with these fields, once there is one."""
        return await self.until(
            lambda: next(
                (
                    payload
                    for seen, payload, _ in reversed(self.seen)
                    if seen == where and payload and all(payload[name] == fields[name] for name in fields)
                ),
                None,
            )
        )

    def all(self, topic: str) -> list[Any]:
        """All that was seen there."""
        return [payload for seen, payload, _ in self.seen if seen == topic]


@asynccontextmanager
async def watching(broker: Broker, topic: str = "#", **more: Any) -> AsyncIterator[Watcher]:
    """A client of the broker."""
    async with aiomqtt.Client(
        broker.host, broker.port, protocol=aiomqtt.ProtocolVersion.V5, tls_context=broker.tls,
        username=broker.user or None, password=broker.password or None, **more,
    ) as client:  # fmt: skip
        client.pending_calls_threshold = 100_000
        watcher = Watcher(client)
        task = asyncio.create_task(watcher.watch())
        await client.subscribe(topic, qos=1)
        try:
            yield watcher
        finally:
            task.cancel()
            await asyncio.wait([task])


class MadeError(WallflowerError):
    """What the made-up controls refuse with."""


class MadeDesk:
    """Knows people by name, and does what it is asked for without sound or database."""

    def __init__(self) -> None:
        self.cards = {
            "Ann": PersonCard(1, "Ann", known=True, enrolled=True, colour="#aa0000"),
            "Speaker 2": PersonCard(2, "Speaker 2", known=False, enrolled=False, colour="#00aa00"),
        }
        self.enrolled: list[tuple[str, Any]] = []
        self.forgotten: list[tuple[str, bool]] = []
        self.former: dict[int, int] = {}
        self.without_words: set[int] = set()
        self.go_on = asyncio.Event()
        self.go_on.set()

    def people(self) -> list[PersonCard]:
        return list(self.cards.values())

    def person(self, identity: int) -> PersonCard | None:
        now = self.former.get(identity, identity)
        return next((card for card in self.cards.values() if card.id == now), None)

    def words_gone(self, identity: int) -> bool:
        return identity in self.without_words

    async def enrol(self, name: str, sound: NDArray[np.int16]) -> PersonCard:
        await self.go_on.wait()
        self.enrolled.append((name, sound))
        if len(sound) < 16_000:
            raise MadeError("too short: at least 1 s of speech is needed")
        return self._put(PersonCard(len(self.cards) + 1, name, known=True, enrolled=True, colour="#0000aa"))

    async def enrol_from(self, name: str, utterances: Sequence[int]) -> PersonCard:
        self.enrolled.append((name, tuple(utterances)))
        return self._put(PersonCard(len(self.cards) + 1, name, known=True, enrolled=True, colour="#0000aa"))

    async def rename(self, who: str, name: str) -> PersonCard:
        return self._put(replace(self._pop(who), name=name, known=True))

    async def merge(self, who: str, into: str) -> PersonCard:
        one, other = self._pop(who), self._pop(into)
        self.former[one.id] = other.id
        return self._put(other)

    async def split(self, utterances: Sequence[int]) -> PersonCard:
        raise ZeroDivisionError("a mistake")

    async def forget(self, who: str, *, words: bool) -> None:
        gone = self._pop(who).id
        self.without_words |= {gone} if words else set()
        self.forgotten.append((who, words))

    def _put(self, card: PersonCard) -> PersonCard:
        self.cards[card.name] = card
        return card

    def _pop(self, who: str) -> PersonCard:
        for name, card in self.cards.items():
            if who in {name, str(card.id)}:
                return self.cards.pop(name)
        raise MadeError(f"there is no speaker {who!r}")


@dataclass
class House:
    """Controls that remember what they were asked for. desk: None where speakers are not told apart."""

    cards: dict[str, SourceCard] = field(default_factory=dict)
    asked: list[tuple[str, Any]] = field(default_factory=list)
    desk: MadeDesk | None = None

    def controls(self) -> Controls:
        def asked(name: str) -> Any:
            async def do(*value: Any) -> None:
                self.asked.append((name, value[0] if value else None))

            return do

        async def change(slug: str, name: str, value: Any) -> None:
            if value == ("refuse",):
                raise MadeError("not this word")
            self.cards[slug] = replace(self.cards[slug], **{name: value})

        async def vitals() -> Vitals:
            return Vitals("0.1", AT, "moonshine", "cpu", "tiny", 0.02345, 0.5, 0, None, 155.4, "")

        return Controls(
            sources=lambda: list(self.cards.values()),
            state=lambda slug: (
                SourceStatus.CONNECTING if self.cards[slug].listening else SourceStatus.PAUSED,
                "",
            ),
            vitals=vitals,
            power=lambda: "balanced",
            tier=lambda: "by power",
            change_source=change,
            desk=self.desk,
            **{
                name: asked(name)
                for name in ("listen", "restart", "calibrate", "choose_power", "choose_tier")
            },
        )


@dataclass
class Served:
    """A door that is open."""

    bus: Bus
    house: House
    changes: list[BrokerChanged]
    door: Door


@asynccontextmanager
async def open_door(
    broker: Broker,
    ears: Ears,
    house: House | None = None,
    *,
    identity: Identity = IDENTITY,
    others: float = 0.3,
) -> AsyncIterator[Served]:
    """A door to the broker. others: seconds it gives others to come back."""
    served = Served(Bus(), house or House({"hall": SourceCard("hall", "Hall")}), [], None)  # type: ignore[arg-type]

    async def find() -> Broker:
        return broker

    served.door = Door(
        served.bus, identity, served.house.controls(), Transcriber(identity.id, ears, most_seconds=300), find,
        discovery_prefix="homeassistant", on_change=served.changes.append, others_seconds=others,
    )  # fmt: skip
    task = asyncio.create_task(served.door.run())
    try:
        yield served
    finally:
        task.cancel()
        await asyncio.wait([task])
