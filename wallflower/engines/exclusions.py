"""Engines that took the process down are not tried again: a box must not be caught in a loop of crashes.

A library that dies by a signal leaves no time to write anything. So a mark is written *before* an engine is
loaded, and removed after it worked; a mark that is found at the next start tells who did it. The file
`exclusions.json` in the data directory holds both, under the names `ENGINE` or `ENGINE:DEVICE`.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock

from wallflower.config.kept import read_kept, write_kept
from wallflower.engines.base import EngineError
from wallflower.errors import DataDirError, ExitCode

FILE = "exclusions.json"
_LOCK_SECONDS = 10.0
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class ExclusionError(EngineError):
    """There is no such exclusion to take back."""

    exit_code = ExitCode.USAGE


@contextmanager
def trying(data_dir: Path, name: str) -> Iterator[None]:
    """Mark the engine while the block loads or tries it; an exception is no crash, and removes the mark.

    name: ENGINE or ENGINE:DEVICE. Raises DataDirError when the mark cannot be written.
    """
    with _changing(data_dir) as content:
        attempts = _attempts(content["trying"].get(name))
        content["trying"][name] = {**_this_process(), "attempts": attempts}
    try:
        yield
    finally:
        with _changing(data_dir) as content:
            content["trying"].pop(name, None)


def settle_marks(data_dir: Path) -> dict[str, str]:
    """At a start: exclude the engines whose mark was left by a process that is gone.

    What is excluded from now on, each with the reason and how to allow it again. Raises DataDirError.
    A mark from before the box was started anew may be a power cut: the engine gets a second chance, once.
    """
    with _changing(data_dir) as content:
        for name, mark in list(content["trying"].items()):
            if _is_alive(mark) or _is_pardoned(mark):
                continue
            attempts = _attempts(mark) + 1
            if _same_boot(mark) or attempts > 1:
                del content["trying"][name]
                content["excluded"][name] = {"since": _now()}
            else:
                content["trying"][name] = {"pardoned": True, "attempts": attempts}
    return excluded(data_dir)


def excluded(data_dir: Path) -> dict[str, str]:
    """The engines that are not to be tried, each with the reason and how to allow it again."""
    content = _content(data_dir)
    return {name: _reason(name, entry) for name, entry in content["excluded"].items()}


def allow(data_dir: Path, name: str) -> list[str]:
    """Try an engine again; one without a device means all of its devices. The names that are allowed now.

    Raises ExclusionError when there is none, and says which there are.
    """
    with _changing(data_dir) as content:
        both = (content["excluded"], content["trying"])
        names = [each for each in content["excluded"] if each == name or each.startswith(f"{name}:")]
        there = ", ".join(content["excluded"]) or "none"
        for each in names:
            for kept in both:
                kept.pop(each, None)
    if not names:
        raise ExclusionError(f"engine {name!r} is not excluded; excluded are: {there}")
    return names


def _reason(name: str, entry: Any) -> str:
    since = entry.get("since") if isinstance(entry, dict) else None
    when = f" on {since}" if isinstance(since, str) and since else ""
    return (
        f"excluded: the process died without a word{when} while {name} was being loaded or tried "
        "(an instruction that this processor lacks, a crash of the library, or no memory); "
        f"allow it again with: wallflower hardware --allow {name}"
    )


@contextmanager
def _changing(data_dir: Path) -> Iterator[dict[str, dict[str, Any]]]:
    """The content, which is written back at the end of the block if it was changed; one process at a time."""
    path = data_dir / FILE
    try:
        with FileLock(f"{path}.lock", timeout=_LOCK_SECONDS):
            content = _content(data_dir)
            before = repr(content)
            yield content
            if repr(content) != before:
                write_kept(path, content)
    except OSError as error:
        raise DataDirError(f"cannot write {path}: {error.strerror or error}") from error


def _content(data_dir: Path) -> dict[str, dict[str, Any]]:
    """Both parts; what is damaged is taken for empty."""
    kept = read_kept(data_dir / FILE)
    parts = {name: kept.get(name) for name in ("trying", "excluded")}
    return {name: part if isinstance(part, dict) else {} for name, part in parts.items()}


def _this_process() -> dict[str, Any]:
    return {"pid": os.getpid(), "born": _born(os.getpid()), "boot": _boot()}


def _is_alive(mark: Any) -> bool:
    """Whether the process that left the mark still runs. Its number alone would not do: in a container it is
    the same at every start.
    """
    if not isinstance(mark, dict) or not isinstance(mark.get("pid"), int):
        return False
    born = _born(mark["pid"])
    return born is not None and born == mark.get("born") and _same_boot(mark)


def _born(pid: int) -> float | None:
    """When a process was started; None when there is none, or it is dead and only waited for.

    Linux gives ticks since the boot: the time of day may jump, on a Pi by years, once it is known.
    """
    import psutil

    if _BOOT_ID.exists():
        try:
            state, *rest = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
            return None if state == "Z" else float(rest[18])
        except (OSError, ValueError, IndexError):
            return None
    try:
        return float(psutil.Process(pid).create_time())
    except (psutil.Error, ValueError, OverflowError):
        return None


def _attempts(mark: Any) -> int:
    attempts = mark.get("attempts", 0) if isinstance(mark, dict) else 0
    return attempts if isinstance(attempts, int) else 0


def _same_boot(mark: Any) -> bool:
    return isinstance(mark, dict) and mark.get("boot") == _boot()


def _is_pardoned(mark: Any) -> bool:
    """Whether it only counts the attempts, and was not tried again since."""
    return isinstance(mark, dict) and mark.get("pardoned") is True


def _boot() -> str:
    try:
        return _BOOT_ID.read_text("ascii").strip()
    except OSError:
        return ""  # a Mac: every start is taken for the same


def _now() -> str:
    return time.strftime("%Y-%m-%d %H:%M")
