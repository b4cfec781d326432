"""CAM++, which turns speech into an embedding of its speaker, as an ONNX graph.

Source: H. Wang et al., "CAM++: A Fast and Efficient Network for Speaker Verification Using Context-Aware
Masking" (2023), and the weights of github.com/modelscope/3D-Speaker (Apache-2.0). What differs: statistics
are pooled with weights, so that one run over a stretch of sound gives an embedding for each of several
speakers in it; and the last layer has no ReLU, which would throw half of the embedding away.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wallflower.models.conversion.onnx_bytes import GraphBytes

_BLOCKS = ((12, 1), (24, 2), (16, 2))
"""Layers of each dense block, and their dilation."""
_CONTEXT_FRAMES = 100
_NORM_EPSILON = 1e-5

FEATURES, WEIGHTS, EMBEDDINGS = "features", "weights", "embeddings"


def campplus_graph(weights: Mapping[str, NDArray[Any]]) -> bytes:
    """The graph: `features` [1, frames, 80] and `weights` [speakers, ⌈frames / 2⌉], each row with the sum 1,
    to `embeddings` [speakers, 192], of no particular length. Raises KeyError when a weight is missing.
    """
    network = _Network(GraphBytes("campplus"), weights)
    graph = network.graph
    features = graph.input(FEATURES, [1, "frames", 80])
    pooling = graph.input(WEIGHTS, ["speakers", "pooled"])
    graph.output(network.pool(network.trunk(features), pooling), EMBEDDINGS, ["speakers", 192])
    return graph.model()


class _Network:
    """The layers of CAM++ over its weights. Activations are [1, channels, time], in the head [1, C, bands,
    time].
    """

    def __init__(self, graph: GraphBytes, weights: Mapping[str, NDArray[Any]]) -> None:
        self.graph = graph
        self._weights = weights

    def trunk(self, features: str) -> str:
        """512 channels, every 20 ms."""
        add = self.graph.add
        x = add("Unsqueeze", add("Transpose", features, perm=[0, 2, 1]), self.graph.integers(1))
        x = self._reshape(self._head(x), 0, 320, -1)
        x = self._convolve(x, "xvector.tdnn.linear", "xvector.tdnn.nonlinear.batchnorm", pad=2, stride=2)
        x = add("Relu", x)
        for block, (layers, dilation) in enumerate(_BLOCKS, 1):
            for layer in range(1, layers + 1):
                x = self._dense_layer(x, f"xvector.block{block}.tdnnd{layer}.", dilation)
            x = self._normed(x, f"xvector.transit{block}.nonlinear.batchnorm")
            x = add("Conv", x, self._constant(f"xvector.transit{block}.linear.weight"))
        return self._normed(x, "xvector.out_nonlinear.batchnorm")

    def pool(self, frames: str, weights: str) -> str:
        """Weighted mean and deviation [speakers, 1024], and the last layer. Of n equal weights the deviation
        is the unbiased one, with n − 1; of others, n is how many equal ones would vary as much.
        """
        add, graph = self.graph.add, self.graph
        along = graph.add("Unsqueeze", weights, graph.integers(2))  # [speakers, time, 1]
        mean = add("MatMul", frames, along)  # [speakers, 512, 1]
        deviation = add("Sub", frames, mean)
        spread = add("MatMul", add("Mul", deviation, deviation), along)
        one = graph.constant(1.0)
        squares = add("ReduceSum", add("Mul", along, along), graph.integers(1), keepdims=1)
        rest = add("Max", add("Sub", one, squares), graph.constant(1e-3))  # n − 1 over n
        pooled = add("Concat", mean, add("Sqrt", add("Div", spread, rest)), axis=1)
        pooled = add("Conv", pooled, self._constant("xvector.dense.linear.weight"))
        embedding = add("Squeeze", pooled, graph.integers(2))
        scale, shift = self._norm("xvector.dense.nonlinear.batchnorm", affine=False)
        return add("Add", add("Mul", embedding, graph.constant(scale)), graph.constant(shift))

    def _head(self, x: str) -> str:
        """A small residual network over time and bands, which leaves an eighth of the bands."""
        add = self.graph.add
        x = add("Relu", self._convolve(x, "head.conv1", "head.bn1", pad=1))
        for layer in ("layer1", "layer2"):
            for block, stride in ((0, [2, 1]), (1, [1, 1])):
                name = f"head.{layer}.{block}."
                y = add("Relu", self._convolve(x, name + "conv1", name + "bn1", pad=1, stride=stride))
                y = self._convolve(y, name + "conv2", name + "bn2", pad=1)
                if block == 0:
                    x = self._convolve(x, name + "shortcut.0", name + "shortcut.1", stride=stride)
                x = add("Relu", add("Add", y, x))
        return add("Relu", self._convolve(x, "head.conv2", "head.bn2", pad=1, stride=[2, 1]))

    def _dense_layer(self, x: str, name: str, dilation: int) -> str:
        """`x`, and 32 more channels: a convolution, masked by what is around."""
        add, graph = self.graph.add, self.graph
        y = self._normed(x, name + "nonlinear1.batchnorm")
        y = add("Relu", self._convolve(y, name + "linear1", name + "nonlinear2.batchnorm"))
        local = add(
            "Conv",
            y,
            self._constant(name + "cam_layer.linear_local.weight"),
            pads=[dilation, dilation],
            dilations=[dilation],
        )
        # The mean over each 100 frames (the last piece is averaged over its real length), back to each frame.
        piece = add("AveragePool", y, kernel_shape=[_CONTEXT_FRAMES], strides=[_CONTEXT_FRAMES], ceil_mode=1)
        spread = graph.integers(1, 1, 1, _CONTEXT_FRAMES)
        near = add("Expand", add("Unsqueeze", piece, graph.integers(3)), spread)
        length = add("Shape", y, start=2, end=3)
        near = add("Slice", self._reshape(near, 0, 0, -1), graph.integers(0), length, graph.integers(2))
        context = add("Add", add("ReduceMean", y, axes=[2], keepdims=1), near)
        context = add("Relu", self._plain(context, name + "cam_layer.linear1"))
        mask = add("Sigmoid", self._plain(context, name + "cam_layer.linear2"))
        return add("Concat", x, add("Mul", local, mask), axis=1)

    def _convolve(
        self, x: str, convolution: str, norm: str, *, pad: int = 0, stride: list[int] | int = 1
    ) -> str:
        """A convolution and the normalisation after it, as one."""
        scale, shift = self._norm(norm)
        weight = self._weights[f"{convolution}.weight"]
        axes = weight.ndim - 2
        folded = weight * scale.reshape(-1, *[1] * (axes + 1))
        strides = [stride] * axes if isinstance(stride, int) else stride
        return self.graph.add(
            "Conv",
            x,
            self.graph.constant(folded),
            self.graph.constant(shift),
            pads=[pad] * 2 * axes,
            strides=strides,
        )

    def _plain(self, x: str, name: str) -> str:
        return self.graph.add("Conv", x, self._constant(name + ".weight"), self._constant(name + ".bias"))

    def _normed(self, x: str, name: str) -> str:
        scale, shift = self._norm(name)
        constants = (scale, shift, np.zeros_like(scale), np.ones_like(scale))
        normed = self.graph.add("BatchNormalization", x, *map(self.graph.constant, constants), epsilon=0.0)
        return self.graph.add("Relu", normed)

    def _norm(self, name: str, *, affine: bool = True) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Scale and shift of a batch normalisation, by its running statistics."""
        variance = self._weights[f"{name}.running_var"].astype(np.float64)
        scale = 1 / np.sqrt(variance + _NORM_EPSILON)
        if affine:
            scale = scale * self._weights[f"{name}.weight"]
        shift = -self._weights[f"{name}.running_mean"] * scale
        return scale, shift + self._weights[f"{name}.bias"] if affine else shift

    def _reshape(self, x: str, *sizes: int) -> str:
        return self.graph.add("Reshape", x, self.graph.integers(*sizes))

    def _constant(self, name: str) -> str:
        return self.graph.constant(self._weights[name])
