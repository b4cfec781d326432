"""Parsers on bytes from anywhere: a ModelError or tensors inside the file, never anything else."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.models.conversion.small_checkpoints import ct2_variables, pack_ct2, pack_safetensors
from wallflower.models.catalog import ModelError
from wallflower.models.conversion.ct2 import read_ct2, read_variables
from wallflower.models.conversion.safetensors import read_safetensors
from wallflower.models.conversion.tensors import MappedBytes
from wallflower.models.conversion.vocabulary import token_bytes

_ANY = settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
_TENSORS = {"a": np.ones((2, 3), np.float32), "b": np.zeros(5, np.float32)}
_SAFE = pack_safetensors(_TENSORS)
_CT2 = pack_ct2(_TENSORS)


@st.composite
def damaged(draw: st.DrawFn, good: bytes) -> bytes:
    data = bytearray(good)
    for _ in range(draw(st.integers(1, 4))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data)


@_ANY
@given(st.binary(max_size=300) | damaged(_SAFE))
@example(struct.pack("<Q", 2**63) + b"{}")
@example(struct.pack("<Q", 100_000) + b"[" * 100_000)
def test_safetensors(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(data)
    try:
        tensors = read_safetensors({"x": path})
    except ModelError:
        return
    assert sum(tensor.nbytes for tensor in tensors.values()) <= 2 * len(data)


_SIZE = st.integers(-2, 40) | st.integers() | st.booleans() | st.none() | st.text(max_size=2)


@_ANY
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "dtype": st.sampled_from(["F32", "F16", "BF16", "F64", "I8", 3, None]),
            "shape": st.lists(_SIZE, max_size=6) | _SIZE,
            "data_offsets": st.lists(_SIZE, max_size=3) | _SIZE,
        },
    )
)
@example({"dtype": "F32", "shape": [2**62, 0], "data_offsets": [0, 0]})
@example({"dtype": "F32", "shape": [1] * 80, "data_offsets": [0, 4]})
@example({"dtype": "F32", "shape": [2], "data_offsets": [-8, 0]})
def test_an_entry_of_the_table(tmp_path: Path, entry: dict[str, object]) -> None:
    head = json.dumps({"x": entry}).encode()
    path = tmp_path / "x"
    path.write_bytes(struct.pack("<Q", len(head)) + head + bytes(64))
    try:
        (tensor,) = read_safetensors({"x": path}).values()
    except ModelError:
        return
    assert tensor.nbytes <= 64


@_ANY
@given(st.binary(max_size=300) | damaged(_CT2))
def test_ct2(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(data)
    try:
        variables = read_variables([path])
    except ModelError:
        return
    assert sum(values.nbytes for values in variables.values()) <= len(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (pack_ct2({}, version=5), "binary version 6: it says 5"),
        (pack_ct2({}, kind="TransformerSpec"), "'TransformerSpec'"),
        (pack_ct2({}), "lacks the weight 'decoder/embeddings/weight'"),
        (_CT2 + b"\0", "goes on after its end"),
        (_CT2[:-1], "truncated"),
        (b"", "empty"),
    ],
)
def test_what_is_wrong_with_a_model_bin(tmp_path: Path, data: bytes, reason: str) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(data)
    with pytest.raises(ModelError, match=reason):
        read_ct2([path])


@pytest.mark.parametrize(
    ("name", "values", "reason"),
    [
        ("encoder/layer_0/self_attention/linear_0/bias", np.ones(192, "<f4"), "gives keys a bias"),
        ("encoder/layer_0/self_attention/linear_0/weight", np.ones((191, 64), "<f4"), "3 projections"),
        ("encoder/layer_0/self_attention/linear_0/weight", np.ones(192, "<f4"), "3 projections"),
    ],
)
def test_merged_projections_that_cannot_be_parted(
    tmp_path: Path,
    small: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]],
    name: str,
    values: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
    reason: str,
) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(pack_ct2({**ct2_variables(small), name: values}))
    with pytest.raises(ModelError, match=reason):
        read_ct2([path])


@_ANY
@given(
    st.lists(st.binary(min_size=1, max_size=9), min_size=1, max_size=5),
    st.integers(-2, 40),
    st.integers(-2, 40),
)
def test_bytes_in_pieces(tmp_path: Path, pieces: list[bytes], start: int, length: int) -> None:
    paths = [tmp_path / str(number) for number in range(len(pieces))]
    for path, piece in zip(paths, pieces, strict=True):
        path.write_bytes(piece)
    whole = b"".join(pieces)
    data = MappedBytes(paths, "x")
    assert len(data) == len(whole)
    if start >= 0 and length >= 0 and start + length <= len(whole):
        assert bytes(data.read(start, length)) == whole[start : start + length]
    else:
        with pytest.raises(ModelError, match="truncated"):
            data.read(start, length)


_JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(max_size=3), x, max_size=3),
)


@_ANY
@given(st.fixed_dictionaries({"model": st.fixed_dictionaries({"vocab": _JSON})}) | _JSON)
def test_a_tokenizer_of_any_kind(tmp_path: Path, content: object) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(content))
    try:
        tokens = token_bytes(path, 2)
    except ModelError:
        return
    assert len(tokens) == 2


def test_tokens_that_are_not_there(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    with pytest.raises(ModelError, match="cannot read"):
        token_bytes(path, 1)
    path.write_text(json.dumps({"model": {"vocab": {"Ġa": 0, "é": 1, "時": 2}}}))
    assert token_bytes(path, 2) == [b" a", b"\xe9"]
    with pytest.raises(ModelError, match="does not fit"):
        token_bytes(path, 3)
