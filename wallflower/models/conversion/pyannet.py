"""PyanNet, which tells who of up to three local speakers speaks when, as an ONNX graph.

Source: H. Bredin, "pyannote.audio 2.1 speaker diarization pipeline" (2023), with the powerset output of
A. Plaquet and H. Bredin (2023), and the weights of pyannote segmentation-3.0 (MIT); the sinc filters are
those of M. Ravanelli and Y. Bengio, "Speaker recognition from raw waveform with SincNet" (2018), as the
package asteroid-filterbanks has them, 40 cosines and 40 sines.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wallflower.models.conversion.onnx_bytes import GraphBytes

SOUND, CLASSES = "sound", "classes"

_SAMPLE_RATE = 16_000
_TAPS = 251
_LOWEST_HZ = 50.0
_NARROWEST_HZ = 50.0
_NORM_EPSILON = 1e-5
_LEAK = 0.01


def pyannet_graph(weights: Mapping[str, NDArray[Any]]) -> bytes:
    """The graph: `sound` [batch, 1, samples] to `classes` [batch, frames, 7], logarithms of probabilities.
    Raises KeyError when a weight is missing.
    """
    graph = GraphBytes("pyannet")
    add = graph.add

    def constant(name: str) -> str:
        return graph.constant(weights[name])

    def instance_norm(value: str, name: str) -> str:
        scale, shift = constant(f"{name}.weight"), constant(f"{name}.bias")
        return add("InstanceNormalization", value, scale, shift, epsilon=_NORM_EPSILON)

    def linear(value: str, name: str) -> str:
        product = add("MatMul", value, graph.constant(weights[f"{name}.weight"].T))
        return add("Add", product, constant(f"{name}.bias"))

    x = instance_norm(graph.input(SOUND, ["batch", 1, "samples"]), "sincnet.wav_norm1d")
    for layer in range(3):
        if layer == 0:
            filters = "sincnet.conv1d.0.filterbank."
            kernels = sinc_filters(weights[filters + "low_hz_"], weights[filters + "band_hz_"])
            x = add("Abs", add("Conv", x, graph.constant(kernels), strides=[10]))
        else:
            name = f"sincnet.conv1d.{layer}"
            x = add("Conv", x, constant(f"{name}.weight"), constant(f"{name}.bias"))
        x = add("MaxPool", x, kernel_shape=[3], strides=[3])
        x = add("LeakyRelu", instance_norm(x, f"sincnet.norm1d.{layer}"), alpha=_LEAK)
    x = add("Transpose", x, perm=[2, 0, 1])  # [time, batch, channels], as the recurrent layers want it
    for layer in range(4):
        x = _lstm(graph, x, weights, layer)
    x = add("Transpose", x, perm=[1, 0, 2])
    for layer in range(2):
        x = add("LeakyRelu", linear(x, f"linear.{layer}"), alpha=_LEAK)
    graph.output(add("LogSoftmax", linear(x, "classifier"), axis=-1), CLASSES, ["batch", "frames", 7])
    return graph.model()


def sinc_filters(low_hz: NDArray[Any], band_hz: NDArray[Any]) -> NDArray[np.float32]:
    """Band-pass filters [80, 1, 251] of the learned lower edges and widths, [40, 1] each."""
    low = _LOWEST_HZ + np.abs(low_hz.astype(np.float64))
    high = np.clip(low + _NARROWEST_HZ + np.abs(band_hz.astype(np.float64)), _LOWEST_HZ, _SAMPLE_RATE / 2)
    half = _TAPS // 2
    window = np.hamming(_TAPS)[:half]
    time = 2 * np.pi * np.arange(-half, 0)[np.newaxis] / _SAMPLE_RATE
    band = high - low
    even = (np.sin(high * time) - np.sin(low * time)) / (time / 2) * window
    odd = (np.cos(low * time) - np.cos(high * time)) / (time / 2) * window
    cosines = np.concatenate([even, 2 * band, even[:, ::-1]], axis=1) / (2 * band)
    sines = np.concatenate([odd, np.zeros_like(band), -odd[:, ::-1]], axis=1) / (2 * band)
    return np.concatenate([cosines, sines])[:, np.newaxis].astype(np.float32)


def _lstm(graph: GraphBytes, x: str, weights: Mapping[str, NDArray[Any]], layer: int) -> str:
    """A bidirectional layer, [time, batch, channels] to [time, batch, 2 × width]."""

    def both(kind: str) -> NDArray[Any]:
        return np.stack([_gates(weights[f"lstm.{kind}_l{layer}{way}"]) for way in ("", "_reverse")])

    recurrent = both("weight_hh")
    y, _, _ = graph.add_many(
        "LSTM",
        x,
        graph.constant(both("weight_ih")),
        graph.constant(recurrent),
        graph.constant(np.concatenate([both("bias_ih"), both("bias_hh")], axis=1)),
        outputs=3,
        hidden_size=recurrent.shape[2],
        direction="bidirectional",
    )
    y = graph.add("Transpose", y, perm=[0, 2, 1, 3])
    return graph.add("Reshape", y, graph.integers(0, 0, -1))


def _gates(weight: NDArray[Any]) -> NDArray[Any]:
    """PyTorch's order of gates (input, forget, cell, output) in ONNX's (input, output, forget, cell)."""
    enter, forget, cell, out = np.split(weight, 4)
    return np.concatenate([enter, out, forget, cell])
