"""Tensors of a PyTorch checkpoint (`.pt`), without PyTorch and without running what is in it.

Such a file is a ZIP archive, members stored as they are: `NAME/data.pkl` is a pickle that names the tensors,
`NAME/data/KEY` holds the numbers of one storage. A pickle can name any function to be called; here only the
few that rebuild a tensor are known, and any other is refused. Source of the form: `torch.serialization` of
github.com/pytorch/pytorch.
"""

import collections
import io
import pickle
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wallflower.models.catalog import ModelError

_KINDS = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}
_LARGEST_PICKLE = 16 << 20
_DAMAGED = (
    pickle.UnpicklingError, zipfile.BadZipFile, zlib.error, KeyError, ValueError, TypeError, IndexError,
    AttributeError, EOFError, NotImplementedError, RuntimeError,
)  # fmt: skip
"""What a reader of a damaged archive or pickle may raise."""

_Storage = NDArray[Any]


def read_torch_file(path: Path, name: str) -> dict[str, NDArray[Any]]:
    """The tensors of the checkpoint at `path`, by name: its own, or those under its key `state_dict`.

    name: for messages. Raises ModelError when it cannot be read, is damaged, or wants code to be run.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            content = _Reader(archive).load()
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror or error}") from error
    except _DAMAGED as error:
        raise ModelError(f"{name} is no PyTorch checkpoint, or damaged: {error}") from error
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping):
        raise ModelError(f"{name} is a PyTorch file without tensors by name")
    return {str(key): value for key, value in content.items() if isinstance(value, np.ndarray)}


class _Reader:
    """Reads one archive."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        pickles = [info for info in archive.infolist() if info.filename.endswith("/data.pkl")]
        if len(pickles) != 1 or pickles[0].file_size > _LARGEST_PICKLE:
            raise ValueError("no data.pkl of a usual size in it")
        self._pickle = pickles[0].filename
        self._storages: dict[str, _Storage] = {}

    def load(self) -> Any:
        return _Unpickler(io.BytesIO(self._archive.read(self._pickle)), self.storage).load()

    def storage(self, identity: tuple[Any, ...]) -> _Storage:
        """The numbers that the pickle names as ("storage", kind, key, device, count)."""
        _, kind, key, _, count = identity
        if key not in self._storages:
            data = self._archive.read(self._pickle.removesuffix("data.pkl") + f"data/{key}")
            self._storages[key] = np.frombuffer(data, kind)
        storage = self._storages[key]
        if len(storage) < count:
            raise ValueError(f"storage {key} is shorter than it should be")
        return storage


class _Unpickler(pickle.Unpickler):
    """Knows tensors and dictionaries, and nothing that could do anything."""

    def __init__(self, file: io.BytesIO, storage: Any) -> None:
        super().__init__(file)
        self._storage = storage

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in _KINDS:
            return _KINDS[name]  # a string: it cannot be called
        known = {
            ("torch._utils", "_rebuild_tensor_v2"): _tensor,
            ("torch._utils", "_rebuild_parameter"): _parameter,
            ("collections", "OrderedDict"): collections.OrderedDict,
        }
        if (module, name) not in known:
            raise pickle.UnpicklingError(f"it wants to call {module}.{name}")
        return known[module, name]

    def persistent_load(self, identity: Any) -> _Storage:
        stored: _Storage = self._storage(identity)
        return stored


def _tensor(
    storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any
) -> NDArray[Any]:
    """A tensor as a copy. Raises ValueError when it reaches out of its storage."""
    last = sum((length - 1) * stride for length, stride in zip(shape, strides, strict=True))
    if offset < 0 or min(strides, default=0) < 0 or (all(shape) and offset + last >= len(storage)):
        raise ValueError("a tensor reaches out of its storage")
    steps = [stride * storage.itemsize for stride in strides]
    return np.lib.stride_tricks.as_strided(storage[offset:], shape, steps).copy()


def _parameter(tensor: NDArray[Any], *_: Any) -> NDArray[Any]:
    return tensor
