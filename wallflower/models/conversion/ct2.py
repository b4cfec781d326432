"""Reading a Whisper checkpoint as CTranslate2 keeps it (`model.bin`, binary version 6, WhisperSpec).

All numbers are little-endian: version, name of the model's kind, its revision, the number of variables; each
with name, rank, dimensions, type, length, bytes; then aliases. A text is its length with the ending NUL (two
bytes), and the bytes. Queries, keys and values are merged; the keys' bias, which Whisper has not, is zero.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wallflower.models.catalog import ModelError
from wallflower.models.conversion.tensors import BFLOAT16, MappedBytes

MODEL = "model.bin"

_VERSION = 6
_KIND = "WhisperSpec"
_DTYPES: dict[int, np.dtype[Any]] = {
    0: np.dtype("<f4"),
    1: np.dtype("i1"),
    2: np.dtype("<i2"),
    3: np.dtype("<i4"),
    4: np.dtype("<f2"),
    5: BFLOAT16,
}
_HIGHEST_RANK = 4

Variables = dict[str, NDArray[Any]]


class _Reader:
    """Takes numbers, texts and arrays one after the other."""

    def __init__(self, data: MappedBytes) -> None:
        self._data = data
        self.at = 0

    def take(self, length: int) -> memoryview:
        taken = self._data.read(self.at, length)
        self.at += length
        return taken

    def number(self, width: int) -> int:
        return int.from_bytes(self.take(width), "little")

    def text(self) -> str:
        return bytes(self.take(self.number(2))).rstrip(b"\0").decode("utf-8", "replace")

    def variable(self) -> tuple[str, NDArray[Any]]:
        name = self.text()
        rank = self.number(1)
        if rank > _HIGHEST_RANK:
            raise ModelError(f"{self._data.name} is damaged: {name!r} has {rank} dimensions")
        shape = [self.number(4) for _ in range(rank)]
        dtype = _DTYPES.get(self.number(1))
        length = self.number(4)
        if dtype is None or 0 in shape or math.prod(shape) * dtype.itemsize != length:
            raise ModelError(f"{self._data.name} is damaged: {name!r} does not have the size of its shape")
        return name, np.frombuffer(self.take(length), dtype).reshape(shape)


def read_variables(paths: Sequence[Path]) -> Variables:
    """The variables of a `model.bin`, whose pieces are `paths`, under CTranslate2's own names.

    Raises ModelError when it is truncated, damaged or not a Whisper model.
    """
    data = MappedBytes(paths, MODEL)
    reader = _Reader(data)
    version = reader.number(4)
    if version != _VERSION:
        raise ModelError(
            f"{data.name} is not a CTranslate2 model of binary version {_VERSION}: it says {version}; "
            "convert it again with a current ct2-transformers-converter"
        )
    kind = reader.text()
    if kind != _KIND:
        raise ModelError(f"{data.name} is a CTranslate2 model of another kind ({kind!r}), not Whisper")
    reader.number(4)  # the kind's revision
    variables = dict(reader.variable() for _ in range(reader.number(4)))
    for _ in range(reader.number(4)):
        reader.text()
        reader.text()
    if reader.at != len(data):
        raise ModelError(f"{data.name} is damaged: it goes on after its end")
    return variables


def read_ct2(paths: Sequence[Path]) -> Variables:
    """The weights of a `model.bin`, whose pieces are `paths`, under Hugging Face's names.

    Raises ModelError when it is truncated, damaged, quantised or not a Whisper model.
    """
    variables = read_variables(paths)
    if any(
        name.endswith("/weight_scale") or (array.ndim > 1 and array.dtype == np.int8)
        for name, array in variables.items()
    ):
        raise ModelError(
            f"{MODEL} is quantised and cannot be converted again: "
            "make it with --quantization float16 or float32"
        )
    try:
        return _renamed(variables)
    except KeyError as error:
        raise ModelError(f"{MODEL} lacks the weight {error}: it is no Whisper model") from error


def _renamed(variables: Variables) -> Variables:
    weights: Variables = {"decoder.embed_tokens.weight": variables["decoder/embeddings/weight"]}
    for conv in ("conv1", "conv2"):
        _linear(weights, f"encoder.{conv}", variables, f"encoder/{conv}")
    for side in ("encoder", "decoder"):
        weights[f"{side}.embed_positions.weight"] = variables[f"{side}/position_encodings/encodings"]
        _norm(weights, f"{side}.layer_norm", variables, f"{side}/layer_norm")
        layer = 0
        while f"{side}/layer_{layer}/ffn/linear_0/weight" in variables:
            _layer(weights, f"{side}.layers.{layer}", variables, f"{side}/layer_{layer}")
            layer += 1
    return weights


def _layer(weights: Variables, to: str, variables: Variables, of: str) -> None:
    _split(weights, f"{to}.self_attn", "qkv", variables, f"{of}/self_attention/linear_0")
    _linear(weights, f"{to}.self_attn.out_proj", variables, f"{of}/self_attention/linear_1")
    _norm(weights, f"{to}.self_attn_layer_norm", variables, f"{of}/self_attention/layer_norm")
    if to.startswith("decoder"):
        _split(weights, f"{to}.encoder_attn", "q", variables, f"{of}/attention/linear_0")
        _split(weights, f"{to}.encoder_attn", "kv", variables, f"{of}/attention/linear_1")
        _linear(weights, f"{to}.encoder_attn.out_proj", variables, f"{of}/attention/linear_2")
        _norm(weights, f"{to}.encoder_attn_layer_norm", variables, f"{of}/attention/layer_norm")
    _linear(weights, f"{to}.fc1", variables, f"{of}/ffn/linear_0")
    _linear(weights, f"{to}.fc2", variables, f"{of}/ffn/linear_1")
    _norm(weights, f"{to}.final_layer_norm", variables, f"{of}/ffn/layer_norm")


def _linear(weights: Variables, to: str, variables: Mapping[str, NDArray[Any]], of: str) -> None:
    weights[f"{to}.weight"] = variables[f"{of}/weight"]
    weights[f"{to}.bias"] = variables[f"{of}/bias"]


def _norm(weights: Variables, to: str, variables: Mapping[str, NDArray[Any]], of: str) -> None:
    weights[f"{to}.weight"] = variables[f"{of}/gamma"]
    weights[f"{to}.bias"] = variables[f"{of}/beta"]


def _split(weights: Variables, to: str, names: str, variables: Mapping[str, NDArray[Any]], of: str) -> None:
    """Part a merged projection into those of `names`, one letter each; k keeps no bias."""
    weight, bias = variables[f"{of}/weight"], variables[f"{of}/bias"]
    if weight.ndim != 2 or bias.ndim != 1 or len(weight) % len(names) or len(bias) % len(names):
        raise ModelError(f"the weight {of} does not hold {len(names)} projections: it is no Whisper model")
    for name, rows, shift in zip(
        names, np.split(weight, len(names)), np.split(bias, len(names)), strict=True
    ):
        weights[f"{to}.{name}_proj.weight"] = rows
        if name != "k":
            weights[f"{to}.{name}_proj.bias"] = shift
        elif shift.any():
            raise ModelError(f"the weight {of} gives keys a bias: it is no Whisper model")
