"""Block quantisation: read back by ggml's own rules, every value is as near as its bits allow."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from wallflower.models.conversion.blocks import BLOCK, q5_0, q5_1, q8_0

_VALUES = arrays(np.float32, (3, BLOCK), elements=st.floats(-100, 100, width=16))


def _fifth(head: NDArray[np.void]) -> NDArray[np.int64]:
    """The five-bit levels of blocks, by the rule of ggml's dequantize_row_q5_*."""
    low = np.concatenate([head["low"] & 15, head["low"] >> 4], axis=1).astype(np.int64)
    high = (head["high"][:, np.newaxis] >> np.arange(BLOCK, dtype=np.uint32)) & 1
    return np.asarray(low | (high.astype(np.int64) << 4))


def read_q8_0(data: bytes) -> NDArray[np.float64]:
    blocks = np.frombuffer(data, [("d", "<f2"), ("q", "i1", BLOCK)])
    return np.asarray(blocks["d"][:, np.newaxis].astype(float) * blocks["q"])


def read_q5_0(data: bytes) -> NDArray[np.float64]:
    blocks = np.frombuffer(data, [("d", "<f2"), ("high", "<u4"), ("low", "u1", 16)])
    return np.asarray(blocks["d"][:, np.newaxis].astype(float) * (_fifth(blocks) - 16))


def read_q5_1(data: bytes) -> NDArray[np.float64]:
    blocks = np.frombuffer(data, [("d", "<f2"), ("m", "<f2"), ("high", "<u4"), ("low", "u1", 16)])
    return np.asarray(blocks["d"][:, np.newaxis].astype(float) * _fifth(blocks) + blocks["m"][:, np.newaxis])


@given(_VALUES)
def test_eight_bits(values: NDArray[np.float32]) -> None:
    data = q8_0(values)
    assert len(data) == 3 * 34
    step = np.abs(values).max(axis=1, keepdims=True) / 127
    assert (np.abs(read_q8_0(data) - values) <= step * 0.6 + 1e-5).all()


@given(_VALUES)
def test_five_bits_around_zero(values: NDArray[np.float32]) -> None:
    data = q5_0(values)
    assert len(data) == 3 * 22
    step = np.abs(values).max(axis=1, keepdims=True) / 16
    assert (np.abs(read_q5_0(data) - values) <= step * 1.02 + 1e-5).all()


@given(_VALUES)
def test_five_bits_above_the_least(values: NDArray[np.float32]) -> None:
    data = q5_1(values)
    assert len(data) == 3 * 24
    step = (values.max(axis=1, keepdims=True) - values.min(axis=1, keepdims=True)) / 31
    rounding = np.abs(values).max(axis=1, keepdims=True) * 2**-10  # of the minimum, to float16
    assert (np.abs(read_q5_1(data) - values) <= step * 0.6 + rounding + 1e-5).all()


@pytest.mark.parametrize("pack", [q8_0, q5_0, q5_1])
def test_blocks_stand_alone(pack: object) -> None:
    assert callable(pack)
    values = np.random.default_rng(1).normal(size=(40, BLOCK)).astype(np.float32)
    assert pack(values) == b"".join(pack(row) for row in values)
