"""Whether Home Assistant accepts what it is told of the box and its sources: its own MQTT schemas decide.

Home Assistant is installed into an environment of its own at the first run; that needs Python 3.13.
"""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from command import BenchmarkError, run_command
from environments import environment
from wallflower.config.identity import Identity
from wallflower.events import (
    Alert,
    Heard,
    HeardWord,
    SoundLevel,
    SourceStatus,
    Speaker,
    SpeakerChanged,
    SpeechChanged,
)
from wallflower.interfaces.mqtt import payloads
from wallflower.interfaces.mqtt.controls import SourceCard
from wallflower.interfaces.mqtt.discovery import box_device, source_device
from wallflower.interfaces.mqtt.topics import Topics
from wallflower.listening.vitals import Vitals

_CARD = SourceCard("front_door", "Front door", silence_minutes=2.5, keywords=("help", "fire") * 40)
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
    told = {
        "devices": [
            box_device(Identity("0123abcd", "Wallflower"), topics),
            source_device(_CARD, topics),
        ],
        "messages": _messages(topics),
    }
    child = subprocess.run(
        [str(python_of_its_own), str(_CHILD)], input=json.dumps(told), text=True, check=False
    )
    return child.returncode


def _messages(topics: Topics) -> dict[str, Any]:
    """A message for each topic that is named there."""
    at = datetime(2026, 11, 21, tzinfo=UTC)
    heard = Heard(1, _CARD.slug, at, at, "Help! " * 60, "en", 0, 1, words=(HeardWord("Help!", 0, 1),))
    alert = Alert(1, "help", "keyword", _CARD.slug, "high", "confirmed", "help", at, 1)
    vitals = Vitals("0", at, "moonshine", "cpu", "tiny", None, 0.123, 0, None, 155.0, "")
    box = {
        "status": payloads.status(online=True),
        "state": payloads.box_state(vitals, listening=True, power="balanced", tier="by power"),
        "alert": payloads.alert(alert),
    }
    source = {
        "state": payloads.source_state(_CARD, SourceStatus.HEALTHY, "", silence=False, at=at),
        "speech": payloads.speech(SpeechChanged(_CARD.slug, speaking=True, at=at)),
        "speaker": payloads.speaker(SpeakerChanged(_CARD.slug, Speaker(1, "Anna", True, 0.8), at)),
        "transcript": payloads.transcript(heard),
        "utterance": payloads.utterance(heard),
        "level": payloads.level(SoundLevel(_CARD.slug, -40.1, -20.0, at)),
        "alert": payloads.alert(alert),
    }
    return {topics.of_box(what): each for what, each in box.items()} | {
        topics.of_source(_CARD.slug, what): each for what, each in source.items()
    }


if __name__ == "__main__":
    sys.exit(main())
