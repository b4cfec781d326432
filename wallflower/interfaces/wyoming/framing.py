"""Reading Wyoming events from a peer that need not be kind: every length has a limit.

The library's own reader believes what a header promises, and gives up without a reason on what it
cannot read. This one says what was wrong. Format: https://github.com/OHF-Voice/wyoming
"""

import asyncio
import json
from typing import Any

from wyoming.event import Event

HEADER_LIMIT = 65_536
DATA_LIMIT = 1 << 20
PAYLOAD_LIMIT = 16 << 20
"""Bytes. The longest sound in one event: 87 s of 48 kHz stereo."""


class NotWyomingError(Exception):
    """The bytes are of some other protocol: there is nobody who would understand an answer."""


class BadEventError(Exception):
    """An event that cannot be read. What follows it cannot be found, so the connection has to end."""


async def read_event(reader: asyncio.StreamReader) -> Event | None:
    """The next event, or None at the end of the stream.

    `reader` must have HEADER_LIMIT as its limit. Raises NotWyomingError or BadEventError.
    """
    try:
        line = await reader.readline()
    except ValueError as error:
        raise NotWyomingError(f"no line ends within {HEADER_LIMIT} bytes") from error
    if not line:
        return None
    header = _object(line)
    if header is None:
        raise NotWyomingError("the line is no JSON object")
    kind = header.get("type")
    if not isinstance(kind, str) or not kind:
        raise BadEventError("the event has no type")
    data = header.get("data")
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise BadEventError(f"the data of {kind!r} is no JSON object")
    if length := _length(header, "data_length", DATA_LIMIT):
        more = _object(await _exactly(reader, length, "data"))
        if more is None:
            raise BadEventError(f"the data of {kind!r} is no JSON object")
        data = {**data, **more}
    payload = None
    if length := _length(header, "payload_length", PAYLOAD_LIMIT):
        payload = await _exactly(reader, length, "payload")
    return Event(type=kind, data=data, payload=payload)


def _object(text: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _length(header: dict[str, Any], name: str, limit: int) -> int:
    value = header.get(name)
    if value is None:
        return 0
    if type(value) is not int or not 0 <= value <= limit:
        raise BadEventError(f"{name} is {str(value)[:40]}; allowed: 0 to {limit}")
    return value


async def _exactly(reader: asyncio.StreamReader, length: int, what: str) -> bytes:
    try:
        return await reader.readexactly(length)
    except asyncio.IncompleteReadError as error:
        got = len(error.partial)
        raise BadEventError(f"the stream ended after {got} of {length} bytes of {what}") from error
