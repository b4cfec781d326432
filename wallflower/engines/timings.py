"""What was measured on this box, kept under the fingerprint of what it was measured on."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from wallflower.config.kept import read_kept, write_kept

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


def load_timings(data_dir: Path, fingerprint: str) -> dict[str, Timing] | None:
    """What was measured under this fingerprint, by the candidates' keys; None if nothing was.

    An entry that is damaged is left out.
    """
    entry = read_kept(data_dir / FILE).get(fingerprint)
    if not isinstance(entry, dict):
        return None
    return {key: timing for key, each in entry.items() if (timing := _timing(each)) is not None}


def store_timings(data_dir: Path, fingerprint: str, timings: Mapping[str, Timing]) -> None:
    """Keep what was measured, in place of what was kept under the same fingerprint. Raises DataDirError."""
    kept = read_kept(data_dir / FILE)
    kept.pop(fingerprint, None)  # so that it comes last, which is newest
    kept[fingerprint] = {key: asdict(timing) for key, timing in timings.items()}
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
