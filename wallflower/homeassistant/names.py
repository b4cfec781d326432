"""The names in the house: what people call their things and rooms when they speak to Assist."""

import asyncio
import time
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from wallflower.homeassistant.access import Access
from wallflower.homeassistant.websocket import (
    CommandRefusedError,
    CoreConnection,
    CoreError,
    connected,
)

_ALL_SECONDS = 60.0
_MOST_NAMES = 500
_MOST_ROOMS = 100
_LONGEST_NAME = 100
_ENTITIES_AT_A_TIME = 100
"""An answer about this many is decoded within a few milliseconds: the loop never stands still for long."""
_GET_ENTRIES = "config/entity_registry/get_entries"
_ASSIST = "conversation"
_READ_ONLY = {"sensor", "binary_sensor"}
_EMOJI_STYLE = "\N{VARIATION SELECTOR-16}"


@dataclass(frozen=True, slots=True)
class HouseNames:
    """names: exposed entities with their aliases (those that can be switched before sensors), areas, floors;
    at most 500 of at most 100 characters, none twice. fetched_at: Unix time in seconds.
    """

    names: tuple[str, ...]
    fetched_at: float


async def fetch_names(access: Access) -> HouseNames:
    """Ask Home Assistant for the names of all that is exposed to Assist. Takes at most a minute.

    Raises TokenRefusedError, or CoreError.
    """
    try:
        async with asyncio.timeout(_ALL_SECONDS), connected(access) as core:
            await _check_running(core)
            exposed = await _exposed(core)
            entities = await _entity_names(core, exposed)
            rooms = [
                name
                for registry in ("area_registry", "floor_registry")
                for name in _room_names(await _optional(core, f"config/{registry}/list"))
            ]
    except TimeoutError as error:
        raise CoreError(f"Home Assistant did not answer everything within {_ALL_SECONDS:g} s") from error
    return HouseNames(house_names(entities, rooms), time.time())


def house_names(entities: Iterable[Any], rooms: Iterable[Any]) -> tuple[str, ...]:
    """The names cleaned and bounded, entities first.

    Rooms are few and often spoken: however many entities there are, they keep their place.
    """
    kept_rooms = _distinct(rooms, _MOST_ROOMS)
    kept = _distinct(entities, _MOST_NAMES - len(kept_rooms))
    return tuple(_distinct([*kept, *kept_rooms], _MOST_NAMES))


def _distinct(names: Iterable[Any], most: int) -> list[str]:
    found: dict[str, str] = {}
    for name in names:
        text = cleaned(name)
        if text and len(found) < most:
            found.setdefault(text.casefold(), text)
    return list(found.values())


def cleaned(name: Any) -> str:
    """The name in one line, without pictures and control characters; empty when nothing of it can be said."""
    if not isinstance(name, str):
        return ""
    spoken = "".join(
        " " if character.isspace() else character
        for character in name
        if character.isspace() or not _is_unspoken(character)
    )
    text = " ".join(unicodedata.normalize("NFC", spoken).split())
    return text if len(text) <= _LONGEST_NAME and any(map(str.isalnum, text)) else ""


def _is_unspoken(character: str) -> bool:
    return unicodedata.category(character) in {"So", "Sk", "Cc", "Cf", "Co", "Cs", "Cn"} or (
        character == _EMOJI_STYLE
    )


async def _check_running(core: CoreConnection) -> None:
    """One that is starting knows only a part of its entities yet."""
    state = _mapping(await core.command("get_config")).get("state", "RUNNING")
    if state != "RUNNING":
        raise CoreError("Home Assistant is starting or stopping")


async def _exposed(core: CoreConnection) -> list[str]:
    """The ids of the entities exposed to Assist, at most as many as there may be names."""
    user = _mapping(await _optional(core, "auth/current_user"))
    if user.get("is_admin") is True:
        answer = _mapping(await core.command("homeassistant/expose_entity/list"))
        found = [
            entity_id
            for entity_id, assistants in _mapping(answer.get("exposed_entities")).items()
            if _mapping(assistants).get(_ASSIST) is True
        ]
    else:  # that command is for administrators, and each refusal an error in Home Assistant's log
        found = await _exposed_in_registry(core)
    found.sort(key=lambda entity_id: entity_id.partition(".")[0] in _READ_ONLY)  # stable
    return found[:_MOST_NAMES]


async def _exposed_in_registry(core: CoreConnection) -> list[str]:
    """The same from the registry, which all users may read; it lacks entities that have no unique id.

    Its whole list would be megabytes in a large house: the ids are asked for, then the entries in parts.
    """
    shown = _mapping(await core.command("config/entity_registry/list_for_display"))
    ids = [str(entry.get("ei")) for entry in _mappings(shown.get("entities"))]
    found = []
    for part in _parts(ids):
        entries = _mapping(await core.command(_GET_ENTRIES, entity_ids=part))
        for entity_id in part:
            options = _mapping(_mapping(entries.get(entity_id)).get("options"))
            if _mapping(options.get(_ASSIST)).get("should_expose") is True:
                found.append(entity_id)
    return found


async def _entity_names(core: CoreConnection, entity_ids: list[str]) -> list[Any]:
    """The name and the aliases of each; of those that exist, as Assist knows no others."""
    names: list[Any] = []
    for part in _parts(entity_ids):
        entries = _mapping(await core.command(_GET_ENTRIES, entity_ids=part))
        # `get_states` would give all entities: again megabytes.
        states = _mapping(_mapping(await core.first_event("subscribe_entities", entity_ids=part)).get("a"))
        for entity_id in part:
            if entity_id in states:
                names.append(_state_name(entity_id, states[entity_id]))
                # A newer Home Assistant has null among the aliases; it stands for the name itself.
                names.extend(_list(_mapping(entries.get(entity_id)).get("aliases")))
    return names


def _parts(entity_ids: list[str]) -> list[list[str]]:
    return [
        entity_ids[begin : begin + _ENTITIES_AT_A_TIME]
        for begin in range(0, len(entity_ids), _ENTITIES_AT_A_TIME)
    ]


def _state_name(entity_id: str, state: Any) -> Any:
    """What Home Assistant shows: the friendly name, else what follows the domain."""
    friendly = _mapping(_mapping(state).get("a")).get("friendly_name")
    return friendly if friendly is not None else entity_id.partition(".")[2].replace("_", " ")


def _room_names(registry: Any) -> list[Any]:
    return [
        name for entry in _mappings(registry) for name in (entry.get("name"), *_list(entry.get("aliases")))
    ]


async def _optional(core: CoreConnection, command: str) -> Any:
    """The result of a command that an older Home Assistant may lack."""
    try:
        return await core.command(command)
    except CommandRefusedError:
        return None


def _mapping(value: Any) -> Mapping[str, Any]:
    """`value`, or nothing where something else was sent."""
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [each for each in _list(value) if isinstance(each, Mapping)]
