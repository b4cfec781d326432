"""What Home Assistant is told, by its rules; `benchmarks/mqtt_discovery.py` has its own schemas."""

import json
from typing import Any

import pytest

from tests.interfaces.mqtt.house import AT, IDENTITY
from wallflower.events import SourceStatus
from wallflower.interfaces.mqtt import payloads
from wallflower.interfaces.mqtt.commands import is_command
from wallflower.interfaces.mqtt.controls import SourceCard
from wallflower.interfaces.mqtt.discovery import box_device, source_device
from wallflower.interfaces.mqtt.topics import Topics
from wallflower.listening.vitals import Vitals

_TOPICS = Topics(IDENTITY.id, "homeassistant")
_CARD = SourceCard("front_door", "Front door")
_BOX = box_device(IDENTITY, _TOPICS)
_SOURCE = source_device(_CARD, _TOPICS)


@pytest.mark.parametrize("payload", [_BOX, _SOURCE])
def test_the_rules(payload: dict[str, Any]) -> None:
    assert payload["dev"]["ids"]
    assert payload["o"]["name"]
    ids = [each["unique_id"] for each in payload["cmps"].values()]
    assert len(set(ids)) == len(ids)
    for component in payload["cmps"].values():
        assert "name" in component or "dev_cla" in component
        assert payload["dev"]["name"] not in component.get("name", "")
        if component["p"] == "event":
            assert component["evt_typ"]
        if "cmd_t" in component:
            assert is_command(component["cmd_t"])
    assert len(json.dumps(payload)) < 16_000


def test_a_source_belongs_to_the_box() -> None:
    assert _SOURCE["dev"]["via_device"] == _BOX["dev"]["ids"][0] == "wallflower_0123abcd"
    assert _TOPICS.discovery(_CARD.slug) == "homeassistant/device/wallflower_0123abcd_front_door/config"


def test_all_entities_are_there() -> None:
    kinds = {name: each["p"] for name, each in _BOX["cmps"].items()}
    assert kinds == dict.fromkeys(
        ("version", "accelerator", "engine", "model", "real_time_factor", "lane_load", "queue", "temperature",
         "memory", "uptime"), "sensor",
    ) | {"alert": "event", "restart": "button", "calibrate": "button", "power": "select", "tier": "select",
         "listening": "switch"}  # fmt: skip
    kinds = {name: each["p"] for name, each in _SOURCE["cmps"].items()}
    assert kinds == {
        "speech": "binary_sensor", "transcript": "sensor", "speaker": "sensor", "language": "sensor",
        "level": "sensor", "silence": "binary_sensor", "connectivity": "binary_sensor", "utterance": "event",
        "alert": "event", "listening": "switch", "silence_minutes": "number", "sensitivity": "select",
        "keywords": "text",
    }  # fmt: skip


def test_templates_name_fields_that_are_there() -> None:
    vitals = Vitals("1", AT, "moonshine", "cpu", "tiny", None, 0.1, 0, 50.0, 100.0, "")
    fields = {
        _TOPICS.of_box("state"): payloads.box_state(vitals, listening=True, power="balanced", tier="speed"),
        _TOPICS.of_source(_CARD.slug, "state"): payloads.source_state(
            _CARD, SourceStatus.HEALTHY, "", silence=False, at=AT
        ),
    }
    checked = 0
    for device in (_BOX, _SOURCE):
        for component in device["cmps"].values():
            if (payload := fields.get(component.get("stat_t", ""))) is not None:
                name = component["val_tpl"].partition("value_json.")[2].split()[0].strip("[]})")
                assert name in payload
                checked += 1
    assert checked == 19


def test_event_types_are_those_that_are_sent() -> None:
    assert len(payloads.ALERT_TYPES) == len(set(payloads.ALERT_TYPES)) == 32
    assert {"keyword", "silence_ended", "keyword_withdrawn"} <= set(payloads.ALERT_TYPES)
