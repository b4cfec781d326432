"""Decoding any file that the ffmpeg program reads to mono 16 kHz int16."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wallflower.audio.pcm import SAMPLE_RATE, AudioError, PcmConverter, PcmFormat

_BLOCK_BYTES = 131_072
_STDERR_BYTES = 65_536
# A file may be a playlist that names addresses elsewhere: only what lies on this box is opened.
_LOCAL_ONLY = ("-protocol_whitelist", "file,pipe,crypto,data")
_MISSING = "ffmpeg is not installed; install it (Debian: apt-get install ffmpeg)"


async def duration_of(path: Path) -> float | None:
    """The length of a file in seconds, or None when it does not say. Raises AudioError without ffmpeg."""
    process = await _start(
        "ffprobe", "-v", "error", *_LOCAL_ONLY, "-show_entries", "format=duration",
        "-of", "csv=p=0", _address(path),
    )  # fmt: skip
    output, _ = await process.communicate()
    try:
        return float(output)
    except ValueError:
        return None


async def decode_file(path: Path) -> AsyncIterator[NDArray[np.int16]]:
    """The sound of `path` as blocks of mono 16 kHz int16; of a video, its first sound track.

    Raises AudioError when there is no such file, no ffmpeg, or no sound in it.
    """
    _check_readable(path)
    process = await _start(
        "ffmpeg", "-nostdin", "-v", "error", *_LOCAL_ONLY, "-i", _address(path),
        "-vn", "-sn", "-dn", "-ac", "1", "-ar", str(SAMPLE_RATE), "-f", "s16le", "-",
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    errors = asyncio.create_task(_tail(process.stderr))
    converter = PcmConverter(PcmFormat(SAMPLE_RATE, 2, 1))
    try:
        while block := await process.stdout.read(_BLOCK_BYTES):
            yield converter.feed(block)
        code = await process.wait()
        if code != 0:
            raise AudioError(f"cannot decode {path}: {_reason(await errors, path)}")
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        await errors


async def _start(*command: str) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except FileNotFoundError as error:
        raise AudioError(_MISSING) from error


def _check_readable(path: Path) -> None:
    if not path.exists():
        raise AudioError(f"there is no file {path}")
    if not path.is_file():
        raise AudioError(f"{path} is not a file")
    if not os.access(path, os.R_OK):
        raise AudioError(f"cannot read {path}: permission denied")


def _address(path: Path) -> str:
    # "file:" keeps a name such as "-i" or "http:x" from being taken for an option or an address.
    return f"file:{path.absolute()}"


async def _tail(stream: asyncio.StreamReader) -> bytes:
    """The last bytes of `stream`, which is read to its end so that its writer never blocks."""
    kept = b""
    while block := await stream.read(4096):
        kept = (kept + block)[-_STDERR_BYTES:]
    return kept


def _reason(errors: bytes, path: Path) -> str:
    """Ffmpeg's last complaint in one line, without the file's own name."""
    lines = [line.strip() for line in errors.decode("utf-8", "replace").splitlines() if line.strip()]
    if any("does not contain any stream" in line for line in lines):
        return "it holds no sound"
    last = lines[-1] if lines else "ffmpeg gave no reason"
    return last.replace(_address(path), "").lstrip(": ")
