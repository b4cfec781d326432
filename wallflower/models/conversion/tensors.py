"""Tensors on disk: mapped into memory, be the file whole or in pieces, and widened only when asked for."""

import mmap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wallflower.models.catalog import ModelError

BFLOAT16 = np.dtype(np.uint16)
"""How bfloat16 is held until it is asked for: NumPy has none, and no weight is an integer of this width."""


class MappedBytes:
    """Files one after the other as one read-only run of bytes, mapped into memory."""

    def __init__(self, paths: Sequence[Path], name: str) -> None:
        """Map the files. name: for messages; the store's paths say nothing to anyone.

        Raises ModelError when one is empty or cannot be read.
        """
        self.name = name
        self._parts = [_map(path) for path in paths]
        self._ends = np.cumsum([len(part) for part in self._parts]).tolist()

    def __len__(self) -> int:
        return int(self._ends[-1])

    def read(self, start: int, length: int) -> memoryview:
        """`length` bytes from `start`: a view where one file holds them all, else a copy.

        Raises ModelError when they go beyond the end.
        """
        if start < 0 or length < 0 or start + length > len(self):
            raise ModelError(f"{self.name} is truncated or damaged: it ends inside a tensor or its name")
        pieces = []
        begin = 0
        for part, end in zip(self._parts, self._ends, strict=True):
            if start < end and start + length > begin:
                pieces.append(part[max(start - begin, 0) : start + length - begin])
            begin = end
        if len(pieces) == 1:
            return pieces[0]
        return memoryview(b"".join(pieces))


def _map(path: Path) -> memoryview:
    try:
        with path.open("rb") as file:
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:  # mmap's word for an empty file
        raise ModelError(f"{path} is empty") from error


class Weights(Mapping[str, NDArray[Any]]):
    """Tensors by name as float16 or float32; bfloat16 becomes float32 each time that it is asked for.

    So a large checkpoint is never in memory as a whole.
    """

    def __init__(self, stored: Mapping[str, NDArray[Any]]) -> None:
        self._stored = stored

    def __getitem__(self, name: str) -> NDArray[Any]:
        stored = self._stored[name]
        if stored.dtype != BFLOAT16:
            return stored
        return (stored.astype(np.uint32) << 16).view(np.float32)

    def __iter__(self) -> Iterator[str]:
        return iter(self._stored)

    def __len__(self) -> int:
        return len(self._stored)

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a tensor, without touching its values."""
        return self._stored[name].shape

    def only(self, names: Iterable[str]) -> "Weights":
        """The same without the others."""
        return Weights({name: self._stored[name] for name in names})
