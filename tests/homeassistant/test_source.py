"""The names at hand: never waited for, kept over a restart, and quiet about secrets."""

import asyncio
import json
import logging
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web

from tests.homeassistant.conftest import NAMES, SUPERVISOR_TOKEN, TOKEN, House, hang_up, never, say, settled
from wallflower.config import Options, OptionsError
from wallflower.homeassistant import source as source_module
from wallflower.homeassistant.access import Access
from wallflower.homeassistant.names import HouseNames
from wallflower.homeassistant.source import FILE, Knowledge, NameSource, open_names
from wallflower.homeassistant.websocket import CoreError

_OFF = Options()


@pytest.fixture
def options(house: House) -> Options:
    """With the address of the house and its token."""
    return Options(home_assistant_url=house.url, home_assistant_token=TOKEN)


def _lines(log_output: list[dict[str, Any]], *levels: str) -> list[str]:
    return [line["event"] for line in log_output if line["log_level"] in levels]


def _knowledge(source: NameSource) -> Knowledge:
    return source.state.knowledge


async def test_names_are_fetched_in_the_background_and_kept(
    house: House, options: Options, tmp_path: Path, log_output: list[dict[str, Any]]
) -> None:
    async with open_names(options, tmp_path, {}) as source:
        assert source.names() == ()
        assert _knowledge(source) is Knowledge.UNKNOWN
        await settled(source)
        assert source.names() == NAMES
        assert _knowledge(source) is Knowledge.FRESH
        assert source.state.names == len(NAMES)
        await asyncio.sleep(0.05)
        assert house.connections == 1  # they are fresh
    house.tokens.clear()
    async with open_names(options, tmp_path, {}) as source:
        assert source.names() == NAMES
        assert _knowledge(source) is Knowledge.STALE
        await settled(source)
        assert source.names() == NAMES
        state = source.state
        assert (state.knowledge, state.names) == (Knowledge.UNREACHABLE, len(NAMES))
        assert state.fetched_at is not None
    assert _lines(log_output, "info", "warning") == [
        "names in the house known",
        "names in the house unreachable",
    ]


async def test_through_the_supervisor(house: House, tmp_path: Path) -> None:
    environment = {"SUPERVISOR_TOKEN": SUPERVISOR_TOKEN, "SUPERVISOR_API": house.url}
    async with open_names(_OFF, tmp_path, environment) as source:
        await settled(source)
        assert source.names() == NAMES


async def test_off_is_silent_and_forgets(
    house: House, options: Options, tmp_path: Path, log_output: list[dict[str, Any]]
) -> None:
    async with open_names(options, tmp_path, {}) as source:
        await settled(source)
    assert json.loads((tmp_path / FILE).read_text())["names"] == list(NAMES)
    log_output.clear()
    async with open_names(_OFF, tmp_path, {}) as source:
        assert source.names() == ()
        assert _knowledge(source) is Knowledge.OFF
        await asyncio.sleep(0.01)
    assert list(tmp_path.iterdir()) == []
    assert _lines(log_output, "info", "warning", "error") == []
    assert house.connections == 1


async def test_half_an_access_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OptionsError):
        async with open_names(Options(home_assistant_url="http://x"), tmp_path, {}):
            pass


async def test_old_names_are_given_while_new_ones_are_fetched(house: House) -> None:
    source = NameSource(house.access, refresh_after=0.0)
    source.names()
    await settled(source)
    house.areas = [{"name": "Cellar"}]
    assert _knowledge(source) is Knowledge.STALE
    assert "Cellar" not in source.names()
    for _ in range(20):
        source.names()  # one fetch at a time
    await settled(source)
    assert house.connections == 2
    assert "Cellar" in source.names()
    await source.close()


async def test_a_fetch_that_hangs_holds_nobody_up_and_ends_with_the_source(house: House) -> None:
    house.instead["get_config"] = never
    source = NameSource(house.access, kept=HouseNames(("lamp",), 0.0))
    source.names()
    async with asyncio.timeout(10):
        while "get_config" not in house.asked:
            await asyncio.sleep(0.005)
    assert source.names() == ("lamp",)
    await source.close()
    assert source.names() == ("lamp",)
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "names"]
    assert house.connections == 1


async def test_a_source_that_is_closed_before_its_fetch_began(house: House) -> None:
    source = NameSource(house.access)
    source.names()
    await source.close()
    await source.close()
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "names"]


async def test_pauses_grow_and_one_line_is_logged(
    house: House, log_output: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000
    monkeypatch.setattr(source_module, "random", SimpleNamespace(uniform=lambda _low, _high: 1))
    monkeypatch.setattr(source_module, "time", SimpleNamespace(monotonic=lambda: now))
    house.instead["auth"] = hang_up
    source = NameSource(house.access)
    tried_at = []
    for _ in range(12_000):
        before = house.connections
        source.names()
        await _fetched(source)
        if house.connections > before:
            tried_at.append(now)
        now += 1
    pauses = [after - before for before, after in pairwise(tried_at)]
    assert pauses[:8] == [30, 60, 120, 240, 480, 960, 1920, 3600]
    assert _lines(log_output, "info", "warning", "error") == ["names in the house unreachable"]
    house.instead.clear()
    now += 3600
    source.names()
    await _fetched(source)
    assert _knowledge(source) is Knowledge.FRESH
    house.instead["auth"] = hang_up
    now += 300
    assert _knowledge(source) is Knowledge.STALE
    source.names()
    await _fetched(source)
    assert source.names() == NAMES
    assert source.state.reason == "Home Assistant closed the connection"
    assert source._due - now == 30  # pauses begin anew
    assert len(_lines(log_output, "info", "warning", "error")) == 3


async def _fetched(source: NameSource) -> None:
    if source._refresh:
        await asyncio.wait({source._refresh})


async def test_a_refused_token_is_not_tried_again_soon(
    house: House, log_output: list[dict[str, Any]]
) -> None:
    """Home Assistant tells its user of each try."""
    house.tokens.clear()
    source = NameSource(house.access)
    source.names()
    await settled(source)
    assert log_output[-1]["retry_after_s"] > 2000
    await source.close()


async def test_no_token_and_no_name_reaches_a_log(
    house: House, options: Options, tmp_path: Path, log_output: list[dict[str, Any]], caplog: Any
) -> None:
    """Not at any level, whatever goes wrong."""
    caplog.set_level(logging.DEBUG)

    async def echo(socket: web.WebSocketResponse) -> None:
        await socket.send_str(f'{{"type": "{TOKEN}", "error": "{TOKEN}"}}')

    access = Access(house.access.url.replace("ws://", "ws://me:geheim@"), TOKEN)
    for when in ("nothing", "auth", "get_config", "config/entity_registry/get_entries"):
        for behaviour in (echo, hang_up, say(f"{TOKEN}")):
            house.instead = {when: behaviour}
            source = NameSource(access, keep_in=tmp_path / FILE)
            source.names()
            await _soon(source)
            await source.close()
    house.tokens.clear()
    async with open_names(options, tmp_path, {}) as source:
        await settled(source)
    logged = repr(log_output) + caplog.text
    assert "names in the house" in logged
    for secret in (TOKEN, "geheim", *NAMES):
        assert secret not in logged


async def _soon(source: NameSource) -> None:
    """Long enough for an answer; one that never comes is cut off by closing."""
    if source._refresh:
        await asyncio.wait({source._refresh}, timeout=0.3)


@pytest.mark.parametrize(
    "kept",
    [
        "",
        "[]",
        '{"names": "x", "fetched_at": 1}',
        '{"names": ["x"]}',
        '{"names": ["x"], "fetched_at": "y"}',
    ],
)
async def test_a_damaged_file_is_no_file(house: House, options: Options, tmp_path: Path, kept: str) -> None:
    (tmp_path / FILE).write_text(kept)
    async with open_names(options, tmp_path, {}) as source:
        assert source.names() == ()
        await settled(source)
        assert source.names() == NAMES


async def test_names_that_cannot_be_kept_are_known_all_the_same(
    house: House, tmp_path: Path, log_output: list[dict[str, Any]]
) -> None:
    source = NameSource(house.access, keep_in=tmp_path / "gone" / FILE)
    source.names()
    await settled(source)
    assert source.names() == NAMES
    assert _knowledge(source) is Knowledge.FRESH
    assert "names in the house are not kept for the next start" in _lines(log_output, "warning")
    await source.close()


async def test_an_error_of_ours_is_logged_and_goes_no_further(
    house: House, monkeypatch: pytest.MonkeyPatch, log_output: list[dict[str, Any]]
) -> None:
    async def broken(_access: Access) -> HouseNames:
        raise LookupError

    monkeypatch.setattr(source_module, "fetch_names", broken)
    source = NameSource(house.access)
    source.names()
    await settled(source)
    assert source.names() == ()
    assert _knowledge(source) is Knowledge.UNREACHABLE
    assert _lines(log_output, "error") == ["names in the house: an error of ours"]
    await source.close()


async def test_what_fails_while_closing_is_no_failure_of_the_daemon(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = asyncio.Event()

    async def stubborn(_access: Access) -> HouseNames:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as error:
            raise CoreError("the connection broke while it was closed") from error
        raise AssertionError

    monkeypatch.setattr(source_module, "fetch_names", stubborn)
    source = NameSource(house.access)
    source.names()
    await begun.wait()
    await source.close()
    assert source._refresh is None
