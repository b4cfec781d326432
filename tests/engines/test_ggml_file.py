"""The look through a ggml file, on bytes of every kind."""

import contextlib
import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wallflower.engines.base import EngineError
from wallflower.engines.ggml_file import check_ggml

_MAGIC = struct.pack("<I", 0x67676D6C)
_HEAD = _MAGIC + struct.pack("<11i", 51864, 1500, 64, 1, 1, 448, 64, 1, 1, 2, 1)
_TENSOR = struct.pack("<3i2i", 2, 1, 1, 4, 2) + b"x" + bytes(16)
_GOOD = _HEAD + struct.pack("<2i2f", 2, 1, 0, 0) + struct.pack("<iI", 1, 3) + b"abc" + _TENSOR
_ANY = settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def test_a_good_one(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(_GOOD)
    check_ggml(path)


@_ANY
@given(st.binary(max_size=100), st.integers(0, len(_GOOD)))
def test_any_bytes_are_good_or_an_engine_error(tmp_path: Path, rest: bytes, keep: int) -> None:
    path = tmp_path / "x"
    path.write_bytes(_GOOD[:keep] + rest)
    with contextlib.suppress(EngineError):
        check_ggml(path)


@pytest.mark.parametrize(
    "rest",
    [
        b"x",
        struct.pack("<3i", 2, 1, 99) + bytes(9),  # a type that is not there
        struct.pack("<3i", 2**30, 1, 0),  # a rank beyond reason
        struct.pack("<3i2i", 2, 1, 0, 2**31 - 1, 2**31 - 1) + b"x",
        struct.pack("<3i1i", 1, 1, 0, -4) + b"x",
        struct.pack("<3i1i", 1, 1, 8, 31) + b"x" + bytes(34),  # no whole number of blocks
    ],
)
def test_a_tensor_that_makes_no_sense(tmp_path: Path, rest: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(_GOOD + rest)
    with pytest.raises(EngineError, match="damaged"):
        check_ggml(path)


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"", "is empty"), (b"RIFF", "is not a ggml file"), (_MAGIC, "truncated or damaged"),
     (_HEAD.replace(struct.pack("<i", 448), struct.pack("<i", -1)), "damaged")],
)  # fmt: skip
def test_reasons(tmp_path: Path, data: bytes, reason: str) -> None:
    path = tmp_path / "x"
    path.write_bytes(data)
    with pytest.raises(EngineError, match=reason):
        check_ggml(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="cannot read .*gone"):
        check_ggml(tmp_path / "gone")
