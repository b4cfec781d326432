"""Which names are taken from a house, in which order, and how they are cleaned."""

import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.homeassistant.conftest import NAMES, House, never, say
from wallflower.homeassistant import names, websocket
from wallflower.homeassistant.names import cleaned, fetch_names, house_names
from wallflower.homeassistant.websocket import CommandRefusedError, CoreError


async def test_exposed_entities_with_aliases_areas_and_floors(house: House) -> None:
    begun = time.time()
    found = await fetch_names(house.access)
    assert found.names == NAMES
    assert begun <= found.fetched_at <= time.time()


async def test_for_a_user_who_is_no_administrator(house: House) -> None:
    """Exposure is read from the registry then; no command is tried that would be refused."""
    house.admin = False
    assert (await fetch_names(house.access)).names == NAMES
    assert "homeassistant/expose_entity/list" not in house.asked


async def test_an_older_home_assistant_without_floors(house: House) -> None:
    house.floors = None
    assert (await fetch_names(house.access)).names == NAMES[:-1]


async def test_nothing_exposed(house: House) -> None:
    house.exposed = []
    assert (await fetch_names(house.access)).names == NAMES[-4:]
    assert "subscribe_entities" not in house.asked  # without ids, it would send every state


@pytest.mark.parametrize("state", ["NOT_RUNNING", "STARTING", "STOPPING"])
async def test_a_house_that_is_only_half_there(house: House, state: str) -> None:
    house.state = state
    with pytest.raises(CoreError, match="starting or stopping"):
        await fetch_names(house.access)


async def test_a_large_house(house: House) -> None:
    """Asked for in parts; things that can be switched come before sensors, and rooms keep their place."""
    sensors = [f"sensor.s{number}" for number in range(2000)]
    lights = [f"light.l{number}" for number in range(350)]
    house.exposed = sensors + lights
    house.states = {each: f"Name of {each}" for each in house.exposed}
    house.areas = [{"name": f"Room {number}", "aliases": []} for number in range(60)]
    found = (await fetch_names(house.access)).names
    assert len(found) == 500
    assert found[:350] == tuple(f"Name of {each}" for each in lights)
    assert found[439] == "Room 0"
    assert found[-1] == "Upstairs"
    assert house.asked.count("subscribe_entities") == 5


async def test_a_command_that_is_refused(house: House) -> None:
    house.instead["config/entity_registry/get_entries"] = say(
        '{"id": 4, "type": "result", "success": false, "error": {"code": "unknown_error"}}'
    )
    with pytest.raises(CommandRefusedError, match="unknown_error"):
        await fetch_names(house.access)


async def test_it_takes_no_longer_than_it_may(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "_ALL_SECONDS", 0.2)
    monkeypatch.setattr(websocket, "_CLOSE_SECONDS", 0.1)
    house.instead["config/area_registry/list"] = never
    with pytest.raises(CoreError, match=r"everything within 0\.2 s"):
        await fetch_names(house.access)


_WRONG: list[Any] = [None, 7, "text", [], {}, [None, 7, "x", [], {}], {"a": 7}, [{"name": 7, "aliases": "x"}]]


@pytest.mark.parametrize("wrong", _WRONG)
async def test_answers_of_another_shape_give_no_names_and_no_error(house: House, wrong: Any) -> None:
    house.areas = house.floors = wrong
    house.aliases = {"light.ceiling": wrong}
    house.states["switch.old_pump"] = [wrong]
    house.exposed = ["light.ceiling", "switch.old_pump"]
    assert (await fetch_names(house.access)).names[:1] == ("Kitchen ceiling light",)


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("  Bedroom\n lamp\t", "Bedroom lamp"),
        ("🍇 on the Vine", "on the Vine"),
        ("I ❤️ TV", "I TV"),
        ("Küche & Bad (klein)", "Küche & Bad (klein)"),
        ("Ku\u0308che", "Küche"),
        ("a\u200bb\x00c", "abc"),
        ("बैठक की बत्ती", "बैठक की बत्ती"),
        ("\ud800x", "x"),
        ("居間\u3000の電気", "居間 の電気"),
        ("x" * 100, "x" * 100),
        ("x" * 101, ""),
        ("", ""),
        (" \t", ""),
        ("🍇", ""),
        ("---", ""),
        (None, ""),
        (7, ""),
        (["x"], ""),
    ],
)
def test_cleaned(name: Any, clean: str) -> None:
    assert cleaned(name) == clean


@given(st.lists(st.text(max_size=120)), st.lists(st.text(max_size=120)))
@example(["u\u200b\u0308"], ["Ü"])
def test_names_are_clean_distinct_and_few(entities: list[str], rooms: list[str]) -> None:
    found = house_names(entities, rooms)
    assert len(found) <= 500
    assert len({name.casefold() for name in found}) == len(found)
    for name in found:
        assert name == " ".join(name.split())
        assert 0 < len(name) <= 100
        assert name.encode()
    assert house_names(found, ()) == found  # what was kept is not changed when it is read again
