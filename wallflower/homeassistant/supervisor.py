"""The Supervisor's API, which an add-on reaches by an address and a token in its environment.

Every answer is an envelope: `{"result": "ok", "data": …}` or `{"result": "error", "message": …}`; what
refuses a token answers in plain text. (developers.home-assistant.io/docs/api/supervisor/endpoints)
"""

import asyncio
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from wallflower.errors import WallflowerError
from wallflower.redaction import redact

_DEFAULT_API = "http://supervisor"
_ANSWER_SECONDS = 10.0
_LONGEST_ANSWER = 1 << 20


class SupervisorError(WallflowerError):
    """The Supervisor cannot be reached, or refuses. status: the HTTP status, None when nobody answered."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Supervisor:
    """api: its address, without a slash at the end. token: this add-on's."""

    api: str
    token: str = field(repr=False)

    @property
    def core_websocket(self) -> str:
        """Where it passes Home Assistant's WebSocket API on, to add-ons with `homeassistant_api: true`.

        Home Assistant there takes the Supervisor's token for its own.
        """
        return f"ws{self.api.removeprefix('http')}/core/websocket"

    async def request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Ask for `path`, with `body` as JSON; the answer's data. Raises SupervisorError."""
        timeout = aiohttp.ClientTimeout(total=_ANSWER_SECONDS)
        headers = {"Authorization": f"Bearer {self.token}"}
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, headers=headers) as session,
                session.request(method, self.api + path, json=body, allow_redirects=False) as response,
            ):
                status, text = response.status, await _body(response)
        except (TimeoutError, ValueError, aiohttp.ClientError) as error:  # ValueError: no possible address
            reason = redact(str(error)) or f"no answer within {_ANSWER_SECONDS:g} s"
            raise SupervisorError(f"the Supervisor cannot be reached for {path}: {reason}") from error
        return _data(path, status, text)


def supervisor_of(environment: Mapping[str, str] = os.environ) -> Supervisor | None:
    """The Supervisor that runs this process as an add-on; None elsewhere."""
    token = environment.get("SUPERVISOR_TOKEN")
    if not token:
        return None
    return Supervisor((environment.get("SUPERVISOR_API") or _DEFAULT_API).rstrip("/"), token)


async def _body(response: aiohttp.ClientResponse) -> bytes:
    try:
        await response.content.readexactly(_LONGEST_ANSWER)
    except asyncio.IncompleteReadError as error:
        return error.partial
    raise aiohttp.ClientPayloadError(f"it sends more than {_LONGEST_ANSWER} bytes")


def _data(path: str, status: int, text: bytes) -> Any:
    try:
        envelope = json.loads(text)
    except (ValueError, RecursionError):
        envelope = None
    if isinstance(envelope, dict) and envelope.get("result") == "ok" and status < 400:
        return envelope.get("data")
    message = envelope.get("message") if isinstance(envelope, dict) else None
    told = f": {redact(message)}" if isinstance(message, str) and message else ""
    raise SupervisorError(f"the Supervisor refused {path} with HTTP {status}{told}", status)
