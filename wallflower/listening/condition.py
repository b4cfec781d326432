"""How the running daemon is, kept where `wallflower hardware` and whoever looks can see it."""

import os
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from wallflower.config.kept import read_kept, write_kept

FILE = "condition.json"


@dataclass(frozen=True, slots=True)
class Condition:
    """How the daemon is.

    in_use, quick: the engines that decode what counts and partials, as ENGINE:DEVICE:MODEL; quick may be
    empty. set_aside: why those do not work that should, by the same names. power_step: 0 when nothing is held
    back, 3 at the most; power_reason: why. mqtt: how the connection to the broker is; empty when there shall
    be none.
    """

    in_use: str
    quick: str = ""
    set_aside: dict[str, str] = field(default_factory=dict)
    power_step: int = 0
    power_reason: str = ""
    mqtt: str = ""


def keep_condition(home: Path, condition: Condition) -> None:
    """Keep it for others to read. Raises DataDirError."""
    write_kept(home / FILE, {"pid": os.getpid(), "since": time.time(), **asdict(condition)})


def forget_condition(home: Path) -> None:
    """The daemon ends. Raises OSError."""
    (home / FILE).unlink(missing_ok=True)


def kept_condition(home: Path) -> Condition | None:
    """How the daemon that uses this data directory is; None when none runs, or what is kept is damaged."""
    import psutil

    kept: dict[str, Any] = read_kept(home / FILE)
    pid = kept.pop("pid", None)
    kept.pop("since", None)
    if not isinstance(pid, int) or not psutil.pid_exists(pid):
        return None
    try:
        return Condition(**kept)
    except TypeError:
        return None


def sentence_about(condition: Condition) -> str:
    """What is not as it should be, for people; empty when all is well."""
    parts = [f"{name} is set aside: {reason}" for name, reason in condition.set_aside.items()]
    if condition.power_step:
        parts.append(f"power step {condition.power_step}: {condition.power_reason}")
    return "; ".join(parts)
