"""Decoding any file that the ffmpeg program reads to mono 16 kHz int16."""

import os
import stat
from collections import deque
from collections.abc import AsyncGenerator, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wallflower.audio.ffmpeg_process import running
from wallflower.audio.pcm import SAMPLE_RATE, AudioError, PcmConverter, PcmFormat

_BLOCK_BYTES = 131_072
_KEPT_LINES = 50
# A file may be a playlist that names addresses elsewhere: only what lies on this box is opened.
_LOCAL_ONLY = ("-protocol_whitelist", "file,pipe,crypto,data")


async def duration_of(path: Path) -> float | None:
    """The length of a file in seconds, or None when it cannot be told. Raises AudioError without ffmpeg."""
    try:
        _check_readable(path)
    except AudioError:
        return None
    command = (
        "ffprobe", "-v", "error", *_LOCAL_ONLY, "-show_entries", "format=duration",
        "-of", "csv=p=0", _address(path),
    )  # fmt: skip
    async with running(*command) as process:
        assert process.stdout is not None
        output = await process.stdout.read()
    try:
        return float(output)
    except ValueError:
        return None


async def decode_file(path: Path) -> AsyncGenerator[NDArray[np.int16], None]:
    """The sound of `path` as blocks of mono 16 kHz int16; of a video, its first sound track.

    Raises AudioError when there is no such file, no ffmpeg, or no sound in it.
    """
    _check_readable(path)
    command = (
        "ffmpeg", "-nostdin", "-v", "error", *_LOCAL_ONLY, "-i", _address(path),
        "-vn", "-sn", "-dn", "-ac", "1", "-ar", str(SAMPLE_RATE), "-f", "s16le", "-",
    )  # fmt: skip
    converter = PcmConverter(PcmFormat(SAMPLE_RATE, 2, 1))
    errors: deque[bytes] = deque(maxlen=_KEPT_LINES)
    async with running(*command, on_line=errors.append) as process:
        assert process.stdout is not None
        while block := await process.stdout.read(_BLOCK_BYTES):
            yield converter.feed(block)
        code = await process.wait()
    if code != 0:
        raise AudioError(f"cannot decode {path}: {_reason(errors, path)}")


def _check_readable(path: Path) -> None:
    """Raises AudioError unless `path` is a file that this user may read."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError as error:
        raise AudioError(f"there is no file {path}") from error
    except OSError as error:
        raise AudioError(f"cannot read {path}: {error.strerror}") from error
    if not stat.S_ISREG(mode):  # opening a FIFO would wait for its writer
        raise AudioError(f"{path} is not a file")
    if not os.access(path, os.R_OK):
        raise AudioError(f"cannot read {path}: permission denied")


def _address(path: Path) -> str:
    # "file:" keeps a name such as "-i" or "http:x" from being taken for an option or an address.
    return f"file:{path.absolute()}"


def _reason(errors: Iterable[bytes], path: Path) -> str:
    """Ffmpeg's last complaint in one line, without the file's own name."""
    lines = [text for line in errors if (text := line.decode("utf-8", "replace").strip())]
    if any("does not contain any stream" in line for line in lines):
        return "it holds no sound"
    last = lines[-1] if lines else "ffmpeg gave no reason"
    return last.replace(_address(path), "").lstrip(": ")
