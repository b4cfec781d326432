"""`wallflower run`: the daemon."""

import argparse
import asyncio
import os
import sys
import time

from wallflower.cli.progress import fetch_progress
from wallflower.config import Options
from wallflower.errors import ExitCode

_CPU_BEFORE = "CPU_SECONDS_BEFORE_RESTART"
"""A process that is replaced goes on counting them."""


def execute(_parsed: argparse.Namespace, options: Options) -> int:
    """Run the daemon until it is told to stop."""
    started = time.monotonic() - (time.process_time() - float(os.environ.pop(_CPU_BEFORE, "0")))
    from wallflower import daemon
    from wallflower.logs import logging_to

    with logging_to(options), fetch_progress(sys.stderr) as progress:
        again = asyncio.run(daemon.run(options, started=started, progress=progress))
    if again:  # in the same process, so that whoever watches over it need not know
        os.environ[_CPU_BEFORE] = str(time.process_time())
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606
    return ExitCode.OK
