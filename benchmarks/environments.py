"""Environments of their own for the software that is compared with, kept out of the project's."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from command import BenchmarkError, say
from corpus import REPOSITORY

CACHE = REPOSITORY / ".cache" / "benchmarks"
"""Where everything that a benchmark fetches or makes is kept; it may be deleted at any time."""

_MADE_WITH = "made-with.txt"  # is written last: an environment without it was never finished


def environment(name: str, requirements: Sequence[str], *, made_by: str = sys.executable) -> Path:
    """The Python of an environment that has `requirements`; made at the first call, by the
    Python `made_by`. Blocking.

    Raises BenchmarkError when they cannot be installed.
    """
    folder = CACHE / name
    python = folder / "bin" / "python"
    made_with = folder / _MADE_WITH
    wanted = "\n".join(requirements)
    if made_with.is_file() and made_with.read_text("utf-8") == wanted:
        return python
    say(f"{name}: making an environment in {folder}")
    shutil.rmtree(folder, ignore_errors=True)
    checked_run([made_by, "-m", "venv", str(folder)])
    say(f"{name}: installing {', '.join(requirements)}")
    checked_run([str(python), "-m", "pip", "install", "--quiet", "--no-input", *requirements])
    made_with.write_text(wanted, "utf-8")
    return python


def checked_run(command: Sequence[str]) -> None:
    """Run a command to its end. Raises BenchmarkError with its last line when it fails."""
    result = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if result.returncode != 0:
        lines = result.stdout.strip().splitlines() or ["it gave no reason"]
        raise BenchmarkError(f"{' '.join(command)} failed: {lines[-1]}")
