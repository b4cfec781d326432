"""Telling Home Assistant of alerts."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from structlog.testing import capture_logs

from tests.alerts.post_office import ALERT, alert
from tests.homeassistant.conftest import House, hang_up
from wallflower.alerts.payload import payload_of
from wallflower.alerts.telling_home import HomeTelling
from wallflower.bus import Bus
from wallflower.config.identity import Identity
from wallflower.homeassistant.access import Access

_BOX = Identity("0123abcd", "Kitchen")


@asynccontextmanager
async def _telling(access: Access, ways: Sequence[str]) -> AsyncIterator[Bus]:
    bus = Bus()
    task = asyncio.create_task(HomeTelling(access, ways, _BOX, first_pause=0.01).run(bus))
    await asyncio.sleep(0.01)
    try:
        yield bus
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


def _told(house: House, command: str) -> list[dict[str, Any]]:
    return [each for each in house.commands if each["type"] == command]


async def test_as_an_event_and_by_a_service(house: House) -> None:
    async with _telling(house.access, ["event", "notify.mobile_app_phone"]) as bus:
        bus.publish(ALERT)
        bus.publish(alert(ALERT.id, phase="confirmed"))
        bus.publish(alert(ALERT.id, phase="ended", summary="over"))
        await _until(lambda: len(_told(house, "call_service")) == 2)
    events = _told(house, "fire_event")
    assert [each["event_type"] for each in events] == ["wallflower_alert"] * 3
    assert events[0]["event_data"] == payload_of(ALERT, _BOX)
    raised, ended = _told(house, "call_service")
    assert (raised["domain"], raised["service"]) == ("notify", "mobile_app_phone")
    assert raised["service_data"]["message"] == ALERT.summary
    assert ended["service_data"]["title"] == "Kitchen: help (ended)"
    assert raised["service_data"]["data"] == ended["service_data"]["data"]


async def test_it_is_told_later_when_home_is_away(house: House) -> None:
    house.instead["connect"] = hang_up
    async with _telling(house.access, ["event"]) as bus:
        for number in range(3):
            bus.publish(alert(number))
        await _until(lambda: house.connections >= 2)
        del house.instead["connect"]
        await _until(lambda: len(_told(house, "fire_event")) == 3)
    assert [each["event_data"]["id"] for each in _told(house, "fire_event")] == ["0", "1", "2"]


async def test_a_way_that_is_refused_is_said_once_and_the_others_are_told(house: House) -> None:
    house.refuses["fire_event"] = "unauthorized"
    with capture_logs() as lines:
        async with _telling(house.access, ["event", "notify.all"]) as bus:
            bus.publish(alert(1))
            bus.publish(alert(2))
            await _until(lambda: len(_told(house, "call_service")) == 2)
    (line,) = [line for line in lines if line["event"] == "Home Assistant does not take alerts"]
    assert "unauthorized" in line["reason"]
    assert "administrator" in line["reason"]


async def test_a_refused_token_is_not_tried_again_soon(house: House) -> None:
    with capture_logs() as lines:
        async with _telling(Access(house.access.url, "wrong"), ["event"]) as bus:
            bus.publish(ALERT)
            await _until(lambda: bool(lines))
            await asyncio.sleep(0.05)
    assert house.connections == 1
    assert lines[0]["retry_s"] == 3600
