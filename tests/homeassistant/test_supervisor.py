"""The Supervisor's envelope, from a real server that answers as one does."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from tests.homeassistant.conftest import SUPERVISOR_TOKEN
from wallflower.homeassistant import supervisor
from wallflower.homeassistant.supervisor import Supervisor, SupervisorError, supervisor_of

_ANSWERS: dict[str, tuple[int, Any]] = {
    "/empty": (200, {"result": "ok"}),
    "/long": (200, {"result": "ok", "data": "x" * (1 << 20)}),
    "/odd": (500, {"result": "ok", "data": {}}),
    "/list": (200, []),
    "/services/mqtt": (400, {"result": "error", "message": "Service not enabled"}),
}


@pytest.fixture
async def fake(serve: Callable[..., Awaitable[int]]) -> Supervisor:
    """A Supervisor that knows one add-on."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {SUPERVISOR_TOKEN}":
            return web.Response(status=403, text="403: Forbidden")
        if request.path == "/hanging":
            await asyncio.sleep(60)
        if request.path == "/moved":
            raise web.HTTPFound("http://elsewhere.invalid/")
        if request.path == "/discovery":
            return web.json_response({"result": "ok", "data": {"uuid": "1", "sent": await request.json()}})
        status, content = _ANSWERS[request.path]
        return web.json_response(content, status=status)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    return Supervisor(f"http://127.0.0.1:{await serve(app)}", SUPERVISOR_TOKEN)


async def test_data_of_an_answer(fake: Supervisor) -> None:
    data = await fake.request("POST", "/discovery", {"service": "wyoming"})
    assert data == {"uuid": "1", "sent": {"service": "wyoming"}}
    assert await fake.request("GET", "/empty") is None


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        ("/services/mqtt", 400, "HTTP 400: Service not enabled"),
        ("/moved", 302, "HTTP 302"),
        ("/odd", 500, "HTTP 500"),
        ("/list", 200, "HTTP 200"),
        ("/long", None, "more than 1048576 bytes"),
    ],
)
async def test_a_refusal(fake: Supervisor, path: str, status: int | None, reason: str) -> None:
    with pytest.raises(SupervisorError, match=f"{path}.*{reason}") as caught:
        await fake.request("GET", path)
    assert caught.value.status == status


async def test_another_token(fake: Supervisor) -> None:
    with pytest.raises(SupervisorError, match="HTTP 403") as caught:
        await Supervisor(fake.api, "geheim").request("GET", "/info")
    assert "geheim" not in str(caught.value)


async def test_no_answer(fake: Supervisor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "_ANSWER_SECONDS", 0.1)
    with pytest.raises(SupervisorError, match=r"within 0\.1 s"):
        await fake.request("GET", "/hanging")


async def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    for api in (f"http://127.0.0.1:{port}", "http://a..b"):
        with pytest.raises(SupervisorError, match="cannot be reached") as caught:
            await Supervisor(api, SUPERVISOR_TOKEN).request("GET", "/info")
        assert caught.value.status is None


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"SUPERVISOR_API": "http://x"}, None),
        ({"SUPERVISOR_TOKEN": "t"}, Supervisor("http://supervisor", "t")),
        ({"SUPERVISOR_TOKEN": "t", "SUPERVISOR_API": ""}, Supervisor("http://supervisor", "t")),
        ({"SUPERVISOR_TOKEN": "t", "SUPERVISOR_API": "https://x/"}, Supervisor("https://x", "t")),
    ],
)
def test_environment(environment: dict[str, Any], expected: Supervisor | None) -> None:
    assert supervisor_of(environment) == expected
    assert "token" not in repr(expected)


def test_where_home_assistant_is() -> None:
    assert Supervisor("http://supervisor", "t").core_websocket == "ws://supervisor/core/websocket"
    assert Supervisor("https://x:1", "t").core_websocket == "wss://x:1/core/websocket"
