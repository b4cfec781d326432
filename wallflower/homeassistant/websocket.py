"""Home Assistant's WebSocket API: one connection, one command at a time.

The server asks for a token, then answers commands by the number that each carries
(developers.home-assistant.io/docs/api/websocket). What it says goes into no error: it might repeat the token.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from wallflower.errors import WallflowerError
from wallflower.homeassistant.access import Access
from wallflower.redaction import redact

_CONNECT_SECONDS = 10.0
_ANSWER_SECONDS = 10.0
_CLOSE_SECONDS = 1.0
_LONGEST_MESSAGE = 16 << 20
"""Bytes; the ids of all entities of a very large house are about a million."""
_CODE = re.compile(r"[a-z_]{1,40}")


class CoreError(WallflowerError):
    """Home Assistant cannot be reached, or does not answer as it should."""


class TokenRefusedError(CoreError):
    """Home Assistant does not know the token. Asking again is no use, and each time it warns its user."""


class CommandRefusedError(CoreError):
    """Home Assistant does not do this command, or not for this user. code: such as `unauthorized`."""

    def __init__(self, command: str, code: str) -> None:
        super().__init__(f"Home Assistant refused {command}: {code}")
        self.code = code


class CoreConnection:
    """An open connection after the log-in; `connected` makes it. One command at a time."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._last_id = 0

    async def command(self, command: str, **fields: Any) -> Any:
        """The result of a command. Raises CommandRefusedError, or CoreError."""
        async with _answering(command, _ANSWER_SECONDS):
            return await self._result(command, fields)

    async def first_event(self, command: str, **fields: Any) -> Any:
        """Subscribe, and give the first event. Those that follow are passed over. Raises as `command`."""
        async with _answering(command, _ANSWER_SECONDS):
            await self._result(command, fields)
            return (await self._answer("event")).get("event")

    async def log_in(self, token: str) -> None:
        """The phase before the first command. Raises TokenRefusedError, or CoreError."""
        message = await self._receive()
        if message.get("type") == "auth_required":
            await self._socket.send_json({"type": "auth", "access_token": token})
            message = await self._receive()
        if message.get("type") == "auth_invalid":
            raise TokenRefusedError(
                "Home Assistant refused the token: make a new long-lived access token in your profile there "
                "(in the add-on: restart it)"
            )
        if message.get("type") != "auth_ok":
            raise CoreError("there is something else than Home Assistant's WebSocket API at that address")

    async def _result(self, command: str, fields: dict[str, Any]) -> Any:
        self._last_id += 1
        await self._socket.send_json({**fields, "id": self._last_id, "type": command})
        answer = await self._answer("result")
        if answer.get("success") is not True:
            error = answer.get("error")
            code = error.get("code") if isinstance(error, dict) else None
            known = isinstance(code, str) and _CODE.fullmatch(code)
            raise CommandRefusedError(command, str(code) if known else "no reason given")
        return answer.get("result")

    async def _answer(self, kind: str) -> dict[str, Any]:
        """The next message of that kind for the last command; what earlier ones bring is passed over."""
        while True:
            message = await self._receive()
            if message.get("id") == self._last_id and message.get("type") == kind:
                return message

    async def _receive(self) -> dict[str, Any]:
        message = await self._socket.receive()
        if message.type is aiohttp.WSMsgType.ERROR:
            if getattr(message.data, "code", None) == aiohttp.WSCloseCode.MESSAGE_TOO_BIG:
                reason = f"Home Assistant sent more than {_LONGEST_MESSAGE} bytes in one message"
            else:
                reason = "Home Assistant's answer breaks the WebSocket protocol"
            raise CoreError(reason) from message.data
        if message.type is not aiohttp.WSMsgType.TEXT:
            raise CoreError("Home Assistant closed the connection")
        try:
            content = json.loads(message.data)
        except (ValueError, RecursionError) as error:
            raise CoreError("Home Assistant's answer is not JSON") from error
        if not isinstance(content, dict):
            raise CoreError("Home Assistant's answer is not a JSON object")
        return content


@asynccontextmanager
async def connected(access: Access) -> AsyncIterator[CoreConnection]:
    """A connection, logged in; closed at the end. Raises TokenRefusedError, or CoreError.

    Certificates are checked against the system's authorities.
    """
    timeout = aiohttp.ClientWSTimeout(ws_close=_CLOSE_SECONDS)
    async with aiohttp.ClientSession() as session:
        async with _answering("connecting", _CONNECT_SECONDS):
            socket = await session.ws_connect(access.url, max_msg_size=_LONGEST_MESSAGE, timeout=timeout)
        async with socket:
            connection = CoreConnection(socket)
            async with _answering("the log-in", _ANSWER_SECONDS):
                await connection.log_in(access.token)
            yield connection


@asynccontextmanager
async def _answering(what: str, seconds: float) -> AsyncIterator[None]:
    """Give the block `seconds`, and make what fails in the network a CoreError."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except aiohttp.ClientConnectorCertificateError as error:
        raise CoreError(
            "the certificate of Home Assistant is not trusted, or is for another name: add its authority to "
            "this system's, or give home_assistant_url as the certificate has it"
        ) from error
    except aiohttp.WSServerHandshakeError as error:
        raise CoreError(f"Home Assistant cannot be reached: HTTP {error.status}") from error
    except TimeoutError as error:
        raise CoreError(f"Home Assistant did not answer within {seconds:g} s ({what})") from error
    except (OSError, ValueError, aiohttp.ClientError) as error:  # ValueError: no possible address
        raise CoreError(f"Home Assistant cannot be reached ({what}): {redact(str(error))}") from error
