"""Runs in an environment that has Home Assistant: holds discovery payloads against its schemas.

Reads a JSON list of payloads on standard input, prints a line for each entity, and ends with 1 when one is
refused or loses a field.
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
    for payload in json.load(sys.stdin):
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
            print(f"  {name}: accepted" + (f", but without {', '.join(dropped)}" if dropped else ""))
            bad += bool(dropped)
    print("all accepted" if not bad else f"{bad} not accepted as they are")
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
