"""Looking through a ggml file before whisper.cpp gets it: what is damaged may crash it rather than fail."""

import math
import mmap
import struct
from pathlib import Path

from wallflower.engines.base import EngineError

_MAGIC = 0x67676D6C
_SIZES = 11
_MOST = 1 << 20  # no size in the head of a Whisper model comes near it
_MEL_SIZES = 9  # the place of the number of mel bands among the sizes
_BLOCKS = {0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34),
           10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210)}  # fmt: skip
"""Values and bytes of a block, by the number of the tensor's type in ggml.h."""


def check_ggml(path: Path) -> None:
    """Walk through all tensors of a Whisper model in ggml format, without reading their values.

    Raises EngineError when it is another format, truncated or damaged in its structure.
    """
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            damage = _damage(data)
    except OSError as error:
        raise EngineError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:  # mmap's word for an empty file
        raise EngineError(f"{path} is empty; fetch it again with: wallflower models pull") from error
    if damage:
        raise EngineError(f"{path} {damage}; try: wallflower models verify")


def _damage(data: mmap.mmap) -> str:
    """What is wrong with the file; empty when nothing is."""
    if data[:4] != struct.pack("<I", _MAGIC):
        return "is not a ggml file of whisper.cpp"
    try:
        _walk(data)
    except (struct.error, LookupError):
        return "is truncated or damaged"
    return ""


def _walk(data: mmap.mmap) -> None:
    """Raises struct.error or LookupError where the structure breaks."""
    sizes = struct.unpack_from(f"<{_SIZES}i", data, 4)
    if not all(0 < size < _MOST for size in sizes):
        raise IndexError
    at = 4 + 4 * _SIZES
    rows, columns = struct.unpack_from("<2i", data, at)
    if rows != sizes[_MEL_SIZES] or not 0 < columns < _MOST:
        raise IndexError
    at += 8 + 4 * rows * columns
    (tokens,) = struct.unpack_from("<i", data, at)
    at += 4
    for _ in range(tokens):
        (length,) = struct.unpack_from("<I", data, at)
        at += 4 + length
    while at != len(data):
        rank, length, kind = struct.unpack_from("<3i", data, at)
        at += 12
        if not 0 < rank <= 4 or not 0 < length < _MOST:
            raise IndexError
        shape = struct.unpack_from(f"<{rank}i", data, at)
        values, size = _BLOCKS[kind]
        if min(shape) <= 0 or shape[0] % values:
            raise IndexError
        at += 4 * rank + length + math.prod(shape) // values * size
        if at > len(data):
            raise IndexError
