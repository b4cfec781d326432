"""The smallest graph worth running: y = x · W, with x and y of 1 × 16 and W of 16 × 16.

As ONNX it is written byte by byte (Protocol Buffers, onnx.proto of ONNX IR version 8), so that a probe needs
no `onnx` package.
"""

import struct

SIDE = 16
INPUT, OUTPUT = "x", "y"

_FLOAT = 1
_IR_VERSION = 8
_OPSET = 13


def weights() -> list[list[float]]:
    """W: small whole numbers, so that every precision gives the same result."""
    return [[float((row * 3 + column) % 5 - 2) for column in range(SIDE)] for row in range(SIDE)]


def question() -> list[float]:
    """The x that is asked."""
    return [float(index % 4 - 1) for index in range(SIDE)]


def answer() -> list[float]:
    """The y that is right."""
    rows = weights()
    return [sum(x * rows[row][column] for row, x in enumerate(question())) for column in range(SIDE)]


def is_right(values: object) -> bool:
    """Whether what a device gave is the right y, to within a hundredth."""
    if not isinstance(values, list) or len(values) != SIDE:
        return False
    return all(
        isinstance(value, int | float) and abs(value - right) < 0.01
        for value, right in zip(values, answer(), strict=True)
    )


def onnx_bytes() -> bytes:
    """The graph as an ONNX file."""
    flat = [value for row in weights() for value in row]
    tensor = (
        _number(1, SIDE)
        + _number(1, SIDE)
        + _number(2, _FLOAT)
        + _bytes(8, b"W")
        + _bytes(9, struct.pack(f"<{len(flat)}f", *flat))
    )
    node = _bytes(1, INPUT.encode()) + _bytes(1, b"W") + _bytes(2, OUTPUT.encode()) + _bytes(4, b"MatMul")
    graph = (
        _bytes(1, node)
        + _bytes(2, b"tiny")
        + _bytes(5, tensor)
        + _bytes(11, _value(INPUT))
        + _bytes(12, _value(OUTPUT))
    )
    return _number(1, _IR_VERSION) + _bytes(7, graph) + _bytes(8, _number(2, _OPSET))


def _value(name: str) -> bytes:
    """ValueInfoProto of a float tensor of 1 × SIDE."""
    shape = b"".join(_bytes(1, _number(1, length)) for length in (1, SIDE))
    return _bytes(1, name.encode()) + _bytes(2, _bytes(1, _number(1, _FLOAT) + _bytes(2, shape)))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, payload: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(payload)) + payload


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
