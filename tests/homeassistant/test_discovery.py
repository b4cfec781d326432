"""Announcing to Home Assistant, through a Supervisor that behaves like the real one."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.homeassistant.made_supervisor import TOKEN, MadeSupervisor
from wallflower.homeassistant import discovery
from wallflower.homeassistant.discovery import announce_wyoming, own_addon
from wallflower.homeassistant.supervisor import Supervisor, SupervisorError

_CONFIG = Path(__file__).parents[2] / "config.yaml"
_ANNOUNCED = {"service": "wyoming", "config": {"uri": "tcp://local-wallflower:10300"}}


@pytest.fixture
def made() -> MadeSupervisor:
    return MadeSupervisor(_CONFIG)


@pytest.fixture
async def supervisor(made: MadeSupervisor, serve: Callable[..., Awaitable[int]]) -> Supervisor:
    return Supervisor(f"http://127.0.0.1:{await serve(made.application())}", TOKEN)


async def test_own_addon(supervisor: Supervisor) -> None:
    addon = await own_addon(supervisor)
    assert (addon.slug, addon.hostname, addon.version) == ("local_wallflower", "local-wallflower", "0.1.0")


async def test_announced_once_however_often(supervisor: Supervisor, made: MadeSupervisor) -> None:
    await announce_wyoming(supervisor, 10300)
    await announce_wyoming(supervisor, 10300)
    assert list(made.discovered.values()) == [_ANNOUNCED]


async def test_announced_when_supervisor_is_there_again(
    supervisor: Supervisor, made: MadeSupervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovery, "_FIRST_PAUSE_SECONDS", 0.01)
    made.starting = True
    announcing = asyncio.create_task(announce_wyoming(supervisor, 10300))
    await asyncio.sleep(0.1)
    assert not announcing.done()
    made.starting = False
    await asyncio.wait_for(announcing, 20)
    assert list(made.discovered.values()) == [_ANNOUNCED]


async def test_not_declared(supervisor: Supervisor, made: MadeSupervisor) -> None:
    made.config["discovery"] = []
    await announce_wyoming(supervisor, 10300)  # returns: asking again would change nothing
    assert made.discovered == {}


async def test_another_addons_token(supervisor: Supervisor, made: MadeSupervisor) -> None:
    await announce_wyoming(Supervisor(supervisor.api, "another"), 10300)
    assert made.discovered == {}


async def test_the_broker(supervisor: Supervisor, made: MadeSupervisor) -> None:
    with pytest.raises(SupervisorError, match="Service not enabled"):
        await supervisor.request("GET", "/services/mqtt")
    made.broker = {"host": "core-mosquitto", "port": 1883}
    assert (await supervisor.request("GET", "/services/mqtt"))["host"] == "core-mosquitto"
    with pytest.raises(SupervisorError, match="not declared"):
        await supervisor.request("GET", "/services/mysql")
    with pytest.raises(SupervisorError, match="403"):
        await supervisor.request("GET", "/addons/core_ssh/info")
