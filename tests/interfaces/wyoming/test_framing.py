"""Events come back as they were sent, and nothing else gets through."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wyoming.event import Event

from wallflower.interfaces.wyoming.framing import (
    DATA_LIMIT,
    HEADER_LIMIT,
    PAYLOAD_LIMIT,
    BadEventError,
    NotWyomingError,
    read_event,
)

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


async def _read(data: bytes) -> Event | None:
    reader = asyncio.StreamReader(limit=HEADER_LIMIT)
    reader.feed_data(data)
    reader.feed_eof()
    return await read_event(reader)


def _line(**header: Any) -> bytes:
    return json.dumps(header).encode() + b"\n"


@given(st.text(min_size=1), st.dictionaries(st.text(), _JSON, max_size=4), st.binary(max_size=3000))
def test_events_are_read_as_the_library_writes_them(kind: str, data: dict[str, Any], payload: bytes) -> None:
    more = json.dumps(data).encode()
    header = {"type": kind, "version": "1.10.2"}
    if data:
        header["data_length"] = len(more)  # type: ignore[assignment]
    if payload:
        header["payload_length"] = len(payload)  # type: ignore[assignment]
    wire = _line(**header) + (more if data else b"") + payload
    event = asyncio.run(_read(wire))
    assert event == Event(type=kind, data=data, payload=payload or None)


@given(st.binary(max_size=300))
def test_any_bytes_end_in_an_event_or_a_reason(data: bytes) -> None:
    try:
        asyncio.run(_read(data))
    except (NotWyomingError, BadEventError) as error:
        assert str(error)


@given(_JSON)
def test_any_json_ends_in_an_event_or_a_reason(value: Any) -> None:
    try:
        asyncio.run(_read(json.dumps(value).encode() + b"\n"))
    except (NotWyomingError, BadEventError) as error:
        assert str(error)


async def test_end_of_stream_is_no_event() -> None:
    assert await _read(b"") is None


async def test_inline_and_separate_data_are_merged() -> None:
    event = await _read(_line(type="x", data={"a": 1, "b": 1}, data_length=8) + b'{"b": 2}')
    assert event == Event("x", {"a": 1, "b": 2})


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n",
        b"[" * 60_000 + b"\n",
        b"a" * (HEADER_LIMIT + 1),
        b'"just text"\n',
        b"\xff\xfe\n",
    ],
)
async def test_other_protocols_are_told_apart(data: bytes) -> None:
    with pytest.raises(NotWyomingError):
        await _read(data)


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        (_line(type="x", payload_length=2_000_000_000), f"2000000000; allowed: 0 to {PAYLOAD_LIMIT}"),
        (_line(type="x", payload_length=-1), "payload_length is -1"),
        (_line(type="x", payload_length="9"), "payload_length is 9"),
        (_line(type="x", payload_length=1.5), "payload_length is 1.5"),
        (_line(type="x", payload_length=True), "payload_length is True"),
        (_line(type="x", data_length=10**9), f"1000000000; allowed: 0 to {DATA_LIMIT}"),
        (_line(type="x", payload_length=10) + b"123", "after 3 of 10 bytes of payload"),
        (_line(type="x", data_length=10) + b"{", "after 1 of 10 bytes of data"),
        (_line(type="x", data_length=3) + b"[1]", "no JSON object"),
        (_line(type="x", data=[1]), "no JSON object"),
        (_line(kind="x"), "no type"),
        (_line(type=5), "no type"),
        (_line(type=""), "no type"),
    ],
)
async def test_what_is_wrong_with_an_event_is_said(wire: bytes, reason: str) -> None:
    with pytest.raises(BadEventError, match=reason):
        await _read(wire)
