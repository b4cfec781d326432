"""A real server that takes alerts, and a memory."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from wallflower.events import Alert

ALERT = Alert(
    id=1 << 60,
    rule="help",
    kind="keyword",
    source="hall",
    severity="warning",
    phase="raised",
    summary="hall: “help” was said",
    at=datetime(2026, 11, 21, 12, tzinfo=UTC),
    utterance=(1 << 60) + 1,
    detail=(("phrase", "help"), ("confidence", 0.9), ("speaker", None)),
)


def alert(number: int, **changes: Any) -> Alert:
    return replace(ALERT, id=number, **changes)


class Memory:
    """What is saved is what JSON can hold."""

    def __init__(self) -> None:
        self.content: Any = None

    async def load(self) -> Any:
        return self.content

    async def save(self, value: Any) -> None:
        self.content = json.loads(json.dumps(value))


@dataclass
class Office:
    """answers: what is answered to the next requests, in order; then 200. got: what was taken."""

    port: int = 0
    answers: list[Callable[[web.Request], web.StreamResponse]] = field(default_factory=list)
    got: list[dict[str, Any]] = field(default_factory=list)
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    some: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/alerts"

    async def take(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.requests.append((request.path, dict(request.headers), body))
        self.some.set()
        if self.answers:
            response = self.answers.pop(0)(request)
            if response.status >= 300:
                return response
        self.got.append(json.loads(body))
        return web.Response()

    async def until(self, condition: Callable[[], bool], seconds: float = 20) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                self.some.clear()
                try:
                    await asyncio.wait_for(self.some.wait(), 0.02)
                except TimeoutError:
                    continue


def says(status: int, **headers: str) -> Callable[[web.Request], web.StreamResponse]:
    return lambda _request: web.Response(status=status, headers=headers)


def is_signed(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """As a receiver checks it."""
    told = headers["X-Wallflower-Timestamp"].encode() + b"." + body
    expected = "v1=" + hmac.new(secret.encode(), told, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, headers["X-Wallflower-Signature"])


@asynccontextmanager
async def office() -> AsyncIterator[Office]:
    it = Office()
    app = web.Application()
    app.router.add_post("/{path:.*}", it.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    it.port = runner.addresses[0][1]
    try:
        yield it
    finally:
        await runner.cleanup()
