"""Timing candidates on this very box, each in a process of its own: a crash is a report."""

import sys
from collections.abc import Callable, Iterable
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wallflower.audio.pcm import SAMPLE_RATE
from wallflower.audio.wav import read_stream
from wallflower.engines.children import ChildError, ask_child
from wallflower.engines.selection import Candidate
from wallflower.engines.timings import Timing

COMMAND_SECONDS = 3
_PATIENCE_SECONDS = 180.0


def calibration_clip() -> NDArray[np.float32]:
    """20 s of read speech at 16 kHz, in [-1, 1]. Its first COMMAND_SECONDS stand for a command."""
    path = resources.files(__package__) / "clips" / "two_cities_20s.wav"
    with resources.as_file(path) as file, file.open("rb") as stream:
        samples = np.concatenate(list(read_stream(stream)))
    return samples.astype(np.float32) / np.float32(32768)


async def calibrate(
    candidates: Iterable[Candidate],
    store: Path,
    *,
    threads: int,
    report: Callable[[str], None],
    command: tuple[str, ...] = (sys.executable, "-m", "wallflower.engines.calibration_child"),
) -> tuple[dict[str, Timing], dict[str, str]]:
    """Measure each candidate, one after the other: the timings, and why others have none, by their keys.

    store: the model store's folder. report: told what is measured, and of one that fails, why.
    """
    timings: dict[str, Timing] = {}
    failed: dict[str, str] = {}
    every = list(candidates)
    for number, each in enumerate(every, 1):
        report(f"measuring {each.model_id} by {each.engine} on {each.device} ({number} of {len(every)})")
        arguments = [str(store), each.model_id, each.device, str(threads)]
        try:
            timings[each.key] = await _measure([*command, *arguments])
        except CalibrationError as error:
            failed[each.key] = str(error)
            report(f"{each.key}: {error}")
    return timings, failed


class CalibrationError(Exception):
    """A candidate could not be measured."""


async def _measure(command: list[str]) -> Timing:
    try:
        answers = await ask_child(command, patience_seconds=_PATIENCE_SECONDS)
        return Timing(**answers[-1])
    except ChildError as error:
        raise CalibrationError(str(error)) from error
    except (IndexError, TypeError) as error:
        raise CalibrationError("its process gave no figures") from error


def command_of(clip: NDArray[np.float32]) -> NDArray[np.float32]:
    """The part of the calibration clip that stands for a command."""
    return clip[: COMMAND_SECONDS * SAMPLE_RATE]
