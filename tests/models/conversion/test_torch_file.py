"""Reading PyTorch's files without PyTorch; they are written by hand: a ZIP with a pickle and raw numbers."""

import collections
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wallflower.models.catalog import ModelError
from wallflower.models.conversion.speaker_graphs import write_speaker_graph
from wallflower.models.conversion.torch_file import read_torch_file


class _Global:
    """Pickled as the name of something in a module, which need not exist."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name


class _Call:
    def __init__(self, function: _Global, *arguments: Any) -> None:
        self.function, self.arguments = function, arguments


class _Storage:
    def __init__(self, kind: str, key: str, count: int) -> None:
        self.identity = ("storage", _Global("torch", kind), key, "cpu", count)


class _Pickler(vars(pickle)["_Pickler"]):  # type: ignore[misc]  # names may be of what does not exist
    def save(self, obj: Any, save_persistent_id: bool = True) -> None:  # noqa: FBT002
        if isinstance(obj, _Global):
            self.write(f"c{obj.module}\n{obj.name}\n".encode())
        elif isinstance(obj, _Call):
            self.save(obj.function)
            self.save(obj.arguments)
            self.write(pickle.REDUCE)
        elif isinstance(obj, _Storage):
            self.save(obj.identity)
            self.write(pickle.BINPERSID)
        else:
            super().save(obj, save_persistent_id)


def _tensor(storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> _Call:
    rebuild = _Global("torch._utils", "_rebuild_tensor_v2")
    return _Call(rebuild, storage, offset, shape, strides, False, {})


def _write(path: Path, content: Any, **storages: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        with archive.open("model/data.pkl", "w") as file:
            _Pickler(file, protocol=2).dump(content)
        for key, data in storages.items():
            archive.writestr(f"model/data/{key.removeprefix('_')}", data)
    return path


_NUMBERS = np.arange(6, dtype="<f4").tobytes()


def test_tensors_by_name(tmp_path: Path) -> None:
    storage = _Storage("FloatStorage", "0", 6)
    content = {"whole": _tensor(storage, 0, (2, 3), (3, 1)), "turned": _tensor(storage, 1, (2, 2), (1, 3))}
    found = read_torch_file(_write(tmp_path / "x.pt", content, _0=_NUMBERS), "x.pt")
    np.testing.assert_array_equal(found["whole"], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(found["turned"], [[1, 4], [2, 5]])


def test_a_state_dict_inside_with_what_is_no_tensor(tmp_path: Path) -> None:
    count = _tensor(_Storage("LongStorage", "7", 1), 0, (), ())
    content = {"epoch": 3, "state_dict": {"steps": count, "note": "x"}}
    data = np.array([41], "<i8").tobytes()
    assert read_torch_file(_write(tmp_path / "x.pt", content, _7=data), "x.pt") == {"steps": 41}


@pytest.mark.parametrize(
    "function",
    [
        _Global("os", "system"),
        _Global("builtins", "eval"),
        _Global("torch", "load"),
        _Global("numpy", "load"),
    ],
)
def test_code_is_refused_and_not_run(tmp_path: Path, function: _Global) -> None:
    trap = tmp_path / "trap"
    path = _write(tmp_path / "x.pt", {"x": _Call(function, f"touch {trap}")})
    with pytest.raises(ModelError, match=f"wants to call {function.module}.{function.name}"):
        read_torch_file(path, "x.pt")
    assert not trap.exists()


@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [(0, (7,), (1,)), (5, (2,), (1,)), (-1, (2,), (1,)), (0, (2, 2), (5, 1)), (5, (2,), (-1,))],
)
def test_a_tensor_outside_its_storage_is_refused(
    tmp_path: Path, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]
) -> None:
    content = {"x": _tensor(_Storage("FloatStorage", "0", 6), offset, shape, strides)}
    with pytest.raises(ModelError, match="reaches out of its storage"):
        read_torch_file(_write(tmp_path / "x.pt", content, _0=_NUMBERS), "x.pt")


def test_a_storage_that_is_cut_off(tmp_path: Path) -> None:
    content = {"x": _tensor(_Storage("FloatStorage", "0", 7), 0, (6,), (1,))}
    with pytest.raises(ModelError, match="shorter"):
        read_torch_file(_write(tmp_path / "x.pt", content, _0=_NUMBERS), "x.pt")


def test_what_is_no_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("words")
    (tmp_path / "random").write_bytes(b"PK\x03\x04" + os.urandom(500))
    with zipfile.ZipFile(tmp_path / "other", "w") as archive:
        archive.writestr("readme", "x")
    for name in ("text", "random", "other"):
        with pytest.raises(ModelError, match=f"{name} is no PyTorch checkpoint"):
            read_torch_file(tmp_path / name, name)
    with pytest.raises(ModelError, match="cannot read"):
        read_torch_file(tmp_path / "missing", "missing")
    with pytest.raises(ModelError, match="without tensors"):
        read_torch_file(_write(tmp_path / "list", [1, 2]), "list")


def test_an_ordered_dictionary(tmp_path: Path) -> None:
    content = _Call(_Global("collections", "OrderedDict"))
    assert read_torch_file(_write(tmp_path / "x.pt", content), "x.pt") == collections.OrderedDict()


def test_weights_of_another_model_make_no_graph(tmp_path: Path) -> None:
    content = {"x": _tensor(_Storage("FloatStorage", "0", 6), 0, (6,), (1,))}
    path = _write(tmp_path / "x.pt", content, _0=_NUMBERS)
    for form in ("onnx:campplus", "onnx:pyannet"):
        with pytest.raises(ModelError, match=f"not what {form} is made from"):
            write_speaker_graph({"weights.pt": path}, tmp_path / "out", form)
    with pytest.raises(ModelError, match=r"no weights\.pt"):
        write_speaker_graph({}, tmp_path / "out", "onnx:campplus")
    assert not (tmp_path / "out").exists()
