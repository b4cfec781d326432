"""How a benchmark runs as a command: its errors are one line on standard error and an exit code."""

import sys
from collections.abc import Callable
from pathlib import Path

from wallflower.errors import WallflowerError


class BenchmarkError(WallflowerError):
    """A benchmark cannot be run: something it needs cannot be had, or has ended."""


def run_command(work: Callable[[], int]) -> int:
    """What `work` returns, or the exit code of the WallflowerError that it raises, after printing it."""
    try:
        return work()
    except WallflowerError as error:
        print(f"{Path(sys.argv[0]).name}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130


def say(message: str) -> None:
    """One line of progress, on standard error: standard output is for the figures."""
    print(message, file=sys.stderr, flush=True)
