"""An ONNX graph written byte by byte, so that a box without the package `onnx` can make it.

The form: Protocol Buffers, `onnx.proto` of ONNX IR version 8. Only what the speaker models need: float32 and
int64 constants, operations of the standard domain, attributes that are numbers or lists of integers, text.
"""

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

_IR_VERSION = 8
_OPSET = 17
_FLOAT, _INT64 = 1, 7  # TensorProto.DataType
_AS_FLOAT, _AS_INT, _AS_STRING, _AS_INTS = 1, 2, 3, 7  # AttributeProto.AttributeType

Attribute = float | int | str | Sequence[int]
Dimensions = Sequence[int | str]
"""Sizes; a name stands for one that is open."""


class GraphBytes:
    """A graph as it is written, operation by operation. Values are known by their names."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._count = 0
        self._parts: list[bytes] = []  # of GraphProto, in any order of fields

    def add(self, operation: str, *inputs: str, **attributes: Attribute) -> str:
        """Add an operation with one output; the name of that."""
        return self.add_many(operation, *inputs, outputs=1, **attributes)[0]

    def add_many(self, operation: str, *inputs: str, outputs: int, **attributes: Attribute) -> list[str]:
        """Add an operation; the names of its outputs."""
        names = [self._new_name(operation) for _ in range(outputs)]
        self._node(operation, inputs, names, attributes)
        return names

    def constant(self, values: ArrayLike) -> str:
        """Add a float32 constant."""
        return self._tensor(np.asarray(values, "<f4"), _FLOAT)

    def integers(self, *values: int) -> str:
        """A constant [values] of int64, as sizes and axes are given."""
        return self._tensor(np.asarray(values, "<i8"), _INT64)

    def input(self, name: str, dimensions: Dimensions) -> str:
        """Declare a float32 input."""
        self._parts.append(_bytes(11, _value(name, dimensions)))
        return name

    def output(self, value: str, name: str, dimensions: Dimensions) -> None:
        """Declare `value`, which is float32, an output under `name`."""
        self._node("Identity", [value], [name], {})
        self._parts.append(_bytes(12, _value(name, dimensions)))

    def model(self) -> bytes:
        """The whole file."""
        graph = b"".join(self._parts) + _text(2, self._name)
        opset = _bytes(8, _number(2, _OPSET))
        return _number(1, _IR_VERSION) + _text(2, "wallflower") + _bytes(7, graph) + opset

    def _new_name(self, kind: str) -> str:
        self._count += 1
        return f"{kind}_{self._count}"

    def _node(
        self, operation: str, inputs: Sequence[str], outputs: Sequence[str], attributes: dict[str, Attribute]
    ) -> None:
        node = b"".join(_text(1, name) for name in inputs)
        node += b"".join(_text(2, name) for name in outputs)
        node += _text(3, outputs[0]) + _text(4, operation)
        node += b"".join(_bytes(5, _attribute(name, value)) for name, value in attributes.items())
        self._parts.append(_bytes(1, node))

    def _tensor(self, values: NDArray[np.generic], kind: int) -> str:
        name = self._new_name("constant")
        dimensions = b"".join(_number(1, length) for length in values.shape)
        content = dimensions + _number(2, kind) + _text(8, name) + _bytes(9, values.tobytes())
        self._parts.append(_bytes(5, content))
        return name


def _attribute(name: str, value: Attribute) -> bytes:
    match value:
        case float():
            content = _varint(2 << 3 | 5) + struct.pack("<f", value) + _number(20, _AS_FLOAT)
        case int():
            content = _number(3, value) + _number(20, _AS_INT)
        case str():
            content = _text(4, value) + _number(20, _AS_STRING)
        case _:
            content = b"".join(_number(8, each) for each in value) + _number(20, _AS_INTS)
    return _text(1, name) + content


def _value(name: str, dimensions: Dimensions) -> bytes:
    """ValueInfoProto of a float32 tensor."""
    shape = b"".join(
        _bytes(1, _text(2, each) if isinstance(each, str) else _number(1, each)) for each in dimensions
    )
    return _text(1, name) + _bytes(2, _bytes(1, _number(1, _FLOAT) + _bytes(2, shape)))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _text(field: int, text: str) -> bytes:
    return _bytes(field, text.encode())


def _bytes(field: int, payload: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(payload)) + payload


def _varint(value: int) -> bytes:
    value &= 2**64 - 1  # negative numbers are written as two's complement
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
