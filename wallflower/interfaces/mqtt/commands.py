"""What others ask for by a message to a topic that ends in `set`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import voluptuous as vol

from wallflower.config import checks
from wallflower.errors import WallflowerError
from wallflower.interfaces.mqtt.controls import POWERS, SENSITIVITIES, TIERS, Controls
from wallflower.interfaces.mqtt.topics import Topics

_MOST_SILENCE_MINUTES = 1440
_LONGEST_PAYLOAD = 4096
_MOST_KEYWORDS = 100


class CommandError(WallflowerError):
    """A command that is none, or with a value that is not allowed."""


@dataclass(frozen=True, slots=True)
class _Setting:
    """field: of the source's card; empty for the box's. allowed: in words."""

    check: Callable[[Any], Any]
    allowed: str
    field: str = ""


_ON_OFF = "ON or OFF"
_SOURCE = {
    "listening": _Setting(checks.boolean, _ON_OFF, "listening"),
    "silence": _Setting(
        checks.number(0, _MOST_SILENCE_MINUTES),
        f"a number of minutes up to {_MOST_SILENCE_MINUTES}; 0: never",
        "silence_minutes",
    ),
    "sensitivity": _Setting(checks.one_of(*SENSITIVITIES), ", ".join(SENSITIVITIES), "sensitivity"),
    "keywords": _Setting(
        vol.All(checks.list_of(checks.one_line), vol.Length(max=_MOST_KEYWORDS)),
        f"at most {_MOST_KEYWORDS} words or phrases with commas between, or a JSON list of them",
        "keywords",
    ),
}
_PRESS = _Setting(checks.one_of("press"), "PRESS")
_BOX = {
    "listening": _Setting(checks.boolean, _ON_OFF),
    "restart": _PRESS,
    "calibrate": _PRESS,
    "power": _Setting(checks.one_of(*POWERS), ", ".join(POWERS)),
    "tier": _Setting(checks.one_of(*TIERS), ", ".join(TIERS)),
}


def command_topics(topics: Topics) -> list[str]:
    """What to subscribe to: commands to the box, and to any of its sources."""
    return [topics.of_box("+/set"), topics.of_source("+", "+/set")]


def is_command(topic: str) -> bool:
    """Whether the topic is one of those."""
    return topic.endswith("/set")


async def obey(topic: str, payload: bytes, topics: Topics, controls: Controls, *, retained: bool) -> None:
    """Do what is asked. Raises WallflowerError, and then nothing is changed."""
    if retained:  # it would be done again at each connection
        raise CommandError("a command must not be retained")
    *source, name = topic.removeprefix(topics.of_box("")).removesuffix("/set").split("/")
    if source:
        slug = source[0]
        if slug not in {card.slug for card in controls.sources()}:
            raise CommandError(f"there is no source {slug!r}")
        setting = _setting(_SOURCE, name)
        value = _value(setting, payload)
        await controls.change_source(slug, setting.field, value)
    else:
        await _do(name, _value(_setting(_BOX, name), payload), controls)


async def _do(name: str, value: Any, controls: Controls) -> None:
    match name:
        case "listening":
            await controls.listen(value)
        case "restart":
            await controls.restart()
        case "calibrate":
            await controls.calibrate()
        case "power":
            await controls.choose_power(value)
        case "tier":
            await controls.choose_tier(value)


def _setting(settings: dict[str, _Setting], name: str) -> _Setting:
    if name not in settings:
        raise CommandError(f"there is no command {name!r}; allowed: {', '.join(settings)}")
    return settings[name]


def _value(setting: _Setting, payload: bytes) -> Any:
    try:
        text = payload[: _LONGEST_PAYLOAD + 1].decode()
        if len(payload) > _LONGEST_PAYLOAD:
            raise vol.Invalid("too long")
        value = vol.Schema(setting.check)(text.strip())
    except (UnicodeDecodeError, vol.Invalid) as error:
        shown = repr(payload[:100].decode(errors="replace"))
        raise CommandError(f"the value is {shown}; allowed: {setting.allowed}") from error
    if setting.field == "silence_minutes":
        return round(value, 1)
    return tuple(dict.fromkeys(value)) if isinstance(value, list) else value
