"""Runs in an environment that has Home Assistant: holds discovery payloads against its schemas.

Reads devices and a message for each of their topics, as JSON on standard input, prints a line for each
entity, and ends with 1 when one is refused, loses a field, or makes no state of its message.
"""

import importlib
import json
import sys
from typing import Any


def main() -> int:
    """Check all payloads; the exit code."""
    mqtt = "homeassistant.components.mqtt"
    validation: Any = importlib.import_module("homeassistant.helpers.config_validation")
    frame: Any = importlib.import_module("homeassistant.helpers.frame")
    discovery = importlib.import_module(f"{mqtt}.discovery")
    schemas = importlib.import_module(f"{mqtt}.schemas")

    def report_nothing(*_arguments: Any, **_named: Any) -> None:  # templates ask for a running instance
        pass

    frame.report_usage = report_nothing
    if hasattr(validation, "report_usage"):
        validation.report_usage = report_nothing
    bad = 0
    told = json.load(sys.stdin)
    for payload in told["devices"]:
        discovery._replace_all_abbreviations(payload)  # noqa: SLF001
        schemas.DEVICE_DISCOVERY_SCHEMA(payload)
        print(f"{payload['device']['name']}: accepted as a device")
        for name, component in payload["components"].items():
            merged = {**component, "device": payload["device"], "origin": payload["origin"]}
            platform = importlib.import_module(f"{mqtt}.{merged.pop('platform')}")
            for option in discovery.SHARED_OPTIONS:
                if option in payload and option not in merged:
                    merged[option] = payload[option]
            try:
                dropped = sorted(set(merged) - set(platform.DISCOVERY_SCHEMA(merged)))
            except Exception as error:  # noqa: BLE001  # whatever it does not like
                print(f"  {name}: refused: {error}")
                bad += 1
                continue
            state, is_one = _state(component, told["messages"])
            print(
                f"  {name}: accepted"
                + (f", but without {', '.join(dropped)}" if dropped else "")
                + (f"; state {state[:60]!r}" if state else "")
                + ("" if is_one else ", which is none")
            )
            bad += bool(dropped) or not is_one
    print("all accepted" if not bad else f"{bad} not accepted as they are")
    return int(bool(bad))


def _state(component: dict[str, Any], messages: dict[str, Any]) -> tuple[str, bool]:
    """The state that the message of its topic gives, and whether it is one that Home Assistant takes."""
    topic = component.get("state_topic")
    if topic is None:
        return "", component["platform"] == "button"
    jinja: Any = importlib.import_module("jinja2")
    for each in component.get("availability", ()):
        template = jinja.Template(each["value_template"])
        if template.render(value_json=messages[each["topic"]]) not in {"online", "offline"}:
            return "", False
    template = jinja.Template(component.get("value_template", "{{ value_json | tojson }}"))
    state = template.render(value_json=messages[topic])
    return state, _is_state(component, state)


def _is_state(component: dict[str, Any], state: str) -> bool:
    match component["platform"]:
        case "binary_sensor" | "switch":
            return state in {"ON", "OFF"}
        case "select":
            return state in component["options"]
        case "number":
            return bool(component["min"] <= float(state) <= component["max"])
        case "event":
            return json.loads(state)["event_type"] in component["event_types"]
        case _:
            return 0 < len(state) <= 255


if __name__ == "__main__":
    sys.exit(main())
