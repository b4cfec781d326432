"""Speech as a compressed file, made by the ffmpeg program, which every source needs already.

A binding to libsndfile would be a dependency with a library of its own in the daemon's memory; a process for
each utterance costs the time of its start and no memory that stays.
"""

import asyncio
import signal
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wallflower.audio.pcm import SAMPLE_RATE, AudioError
from wallflower.child_process import signal_child

_DEADLINE_SECONDS = 60.0


class Codec(StrEnum):
    """How sound is compressed; the value is the file's ending."""

    OPUS = "opus"
    """24 kbit/s, good for speech: 11 MB an hour."""
    FLAC = "flac"
    """Without loss: 60 MB an hour, more or less."""


_ARGUMENTS = {
    Codec.OPUS: ("-c:a", "libopus", "-b:a", "24k", "-application", "voip", "-f", "opus"),
    Codec.FLAC: ("-c:a", "flac", "-f", "flac"),
}


async def encode_file(samples: NDArray[np.int16], path: Path, codec: Codec) -> None:
    """Write mono 16 kHz samples to `path`, which is replaced. Raises AudioError, and leaves nothing then."""
    command = (
        "ffmpeg", "-nostdin", "-v", "error",
        "-f", "s16le", "-ar", str(SAMPLE_RATE), "-ac", "1", "-i", "pipe:0",
        *_ARGUMENTS[codec], "-y", f"file:{path}",
    )  # fmt: skip
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
    except FileNotFoundError as error:
        raise AudioError("ffmpeg is not installed; install it (Debian: apt-get install ffmpeg)") from error
    done = False
    try:
        async with asyncio.timeout(_DEADLINE_SECONDS):
            _, errors = await process.communicate(samples.astype("<i2", copy=False).tobytes())
        if process.returncode:
            lines = errors.decode("utf-8", "replace").split("\n")
            raise AudioError(f"cannot write {path}: {next(filter(None, lines), 'ffmpeg gave no reason')}")
        done = True
    except TimeoutError as error:
        raise AudioError(f"cannot write {path}: ffmpeg took more than {_DEADLINE_SECONDS:.0f} s") from error
    finally:
        signal_child(process, signal.SIGKILL)
        await process.wait()
        if not done:
            await asyncio.to_thread(path.unlink, missing_ok=True)
