"""ggml's block quantisations in NumPy: 32 values share a scale, and some a minimum too.

They give the very bytes of ggml's own reference functions (`quantize_row_*_ref` in ggml-quants.c).
"""

import numpy as np
from numpy.typing import NDArray

BLOCK = 32
"""Values in a block; a row is a whole number of them."""

_Q8_0 = np.dtype([("scale", "<f2"), ("values", "i1", BLOCK)])
_Q5_0 = np.dtype([("scale", "<f2"), ("high", "<u4"), ("low", "u1", BLOCK // 2)])
_Q5_1 = np.dtype([("scale", "<f2"), ("least", "<f2"), ("high", "<u4"), ("low", "u1", BLOCK // 2)])


def q8_0(values: NDArray[np.float32]) -> bytes:
    """Eight bits a value, 34 bytes a block."""
    blocks = values.reshape(-1, BLOCK)
    scale = np.abs(blocks).max(axis=1) / 127
    packed = np.empty(len(blocks), _Q8_0)
    packed["scale"] = scale
    packed["values"] = np.rint(blocks * _inverse(scale)[:, np.newaxis])
    return packed.tobytes()


def q5_0(values: NDArray[np.float32]) -> bytes:
    """Five bits a value around zero, 22 bytes a block."""
    blocks = values.reshape(-1, BLOCK)
    greatest = blocks[np.arange(len(blocks)), np.abs(blocks).argmax(axis=1)]  # with its sign
    scale = greatest / -16
    levels = np.minimum(31, (blocks * _inverse(scale)[:, np.newaxis] + 16.5).astype(np.int8)).astype(np.uint8)
    packed = np.empty(len(blocks), _Q5_0)
    packed["scale"] = scale
    packed["low"], packed["high"] = _five_bits(levels)
    return packed.tobytes()


def q5_1(values: NDArray[np.float32]) -> bytes:
    """Five bits a value above the block's least, 24 bytes a block."""
    blocks = values.reshape(-1, BLOCK)
    least = blocks.min(axis=1)
    scale = (blocks.max(axis=1) - least) / 31
    above = blocks - least[:, np.newaxis]
    levels = np.minimum(31, (above * _inverse(scale)[:, np.newaxis] + 0.5).astype(np.uint8))
    packed = np.empty(len(blocks), _Q5_1)
    packed["scale"] = scale
    packed["least"] = least
    packed["low"], packed["high"] = _five_bits(levels)
    return packed.tobytes()


def _inverse(scale: NDArray[np.float32]) -> NDArray[np.float32]:
    """1 / scale; 0 for a block of equal values."""
    return np.divide(1, scale, out=np.zeros_like(scale), where=scale != 0)


def _five_bits(levels: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint32]]:
    """Of 32 levels: the low four bits, the second half's in the upper nibbles; the fifth bits as a number."""
    half = BLOCK // 2
    low = (levels[:, :half] & np.uint8(15)) | (levels[:, half:] << np.uint8(4))
    high: NDArray[np.uint32] = np.packbits(levels >> 4, axis=1, bitorder="little").view("<u4")[:, 0]
    return low, high
