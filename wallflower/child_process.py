"""Signals to child processes of asyncio."""

import asyncio
import contextlib
import os


def signal_child(process: asyncio.subprocess.Process, number: int) -> None:
    """Send a signal to a child that may have ended; nothing happens when it had.

    Not by process.send_signal, terminate or kill: those look first whether the child has ended, and when it
    just had, they take its exit code away from asyncio, which then logs a warning and tells 255 instead.
    """
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)
