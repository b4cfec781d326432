"""Tries settings of diarization on conversations composed for that (`conversations.py`): NAME=VALUE changes
one of `wallflower/speakers/settings.py`. Prints the error of each kind of conversation, and their mean.
"""

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from command import BenchmarkError, run_command
from conversations import Conversation, Turn, composed
from corpus import add_audio_flag
from diarization_scores import scored
from diarizing import diarized, load_models
from tables import print_table
from wallflower.speakers.settings import Diarizing, Revising


def _settings(changes: Sequence[str]) -> tuple[Diarizing, Revising]:
    online, revising = asdict(Diarizing()), asdict(Revising())
    for change in changes:
        name, _, value = change.partition("=")
        settings = online if name in online else revising
        if name not in settings:
            raise BenchmarkError(f"there is no setting {name!r}")
        try:
            settings[name] = type(settings[name])(value)
        except ValueError as error:
            raise BenchmarkError(f"{name}: {error}") from error
    return Diarizing(**online), Revising(**revising)


def _measure(audio: Path, changes: Sequence[str]) -> int:
    online, revising = _settings(changes)
    models, pairs = load_models(), dict[str, list[tuple[Conversation, list[Turn]]]]()
    for conversation in composed(audio):
        found = diarized(conversation, models, online, revising)
        pairs.setdefault(f"{conversation.name}: online", []).append((conversation, found.online))
        pairs.setdefault(f"{conversation.name}: revised", []).append((conversation, found.revised))
    errors = {title: each["error"] for title, each in zip(pairs, scored(list(pairs.values())), strict=True)}
    for manner in ("online", "revised"):
        errors[f"mean: {manner}"] = float(np.mean([errors[each] for each in pairs if each.endswith(manner)]))
    print_table(("set", "error %"), [(title, f"{error:.2f}") for title, error in errors.items()])
    return 0


def main() -> int:
    """Measure and print; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("changes", metavar="NAME=VALUE", nargs="*")
    add_audio_flag(parser)
    parsed = parser.parse_args()
    return run_command(lambda: _measure(parsed.audio, parsed.changes))


if __name__ == "__main__":
    raise SystemExit(main())
