"""Reading safetensors: a length, a JSON table of tensors, and their bytes.

The format: https://github.com/huggingface/safetensors#format. The bytes may come from anywhere, so
nothing in the table is believed before it was compared with the length of the file.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wallflower.models.catalog import ModelError
from wallflower.models.conversion.tensors import BFLOAT16, MappedBytes

INDEX = "model.safetensors.index.json"
WHOLE = "model.safetensors"

_HIGHEST_RANK = 4
_LONGEST_TABLE = 100_000_000  # the format's own limit
_DTYPES: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "BF16": BFLOAT16}


def read_safetensors(files: Mapping[str, Path]) -> dict[str, NDArray[Any]]:
    """The tensors of one or more files by name, mapped into memory; bfloat16 as BFLOAT16.

    Raises ModelError when a file is damaged, or holds anything but floats.
    """
    return {name: tensor for file, path in files.items() for name, tensor in _read(path, file).items()}


def shards(files: Mapping[str, Path]) -> dict[str, Path]:
    """The files that the index names. Raises ModelError when it is damaged or one is not there."""
    try:
        names = set(json.loads(files[INDEX].read_bytes())["weight_map"].values())
    except OSError as error:
        raise ModelError(f"cannot read {files[INDEX]}: {error.strerror or error}") from error
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ModelError(f"{INDEX} is damaged: it has no table of weights") from error
    if missing := sorted(str(name) for name in names if name not in files):
        raise ModelError(f"{INDEX} names files that are not there: {', '.join(missing)}")
    if not names:
        raise ModelError(f"{INDEX} names no file")
    return {name: files[name] for name in sorted(names)}


def _read(path: Path, file: str) -> dict[str, NDArray[Any]]:
    data = MappedBytes([path], file)
    length = int.from_bytes(data.read(0, 8), "little")
    if length > _LONGEST_TABLE:
        raise ModelError(f"{file} is not a safetensors file, or damaged")
    try:
        table = json.loads(bytes(data.read(8, length)))
        entries = {name: entry for name, entry in table.items() if name != "__metadata__"}
    except (ValueError, AttributeError, RecursionError) as error:
        raise ModelError(f"{file} is not a safetensors file, or damaged") from error
    return {name: _tensor(data, 8 + length, name, entry) for name, entry in entries.items()}


def _tensor(data: MappedBytes, base: int, name: str, entry: Any) -> NDArray[Any]:
    match entry:
        case {"dtype": str(kind), "shape": [*shape], "data_offsets": [int(start), int(end)]} if all(
            type(size) is int and size > 0 for size in shape
        ):
            pass
        case _:
            raise ModelError(f"{data.name} is damaged: its entry for {name!r} makes no sense")
    if kind not in _DTYPES:
        raise ModelError(
            f"{data.name} holds {name} as {kind}; only F32, F16 and BF16 can be converted: "
            "take the checkpoint from before it was quantised"
        )
    dtype = _DTYPES[kind]
    if start < 0 or end - start != math.prod(shape) * dtype.itemsize or len(shape) > _HIGHEST_RANK:
        raise ModelError(f"{data.name} is damaged: {name!r} does not have the size of its shape")
    return np.frombuffer(data.read(base + start, end - start), dtype).reshape([*shape])
