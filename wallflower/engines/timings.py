"""What was found out about this box, kept under the fingerprint of what it was found out on."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from wallflower.config.kept import read_kept, write_kept
from wallflower.hardware.facts import Facts, FactsError, from_mapping, to_mapping

FILE = "calibration.json"
_KEPT = 4
"""Fingerprints that are remembered: a box whose driver comes and goes need not measure each time."""


@dataclass(frozen=True, slots=True)
class Timing:
    """What one candidate took.

    command_seconds: for the short command. real_time_factor: on the 20 s clip. load_seconds: until it was
    ready. peak_bytes: the most memory of the process that measured; 0 when it is not known.
    """

    command_seconds: float
    real_time_factor: float
    load_seconds: float = 0.0
    peak_bytes: int = 0

    def effective_seconds(self, slowest_factor: float) -> float:
        """The time for a command, without end where the engine falls behind on continuous speech."""
        return self.command_seconds if self.real_time_factor <= slowest_factor else math.inf


@dataclass(frozen=True, slots=True)
class Calibration:
    """What is known of a box. facts: with the libraries tried. timings, failed: by the candidates' keys; a
    candidate that could not be measured is in `failed`, with the reason.
    """

    facts: Facts
    timings: Mapping[str, Timing] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)

    def with_more(self, other: "Calibration") -> "Calibration":
        """Both; where they differ, `other` holds."""
        failed = {key: why for key, why in self.failed.items() if key not in other.timings}
        timings = {key: timing for key, timing in self.timings.items() if key not in other.failed}
        return replace(other, timings={**timings, **other.timings}, failed={**failed, **other.failed})


def load_calibration(data_dir: Path, fingerprint: str) -> Calibration | None:
    """What is kept under this fingerprint; None if nothing is, or it is damaged.

    A single timing that is damaged is left out.
    """
    entry = read_kept(data_dir / FILE).get(fingerprint)
    if not isinstance(entry, dict):
        return None
    try:
        facts = from_mapping(entry["facts"])
        timings = {key: timing for key, each in entry["timings"].items() if (timing := _timing(each))}
        failed = {str(key): str(reason) for key, reason in entry["failed"].items()}
    except (KeyError, AttributeError, FactsError):
        return None
    return Calibration(facts, timings, failed)


def store_calibration(data_dir: Path, fingerprint: str, calibration: Calibration) -> None:
    """Keep it, in place of what was kept under the same fingerprint. Raises DataDirError."""
    kept = read_kept(data_dir / FILE)
    kept.pop(fingerprint, None)  # so that it comes last, which is newest
    kept[fingerprint] = {
        "facts": to_mapping(calibration.facts),
        "timings": {key: asdict(timing) for key, timing in calibration.timings.items()},
        "failed": dict(calibration.failed),
    }
    for old in list(kept)[:-_KEPT]:
        del kept[old]
    write_kept(data_dir / FILE, kept)


def _timing(content: Any) -> Timing | None:
    try:
        timing = Timing(**content)
        values = (timing.command_seconds, timing.real_time_factor, timing.load_seconds, timing.peak_bytes)
        good = all(math.isfinite(value) and value >= 0 for value in values)
    except (TypeError, OverflowError):
        return None
    return timing if good else None


def forget_calibrations(data_dir: Path) -> None:
    """Measure anew at the next start. Raises DataDirError."""
    write_kept(data_dir / FILE, {})
