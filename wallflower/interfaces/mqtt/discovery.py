"""What Home Assistant is told, so that it shows the box and its sources as devices with entities.

Source: home-assistant.io/integrations/mqtt, "MQTT discovery", device discovery payload.
"""

from typing import Any

from wallflower import __version__
from wallflower.config.identity import Identity
from wallflower.interfaces.mqtt.controls import POWERS, SENSITIVITIES, TIERS, SourceCard
from wallflower.interfaces.mqtt.payloads import ALERT_TYPES, UTTERANCE_TYPES, Payload
from wallflower.interfaces.mqtt.topics import Topics

_MAKER = "Wallflower"
_LONGEST_STATE = 255
_MOST_SILENCE_MINUTES = 1440


def box_device(identity: Identity, topics: Topics) -> Payload:
    """The box with its entities."""
    state = topics.of_box("state")
    components = {
        "version": _sensor("Version", state, "software", diagnostic=True),
        "accelerator": _sensor("Accelerator", state, "accelerator", diagnostic=True),
        "engine": _sensor("Engine", state, "engine", diagnostic=True),
        "model": _sensor("Model", state, "model", diagnostic=True),
        "real_time_factor": _sensor(
            "Real-time factor", state, "real_time_factor", diagnostic=True, state_class="measurement"
        ),
        "lane_load": _sensor(
            "Load", state, "lane_load", diagnostic=True, state_class="measurement", unit="%"
        ),
        "queue": _sensor("Queue", state, "queue", diagnostic=True, state_class="measurement"),
        "temperature": _sensor(
            None, state, "temperature", diagnostic=True, state_class="measurement", unit="°C",
            device_class="temperature",
        ),
        "memory": _sensor(
            "Memory", state, "memory", diagnostic=True, state_class="measurement", unit="MB",
            device_class="data_size",
        ),
        "uptime": _sensor("Uptime", state, "started", diagnostic=True, device_class="timestamp"),
        "alert": _event("Alert", topics.of_box("alert"), ALERT_TYPES),
        "restart": _button("Restart", topics.of_box("restart/set"), device_class="restart"),
        "calibrate": _button("Calibrate", topics.of_box("calibrate/set")),
        "power": _select("Power profile", topics.of_box("power/set"), state, "power", POWERS),
        "tier": _select("Model tier", topics.of_box("tier/set"), state, "tier", TIERS),
        "listening": _switch("Listening", topics.of_box("listening/set"), state),
    }  # fmt: skip
    device = {"ids": [topics.device_id()], "name": identity.name, "mdl": "Local listening", "sn": identity.id}
    return _device(topics, device, components, [_box_is_there(topics)])


def source_device(card: SourceCard, topics: Topics) -> Payload:
    """A source with its entities. What tells of sound is there when the source is, all else with the box."""

    def topic(what: str) -> str:
        return topics.of_source(card.slug, what)

    state = topic("state")
    connected = "{{ 'online' if value_json.status in ['healthy', 'silent'] else 'offline' }}"
    with_sound = {
        "avty": [_box_is_there(topics), {"t": state, "val_tpl": connected}],
        "avty_mode": "all",
    }
    components = {
        "speech": {
            **_binary_sensor("Speech", topic("speech"), "value_json.speaking", device_class="sound"),
            **with_sound,
        },
        "transcript": {
            **_sensor("Last transcript", topic("transcript"), f"text[:{_LONGEST_STATE}]"),
            "json_attr_t": topic("transcript"),
            "ic": "mdi:text",
        },
        "speaker": {
            **_sensor("Speaker", topic("speaker"), "speaker"),
            "json_attr_t": topic("speaker"),
            "ic": "mdi:account-voice",
        },
        "language": {**_sensor("Language", topic("transcript"), "language"), "ic": "mdi:translate"},
        "level": {
            **_sensor("Sound level", topic("level"), "rms", state_class="measurement", unit="dBFS"),
            **with_sound,
            "ic": "mdi:volume-medium",
        },
        "silence": {
            **_binary_sensor("Silence", state, "value_json.silence", device_class="problem"),
            **with_sound,
        },
        "connectivity": _binary_sensor(
            None, state, "value_json.status in ['healthy', 'silent']", device_class="connectivity"
        )
        | {"ent_cat": "diagnostic", "json_attr_t": state},
        "utterance": _event("Utterance", topic("utterance"), UTTERANCE_TYPES),
        "alert": _event("Alert", topic("alert"), ALERT_TYPES),
        "listening": _switch("Listening", topic("listening/set"), state),
        "silence_minutes": {
            "p": "number",
            "name": "Silence limit",
            "cmd_t": topic("silence/set"),
            "stat_t": state,
            "val_tpl": "{{ value_json.silence_minutes }}",
            "min": 0,
            "max": _MOST_SILENCE_MINUTES,
            "step": 0.1,
            "mode": "box",
            "unit_of_meas": "min",
            "ent_cat": "config",
        },
        "sensitivity": _select("Sensitivity", topic("sensitivity/set"), state, "sensitivity", SENSITIVITIES),
        "keywords": {
            "p": "text",
            "name": "Keywords",
            "cmd_t": topic("keywords/set"),
            "stat_t": state,
            "val_tpl": f"{{{{ (value_json.keywords | join(', '))[:{_LONGEST_STATE}] }}}}",
            "max": _LONGEST_STATE,
            "ent_cat": "config",
        },
    }
    device = {
        "ids": [topics.device_id(card.slug)],
        "name": card.name,
        "mdl": "Source of sound",
        "via_device": topics.device_id(),
    }
    return _device(topics, device, components, [_box_is_there(topics)], card.slug)


def _device(
    topics: Topics,
    device: dict[str, Any],
    components: dict[str, dict[str, Any]],
    availability: list[Payload],
    source: str = "",
) -> Payload:
    for name, component in components.items():
        component["unique_id"] = f"{topics.device_id(source)}_{name}"
    return {
        "dev": {**device, "mf": _MAKER, "sw": __version__},
        "o": {"name": "wallflower", "sw": __version__},
        "cmps": components,
        "avty": availability,
        "qos": 1,
    }


def _box_is_there(topics: Topics) -> Payload:
    return {"t": topics.status, "val_tpl": "{{ value_json.status }}"}


def _sensor(
    name: str | None,
    topic: str,
    value: str,
    *,
    diagnostic: bool = False,
    device_class: str = "",
    state_class: str = "",
    unit: str = "",
) -> dict[str, Any]:
    sensor: dict[str, Any] = {"p": "sensor", "stat_t": topic, "val_tpl": f"{{{{ value_json.{value} }}}}"}
    if name:
        sensor["name"] = name
    optional = {
        "ent_cat": "diagnostic" if diagnostic else "",
        "dev_cla": device_class,
        "stat_cla": state_class,
        "unit_of_meas": unit,
    }
    return {**sensor, **{key: each for key, each in optional.items() if each}}


def _binary_sensor(name: str | None, topic: str, condition: str, *, device_class: str) -> dict[str, Any]:
    template = f"{{{{ 'ON' if {condition} else 'OFF' }}}}"
    sensor = {"p": "binary_sensor", "stat_t": topic, "val_tpl": template, "dev_cla": device_class}
    return {**sensor, "name": name} if name else sensor


def _event(name: str, topic: str, types: tuple[str, ...]) -> dict[str, Any]:
    return {"p": "event", "name": name, "stat_t": topic, "evt_typ": list(types)}


def _button(name: str, topic: str, *, device_class: str = "") -> dict[str, Any]:
    button = {"p": "button", "name": name, "cmd_t": topic, "ent_cat": "config"}
    return {**button, "dev_cla": device_class} if device_class else button


def _select(name: str, topic: str, state: str, field: str, options: tuple[str, ...]) -> dict[str, Any]:
    return {
        "p": "select",
        "name": name,
        "cmd_t": topic,
        "stat_t": state,
        "val_tpl": f"{{{{ value_json.{field} }}}}",
        "ops": list(options),
        "ent_cat": "config",
    }


def _switch(name: str, topic: str, state: str) -> dict[str, Any]:
    template = "{{ 'ON' if value_json.listening else 'OFF' }}"
    return {"p": "switch", "name": name, "cmd_t": topic, "stat_t": state, "val_tpl": template}
