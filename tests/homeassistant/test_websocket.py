"""Talking to a real WebSocket server: the log-in, commands, and all the ways in which it can go wrong."""

import asyncio
import shutil
import socket
import ssl
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web

from tests.homeassistant.conftest import TOKEN, House, hang_up, never, say
from wallflower.homeassistant import websocket
from wallflower.homeassistant.access import Access
from wallflower.homeassistant.websocket import (
    CommandRefusedError,
    CoreError,
    TokenRefusedError,
    connected,
)


async def ask(house: House) -> object:
    async with connected(house.access) as core:
        return await core.command("get_config")


async def test_results_and_events_belong_to_their_command(house: House) -> None:
    async with connected(house.access) as core:
        first = await core.first_event("subscribe_entities", entity_ids=["light.ceiling"])
        assert list(first["a"]) == ["light.ceiling"]
        assert (await core.command("get_config"))["state"] == "RUNNING"  # an event of before is passed over
    assert house.asked == ["subscribe_entities", "get_config"]


async def test_a_refused_command_says_why_and_the_connection_stays(house: House) -> None:
    async with connected(house.access) as core:
        with pytest.raises(CommandRefusedError, match="make_coffee: unknown_command") as caught:
            await core.command("make_coffee")
        assert caught.value.code == "unknown_command"
        assert await core.command("get_config")


@pytest.mark.parametrize("error", ["null", "[]", '{"code": 7}', f'{{"code": "{TOKEN}"}}'])
async def test_a_refusal_without_a_usable_reason(house: House, error: str) -> None:
    house.instead["get_config"] = say(f'{{"id": 1, "type": "result", "success": false, "error": {error}}}')
    with pytest.raises(CommandRefusedError, match="no reason given"):
        await ask(house)


async def test_an_unknown_token(house: House) -> None:
    house.tokens.clear()
    with pytest.raises(TokenRefusedError, match="long-lived access token") as caught:
        await ask(house)
    assert TOKEN not in str(caught.value)  # the server repeats it in its message


async def test_a_server_that_asks_for_no_token(house: House) -> None:
    house.instead["connect"] = say('{"type": "auth_ok"}')
    async with connected(house.access):
        pass


@pytest.mark.parametrize("when", ["connect", "auth", "get_config"])
@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("[1, 2", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "not a JSON object"),
    ],
)
async def test_what_is_no_message(house: House, when: str, said: str, reason: str) -> None:
    house.instead[when] = say(said)
    with pytest.raises(CoreError, match=reason):
        await ask(house)


@pytest.mark.parametrize("when", ["connect", "auth"])
async def test_something_else_at_that_address(house: House, when: str) -> None:
    house.instead[when] = say('{"type": "hello"}')
    with pytest.raises(CoreError, match="something else"):
        await ask(house)


@pytest.mark.parametrize("when", ["connect", "auth", "get_config"])
async def test_a_server_that_hangs_up(house: House, when: str) -> None:
    house.instead[when] = hang_up
    with pytest.raises(CoreError, match="closed the connection"):
        await ask(house)


@pytest.mark.parametrize("when", ["connect", "auth", "get_config"])
async def test_a_server_that_says_nothing_more(
    house: House, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "_ANSWER_SECONDS", 0.1)
    monkeypatch.setattr(websocket, "_CLOSE_SECONDS", 0.1)
    house.instead[when] = never
    with pytest.raises(CoreError, match=r"did not answer within 0\.1 s"):
        await ask(house)


async def test_a_server_that_talks_of_something_else_for_ever(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def chatter(socket: web.WebSocketResponse) -> None:
        while True:
            await socket.send_json({"id": 99, "type": "event", "event": {}})
            await asyncio.sleep(0.01)

    monkeypatch.setattr(websocket, "_ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(websocket, "_CLOSE_SECONDS", 0.1)
    house.instead["get_config"] = chatter
    with pytest.raises(CoreError, match="did not answer"):
        await ask(house)


async def test_a_message_that_is_too_long(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "_LONGEST_MESSAGE", 10_000)
    house.instead["get_config"] = say("x" * 10_001)
    with pytest.raises(CoreError, match="more than 10000 bytes"):
        await ask(house)


async def test_bytes_that_are_no_text(house: House) -> None:
    async def nonsense(socket: web.WebSocketResponse) -> None:
        assert socket._writer is not None
        await socket._writer.send_frame(b"\xff\xfe", 1)  # a text frame, not UTF-8

    house.instead["get_config"] = nonsense
    with pytest.raises(CoreError, match="breaks the WebSocket protocol"):
        await ask(house)


@pytest.mark.parametrize(("status", "path"), [(404, "/elsewhere"), (502, "/down"), (200, "/page")])
async def test_an_address_without_a_websocket(
    serve: Callable[..., Awaitable[int]], status: int, path: str
) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status)

    app = web.Application()
    app.router.add_get(path, answer)
    port = await serve(app)
    with pytest.raises(CoreError, match=f"HTTP {status}"):
        async with connected(Access(f"ws://127.0.0.1:{port}{path}", TOKEN)):
            pass


async def test_where_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(CoreError, match="cannot be reached") as caught:
        async with connected(Access(f"ws://me:geheim@127.0.0.1:{port}/api/websocket", TOKEN)):
            pass
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize("url", ["ws://127.0.0.1:99999/x", "ws://me:geheim@a..b/x", "ws://x y/x"])
async def test_an_impossible_address(url: str) -> None:
    with pytest.raises(CoreError, match="cannot be reached") as caught:
        async with connected(Access(url, TOKEN)):
            pass
    assert "geheim" not in str(caught.value)


async def test_a_box_that_takes_the_connection_and_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "_CONNECT_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(CoreError, match="did not answer"):
            async with connected(Access(f"ws://127.0.0.1:{port}/api/websocket", TOKEN)):
                pass


async def test_a_certificate_that_nobody_vouches_for(
    serve: Callable[..., Awaitable[int]], tmp_path: Path
) -> None:
    if not shutil.which("openssl"):
        pytest.skip("openssl makes the certificate, and is not installed")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "1",
        "-subj",
        "/CN=localhost",
    ]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    house = House()
    app = web.Application()
    app.router.add_get("/api/websocket", house.websocket)
    house.port = await serve(app, tls)
    with pytest.raises(CoreError, match="certificate of Home Assistant is not trusted"):
        async with connected(Access(f"wss://localhost:{house.port}/api/websocket", TOKEN)):
            pass
    assert house.connections == 0


async def test_an_error_of_the_user_of_a_connection_passes(house: House) -> None:
    with pytest.raises(LookupError):
        async with connected(house.access):
            raise LookupError
