"""Error rates by pyannote.metrics, and senko on the same files, each in an environment of its own."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from command import BenchmarkError, say
from conversations import RATE, Conversation, Turn
from environments import environment

_METRICS = ("pyannote.metrics>=4,<5",)
_SENKO = ("senko==0.2.2", "torch==2.13.0")

Diarized = Sequence[tuple[Conversation, list[Turn]]]
"""A set: its conversations, and what was found in each."""


def scored(sets: Sequence[Diarized]) -> list[dict[str, Any]]:
    """Of each set, its files pooled: `error`, `missed`, `false` and `confused` in percent, `strict` (the
    error with half the collar), and `mappings`, one a file, from who was found to who that is.

    Raises BenchmarkError.
    """
    python = environment("pyannote-metrics", _METRICS)
    asked = [
        [
            {
                "reference": conversation.turns,
                "hypothesis": turns,
                "seconds": len(conversation.samples) / RATE,
            }
            for conversation, turns in files
        ]
        for files in sets
    ]
    child = Path(__file__).with_name("diarization_child.py")
    done = subprocess.run(
        [str(python), str(child)], input=json.dumps(asked), stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        raise BenchmarkError("pyannote.metrics failed")
    scores: list[dict[str, Any]] = json.loads(done.stdout)
    return scores


def by_senko(paths: Sequence[Path]) -> list[list[Turn]]:
    """What senko finds in each file. Raises BenchmarkError when it cannot be installed, or fails."""
    python = environment("senko", _SENKO)
    say("diarizing with senko")
    child = Path(__file__).with_name("senko_child.py")
    command = [str(python), str(child), *map(str, paths)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    lines = [line.removeprefix("senko:") for line in done.stdout.splitlines() if line.startswith("senko:")]
    if done.returncode or len(lines) != len(paths):
        raise BenchmarkError("senko failed")
    return [[(start, end, who) for start, end, who in json.loads(line)] for line in lines]
