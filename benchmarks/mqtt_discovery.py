"""Whether Home Assistant accepts what it is told of the box and its sources: its own MQTT schemas decide.

Home Assistant is installed into an environment of its own at the first run; that needs Python 3.13.
"""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from command import BenchmarkError, run_command
from environments import environment
from wallflower.config.identity import Identity
from wallflower.interfaces.mqtt.controls import SourceCard
from wallflower.interfaces.mqtt.discovery import box_device, source_device
from wallflower.interfaces.mqtt.topics import Topics

_REQUIREMENTS = ("homeassistant==2025.4.4", "paho-mqtt>=2.1,<3")
_CHILD = Path(__file__).with_name("mqtt_discovery_child.py")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", metavar="PATH", help="a Python 3.13 (default: python3.13)")
    return run_command(partial(_check, parser.parse_args(arguments)))


def _check(parsed: argparse.Namespace) -> int:
    python = shutil.which(parsed.python or "python3.13")
    if python is None:
        raise BenchmarkError("Home Assistant needs Python 3.13: name it with --python")
    python_of_its_own = environment("homeassistant", _REQUIREMENTS, made_by=python)
    topics = Topics("0123abcd", "homeassistant")
    payloads = [
        box_device(Identity("0123abcd", "Wallflower"), topics),
        source_device(SourceCard("front_door", "Front door"), topics),
    ]
    child = subprocess.run(
        [str(python_of_its_own), str(_CHILD)], input=json.dumps(payloads), text=True, check=False
    )
    return child.returncode


if __name__ == "__main__":
    sys.exit(main())
