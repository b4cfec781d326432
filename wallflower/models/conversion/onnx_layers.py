"""The layers that Whisper is made of, as ONNX operations over a checkpoint's weights.

Eight bits are those of ONNX Runtime's dynamic quantisation: activations are rounded to uint8 with one scale a
tensor while the graph runs, weights beforehand to int8 with a scale for each output; the product is integer.
These are standard operations, which every build of the runtime has.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from wallflower.models.conversion.checkpoint import Checkpoint
from wallflower.models.conversion.onnx_writer import GraphWriter
from wallflower.models.conversion.weight_format import WeightFormat

HEAD_SIZE = 64
_NORM_EPSILON = 1e-5

Embedding = tuple[str, str | None]
"""The matrix [vocabulary, width], and the scale of each row where it is of eight bits."""


class Layers:
    """Builds operations in one graph over one checkpoint.

    Activations are float32, [batch, positions, width].
    """

    def __init__(
        self,
        graph: GraphWriter,
        checkpoint: Checkpoint,
        weight_format: WeightFormat,
        advance: Callable[[int], None],
    ) -> None:
        """advance: told the values of each weight that was taken."""
        self.graph = graph
        self.shape = checkpoint.shape
        self._checkpoint = checkpoint
        self._format = weight_format
        self._advance = advance
        self._quantised: dict[str, tuple[str, str, str]] = {}

    def inside(self, branch: GraphWriter) -> "Layers":
        """The same in a branch of the graph."""
        return Layers(branch, self._checkpoint, self._format, self._advance)

    def array(self, name: str) -> NDArray[np.float32]:
        """The weight `name` as it is, in float32. Raises KeyError."""
        values = np.asarray(self._checkpoint.weights[name], np.float32)
        self._advance(values.size)
        return values

    def constant(self, name: str) -> str:
        """The weight `name`, exactly: for what is too small or too delicate to be rounded."""
        return self.graph.constant(self.array(name))

    def linear(self, x: str, name: str, *, factor: float = 1.0, rounded: bool = True) -> str:
        """`factor` times (`x` times the weight, plus the bias where there is one).

        rounded: in eight bits where the format is; else in float32.
        """
        add, scale = self.graph.add, np.float32(factor)
        weight = self.array(f"{name}.weight") * scale
        if rounded and self._format is WeightFormat.INT8:
            steps, scales = _rounded(weight)
            y = self._product(x, self.graph.constant(steps.T), self.graph.constant(scales))
        else:
            y = add("MatMul", x, self.graph.constant(weight.T))
        if f"{name}.bias" not in self._checkpoint.weights:
            return y
        bias = self.array(f"{name}.bias") * scale
        return add("Add", y, self.graph.constant(bias)) if bias.any() else y

    def _product(self, x: str, steps: str, scales: str) -> str:
        """`x` times int8 `steps` [in, out], whose columns have `scales` [out]."""
        add = self.graph.add
        if x not in self._quantised:
            rounded, scale, zero = self.graph.add_many("DynamicQuantizeLinear", x, outputs=3)
            self._quantised[x] = rounded, scale, zero
        rounded, scale, zero = self._quantised[x]
        product = add("Cast", add("MatMulInteger", rounded, steps, zero), to=TensorProto.FLOAT)
        return add("Mul", product, add("Mul", scale, scales))

    def embedding(self, name: str) -> Embedding:
        """The weight `name`, to be used by `embed` and `scores`."""
        weight = self.array(name)
        if self._format is not WeightFormat.INT8:
            return self.graph.constant(weight), None
        steps, scales = _rounded(weight)
        return self.graph.constant(steps), self.graph.constant(scales)

    def embed(self, embedding: Embedding, tokens: str) -> str:
        """The rows of `tokens`."""
        add, (matrix, scales) = self.graph.add, embedding
        rows = add("Gather", matrix, tokens, axis=0)
        if scales is None:
            return rows
        scale = add("Unsqueeze", add("Gather", scales, tokens, axis=0), self.graph.integers(-1))
        return add("Mul", add("Cast", rows, to=TensorProto.FLOAT), scale)

    def scores(self, embedding: Embedding, x: str) -> str:
        """`x` times each row."""
        matrix, scales = embedding
        columns = self.graph.add("Transpose", matrix, perm=[1, 0])
        return self._product(x, columns, scales) if scales else self.graph.add("MatMul", x, columns)

    def convolution(self, x: str, name: str, *, stride: int) -> str:
        """A convolution over three frames and its GELU; never of eight bits, which would save little here."""
        y = self.graph.add(
            "Conv",
            x,
            self.constant(f"{name}.weight"),
            self.constant(f"{name}.bias"),
            kernel_shape=[3],
            pads=[1, 1],
            strides=[stride],
        )
        return self.graph.add("Gelu", y)

    def norm(self, x: str, name: str) -> str:
        """Layer normalisation."""
        weight, bias = self.constant(f"{name}.weight"), self.constant(f"{name}.bias")
        return self.graph.add("LayerNormalization", x, weight, bias, axis=-1, epsilon=_NORM_EPSILON)

    def queries(self, x: str, name: str) -> str:
        """Queries of the attention `name`, with the attention's scale in them.

        The scale, 1/8, is a power of two, so it costs the weights no precision.
        """
        return self.linear(x, f"{name}.q_proj", factor=HEAD_SIZE**-0.5)

    def heads(self, x: str) -> str:
        """[batch, positions, width] to [batch, heads, positions, HEAD_SIZE]."""
        sizes = self.graph.integers(0, 0, self.shape.heads, HEAD_SIZE)
        return self.graph.add("Transpose", self.graph.add("Reshape", x, sizes), perm=[0, 2, 1, 3])

    def attend_everywhere(self, queries: str, keys: str, values: str) -> str:
        """What each of as many queries as keys finds; all are [batch, positions, width].

        ONNX Runtime's own operation never has all scores in memory: measured on Whisper base's encoder,
        100 MB less and a quarter quicker than the operations in `attend`.
        """
        return self.graph.add(
            "MultiHeadAttention",
            queries,
            keys,
            values,
            domain="com.microsoft",
            num_heads=self.shape.heads,
            scale=1.0,  # it is in the queries
        )

    def attend(self, queries: str, keys: str, values: str, mask: str | None = None) -> str:
        """What each query finds, [batch, positions, width]. All are by head; mask is added to the scores."""
        add = self.graph.add
        scores = add("MatMul", queries, add("Transpose", keys, perm=[0, 1, 3, 2]))
        weights = add("Softmax", add("Add", scores, mask) if mask else scores, axis=-1)
        mixed = add("Transpose", add("MatMul", weights, values), perm=[0, 2, 1, 3])
        return add("Reshape", mixed, self.graph.integers(0, 0, self.shape.width))

    def feed_forward(self, x: str, name: str, *, rounded: bool = True) -> str:
        """The second half of the layer `name`, with its residual. rounded: for its second matrix."""
        add = self.graph.add
        inner = add("Gelu", self.linear(self.norm(x, f"{name}.final_layer_norm"), f"{name}.fc1"))
        return add("Add", x, self.linear(inner, f"{name}.fc2", rounded=rounded))


def _rounded(weight: NDArray[np.float32]) -> tuple[NDArray[Any], NDArray[np.float32]]:
    """int8 steps of a matrix, and the scale of each of its rows."""
    scales = np.maximum(np.abs(weight).max(axis=1) / np.float32(127), np.float32(1e-7))
    return np.rint(weight / scales[:, np.newaxis]).astype(np.int8), scales
