"""A Home Assistant on this machine that does what a test tells it, behind its own port and a Supervisor's."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from wallflower.homeassistant.access import Access
from wallflower.homeassistant.source import NameSource

TOKEN = "eyJhbGciOi.a-long-lived.token"
SUPERVISOR_TOKEN = "0123456789abcdef-of-the-supervisor"

Behaviour = Callable[[web.WebSocketResponse], Awaitable[None]]


@dataclass
class House:
    """What Home Assistant knows, and how it behaves.

    states: friendly name by id, None for none. aliases: by id, of entities in the registry. instead: what is
    done instead of answering a command, or `connect` or `auth`. refuses: the code of a command's refusal.
    asked: the commands, in order.
    """

    states: dict[str, Any] = field(
        default_factory=lambda: {
            "sensor.outside": "Outside temperature",
            "light.ceiling": "Kitchen  ceiling\tlight",
            "switch.old_pump": None,
            "light.hidden": "Hidden light",
        }
    )
    exposed: list[str] = field(
        default_factory=lambda: ["sensor.outside", "light.ceiling", "switch.old_pump", "light.gone"]
    )
    aliases: dict[str, Any] = field(
        default_factory=lambda: {
            "light.ceiling": [None, "the sun", "KITCHEN ceiling light"],
            "light.gone": ["a light that was taken down"],
        }
    )
    areas: Any = field(
        default_factory=lambda: [{"name": "Küche", "aliases": ["cookhouse"]}, {"name": "Hall"}]
    )
    floors: Any = field(default_factory=lambda: [{"name": "Upstairs", "aliases": []}])
    admin: bool = True
    state: str = "RUNNING"
    tokens: set[str] = field(default_factory=lambda: {TOKEN, SUPERVISOR_TOKEN})
    instead: dict[str, Behaviour] = field(default_factory=dict)
    refuses: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    commands: list[dict[str, Any]] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def access(self) -> Access:
        return Access(f"ws://127.0.0.1:{self.port}/api/websocket", TOKEN)

    async def websocket(self, request: web.Request) -> web.StreamResponse:
        self.connections += 1
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        if "connect" in self.instead:
            await self.instead["connect"](socket)
            return socket
        await socket.send_json({"type": "auth_required", "ha_version": "2026.11.0"})
        message = await socket.receive_json()
        if "auth" in self.instead:
            await self.instead["auth"](socket)
            return socket
        if message != {"type": "auth", "access_token": message.get("access_token")} or (
            message["access_token"] not in self.tokens
        ):
            await socket.send_json({"type": "auth_invalid", "message": f"do not know {message}"})
            return socket
        await socket.send_json({"type": "auth_ok", "ha_version": "2026.11.0"})
        async for each in socket:
            command = json.loads(each.data)
            self.asked.append(command["type"])
            self.commands.append(command)
            if command["type"] in self.instead:
                await self.instead[command["type"]](socket)
            else:
                await self._answer(socket, command)
        return socket

    async def _answer(self, socket: web.WebSocketResponse, command: dict[str, Any]) -> None:
        refused, result = self._result(command)
        answer = {"id": command["id"], "type": "result", "success": refused is None, "result": result}
        if refused:
            answer["error"] = {"code": refused, "message": f"not for {TOKEN}"}
        await socket.send_json(answer)
        if command["type"] == "subscribe_entities":
            ids = [each for each in command["entity_ids"] if each in self.states]
            states = {
                each: {"s": "on", "a": {"friendly_name": name} if (name := self.states[each]) else {}}
                for each in ids
            }
            await socket.send_json({"id": command["id"], "type": "event", "event": {"a": states}})
            change = {"c": {each: {"+": {"s": "off"}} for each in ids}}
            await socket.send_json({"id": command["id"], "type": "event", "event": change})

    def _result(self, command: dict[str, Any]) -> tuple[str | None, Any]:
        """The code of a refusal, or None; and the result."""
        kind = command["type"]
        if kind in self.refuses:
            return self.refuses[kind], None
        if kind == "homeassistant/expose_entity/list" and not self.admin:
            return "unauthorized", None
        shown: dict[str, Any] = {each: {"conversation": True} for each in self.exposed}
        results = {
            "auth/current_user": {"is_admin": self.admin, "name": "wallflower"},
            "get_config": {"state": self.state, "components": []},
            "homeassistant/expose_entity/list": {
                "exposed_entities": shown | {"light.hidden": {"cloud.alexa": True}}
            },
            "config/entity_registry/list_for_display": {"entities": [{"ei": each} for each in self.states]},
            "config/entity_registry/get_entries": {
                each: {
                    "aliases": self.aliases.get(each, []),
                    "options": {"conversation": {"should_expose": each in shown}},
                }
                for each in command.get("entity_ids", ())
            },
            "subscribe_entities": None,
            "fire_event": {"context": {}},
            "call_service": {"context": {}},
            "config/area_registry/list": self.areas,
        }
        if self.floors is not None:
            results["config/floor_registry/list"] = self.floors
        return (None, results[kind]) if kind in results else ("unknown_command", None)


NAMES = (
    "Kitchen ceiling light",
    "the sun",
    "old pump",
    "Outside temperature",
    "Küche",
    "cookhouse",
    "Hall",
    "Upstairs",
)
"""What a house knows by default, as it is to be given."""


async def never(_socket: web.WebSocketResponse) -> None:
    """Hang."""
    await asyncio.sleep(60)


async def hang_up(socket: web.WebSocketResponse) -> None:
    """Close in the middle of it."""
    await socket.close()


def say(text: str) -> Behaviour:
    """Send this, whatever was asked."""

    async def behaviour(socket: web.WebSocketResponse) -> None:
        await socket.send_str(text)

    return behaviour


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., Awaitable[int]]]:
    """Serves an application on loopback until the test ends; gives the port."""
    runners: list[web.AppRunner] = []

    async def start(app: web.Application, tls: ssl.SSLContext | None = None) -> int:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        port: int = runner.addresses[0][1]
        return port

    yield start
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def house(serve: Callable[..., Awaitable[int]]) -> House:
    """A house, served at /api/websocket and as a Supervisor does it at /core/websocket."""
    house = House()
    app = web.Application()
    app.router.add_get("/api/websocket", house.websocket)
    app.router.add_get("/core/websocket", house.websocket)
    house.port = await serve(app)
    return house


async def settled(source: NameSource) -> None:
    """Wait until no fetch is under way."""
    async with asyncio.timeout(20):
        while source._refresh is not None:
            await asyncio.sleep(0.005)
