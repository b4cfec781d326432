"""`wallflower run`: the daemon."""

import argparse
import asyncio
import sys
import time

from wallflower.cli.progress import fetch_progress
from wallflower.config import Options
from wallflower.errors import ExitCode


def execute(_parsed: argparse.Namespace, options: Options) -> int:
    """Run the daemon until it is told to stop."""
    started = time.monotonic() - time.process_time()
    from wallflower import daemon
    from wallflower.logs import logging_to

    with logging_to(options), fetch_progress(sys.stderr) as progress:
        asyncio.run(daemon.run(options, started=started, progress=progress))
    return ExitCode.OK
