"""The HTTP door, asked over a real connection."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime

import aiohttp
import pytest

from wallflower.audio.source import SourceState
from wallflower.bus import Bus
from wallflower.config.sources import SourceSettings
from wallflower.errors import AddressError
from wallflower.events import (
    Alert,
    Heard,
    SourceStatus,
    Speaker,
    StorageFailing,
    StorageWorking,
    Unheard,
    UtteranceRevised,
)
from wallflower.interfaces.http import access
from wallflower.interfaces.http.overview import Overview, PartState
from wallflower.interfaces.http.server import http_server
from wallflower.listening.condition import Condition
from wallflower.listening.overlay import ConfiguredSource
from wallflower.listening.person_card import PersonCard
from wallflower.listening.sources import SourceView

_NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
_VIEW = SourceView(
    ConfiguredSource("hall", SourceSettings(name="<Hall>", url="rtsp://u:geheim@cam/1"), {}, frozenset()),
    SourceState(SourceStatus.FAILED, "wrong password"),
    None,
)

Get = Callable[..., Awaitable[tuple[int, str]]]


def _heard(number: int, text: str) -> Heard:
    return Heard(number, "hall", _NOON, _NOON, text, "en", 0.0, 1.0)


@pytest.fixture
def overview() -> Overview:
    return Overview("Kitchen & hall")


@pytest.fixture(params=[False])
async def port(request: pytest.FixtureRequest, overview: Overview) -> AsyncIterator[int]:
    async with http_server(0, lambda: overview.status, addon=request.param) as port:
        yield port


@pytest.fixture
async def get(port: int) -> AsyncIterator[Get]:
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:

        async def get(path: str, **headers: str) -> tuple[int, str]:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            async with session.get(path, headers=named) as response:
                return response.status, await response.text()

        yield get


def _all_up(overview: Overview) -> None:
    overview.condition = lambda: Condition("openvino:cpu:whisper", "moonshine:cpu:tiny", {"x": "it <broke>"})
    overview.sources = lambda: [_VIEW]
    overview.serving = True


async def test_alive_before_ready(get: Get, overview: Overview) -> None:
    assert await get("/healthz") == (200, '{"alive": true}')
    status, text = await get("/readyz")
    assert status == 503
    assert '"engine": "starting"' in text
    _all_up(overview)
    status, text = await get("/readyz")
    assert status == 200
    assert '"ready": true' in text
    assert "hall" not in text.lower()  # no details for everybody


async def test_the_page_says_all_and_escapes_it(get: Get, overview: Overview) -> None:
    assert "nothing yet" in (await get("/"))[1]
    _all_up(overview)
    status, text = await get("/")
    assert status == 200
    for said in ("Kitchen &amp; hall", "openvino:cpu:whisper", "moonshine:cpu:tiny", "it &lt;broke&gt;"):
        assert said in text
    assert "&lt;Hall&gt;" in text
    assert "wrong password" in text
    assert "geheim" not in text
    assert "not told apart" in text
    overview.people = lambda: [
        PersonCard(1, "Anna", known=True, enrolled=True, colour="#aa0000"),
        PersonCard(2, "Speaker 2", known=False, enrolled=False, colour="#00aa00"),
    ]
    assert "<th>Speakers known</th><td>1</td>" in (await get("/"))[1]


async def test_what_was_heard_last(overview: Overview) -> None:
    bus = Bus()
    following = asyncio.create_task(overview.follow(bus))
    await asyncio.sleep(0)
    _all_up(overview)
    for number in range(20):
        bus.publish(_heard(number, f"word {number}"))
    bus.publish(_heard(19, "better word"))
    bus.publish(Unheard("hall", 18, _NOON))
    bus.publish(Alert(1, "help", "keyword", "hall", "critical", "raised", "help was said", _NOON))
    bus.publish(StorageFailing("disk full"))
    await asyncio.sleep(0.01)
    status = overview.status
    assert [each.text for each in status.heard][:2] == ["better word", "word 17"]
    assert len(status.heard) < 10
    assert status.alerts[0].summary == "help was said"
    assert status.parts["storage"] is PartState.FAILING
    assert status.ready  # voice commands need no database
    anna = Speaker(1, "Anna", known=True)
    bus.publish(UtteranceRevised(replace(_heard(17, "word 17"), speaker=anna, revision=1)))
    bus.publish(UtteranceRevised(replace(_heard(1, "long gone"), speaker=anna, revision=1)))
    bus.publish(StorageWorking(0))
    await asyncio.sleep(0.01)
    assert overview.status.parts["storage"] is PartState.WORKING
    heard = [(each.text, each.speaker_name) for each in overview.status.heard]
    assert heard[:2] == [("better word", ""), ("word 17", "Anna")]
    assert len(heard) == len(status.heard)
    following.cancel()


@pytest.mark.parametrize(
    ("path", "base"),
    [
        ("", "/"),
        ("/api/hassio_ingress/abc-DEF_1", "/api/hassio_ingress/abc-DEF_1/"),
        ("/api/hassio_ingress/abc/", "/api/hassio_ingress/abc/"),
        ('/"><script>', "/"),
        ("//evil.example.org", "/"),
        ("//evil", "/"),
    ],
)
async def test_ingress_path(get: Get, path: str, base: str) -> None:
    _, text = await get("/", X_Ingress_Path=path)
    assert f'<base href="{base}">' in text


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "wallflower.example.org"},
        {"Host": "127.0.0.1.example.org:8099"},
        {"Host": "[::1"},
        {"X_Forwarded_For": "192.168.1.9"},
        {"Forwarded": "for=192.168.1.9"},
    ],
)
async def test_the_page_is_for_this_box_alone(get: Get, headers: dict[str, str]) -> None:
    status, text = await get("/", **headers)
    assert status == 403
    assert "loopback" in text
    assert (await get("/healthz", **headers))[0] == 200


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:99", "[::1]:99", "LOCALHOST"])
async def test_names_of_this_box(get: Get, host: str) -> None:
    assert (await get("/", Host=host))[0] == 200


@pytest.mark.parametrize("port", [True], indirect=True)
async def test_in_the_addon_only_supervisor_sees_it(get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    status, text = await get("/", X_Remote_User_Name="admin")
    assert status == 403
    assert "side bar" in text
    assert (await get("/readyz"))[0] == 503
    monkeypatch.setattr(access, "INGRESS", "127.0.0.1")
    assert (await get("/", X_Forwarded_For="192.168.1.9", Host="homeassistant.local"))[0] == 200


async def test_no_script_runs_and_nothing_is_cached(port: int) -> None:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/") as response:
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script" not in policy
        assert response.headers["Cache-Control"] == "no-store"


async def test_a_port_that_is_taken(overview: Overview) -> None:
    with socket.create_server(("0.0.0.0", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(AddressError, match=f"port {port}.*in use.*--http-port"):
            async with http_server(port, lambda: overview.status, addon=False):
                pass
