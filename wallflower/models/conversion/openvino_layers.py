"""The layers that Whisper is made of, as OpenVINO operations over a checkpoint's weights.

Source of the architecture: Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision",
arXiv:2212.04356: a pre-norm transformer with learned positions, exact GELU and heads of 64.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray
from openvino import Node, opset13

from wallflower.models.conversion.checkpoint import Checkpoint
from wallflower.models.conversion.weight_format import WeightFormat

HEAD_SIZE = 64
_NORM_EPSILON = 1e-5


class Layers:
    """Builds operations over one checkpoint. Activations are float32, [batch, positions, width]."""

    def __init__(self, checkpoint: Checkpoint, weight_format: WeightFormat) -> None:
        self.shape = checkpoint.shape
        self._weights: Mapping[str, NDArray[Any]] = checkpoint.weights
        self._format = weight_format

    def array(self, name: str) -> NDArray[np.float32]:
        """The weight `name` as it is, in float32. Raises KeyError."""
        return np.asarray(self._weights[name], np.float32)

    def constant(self, name: str) -> Node:
        """The weight `name`, exactly: for what is too small or too delicate to be rounded."""
        return constant(self.array(name))

    def matrix(self, weight: NDArray[np.float32]) -> Node:
        """A matrix [out, in] in the storage format, as float32 for what reads it."""
        if self._format is WeightFormat.F32:
            return constant(weight)
        if self._format is WeightFormat.FP16:
            half = opset13.convert(opset13.constant(np.ascontiguousarray(weight, np.float16)), "f32")
            # Keeps the plugin from folding the conversion into float32 weights of twice the size.
            half.get_rt_info()["decompression_0"] = ""
            return half
        largest = np.abs(weight).max(axis=1, keepdims=True)
        scale = np.maximum(largest / 127, 1e-7).astype(np.float16)  # float16 has no smaller ones
        steps = np.clip(np.rint(weight / scale.astype(np.float32)), -127, 127).astype(np.int8)
        values = opset13.convert(opset13.constant(steps), "f16")
        return opset13.convert(opset13.multiply(values, opset13.constant(scale)), "f32")

    def linear(self, x: Node, name: str, *, factor: float = 1.0) -> Node:
        """`factor` times (`x` times the weight, plus the bias where there is one)."""
        scale = np.float32(factor)
        y = opset13.matmul(x, self.matrix(self.array(f"{name}.weight") * scale), False, True)
        if f"{name}.bias" not in self._weights:
            return y
        bias = self.array(f"{name}.bias") * scale
        return opset13.add(y, constant(bias)) if bias.any() else y  # a merged checkpoint has zeros for k

    def norm(self, x: Node, name: str) -> Node:
        """Layer normalisation."""
        y = opset13.mvn(x, np.array([-1]), True, _NORM_EPSILON, "INSIDE_SQRT")
        return opset13.add(
            opset13.multiply(y, self.constant(f"{name}.weight")), self.constant(f"{name}.bias")
        )

    def queries(self, x: Node, name: str) -> Node:
        """Queries of the attention `name`, by head, with the attention's scale in them.

        The scale, 1/8, is a power of two, so it costs the weights no precision; taken out of the
        attention it spares a pass over keys or scores.
        """
        return self.heads(self.linear(x, f"{name}.q_proj", factor=HEAD_SIZE**-0.5))

    def heads(self, x: Node) -> Node:
        """[batch, positions, width] to [batch, heads, positions, HEAD_SIZE]."""
        split = opset13.reshape(x, np.array([0, -1, self.shape.heads, HEAD_SIZE]), True)
        return opset13.transpose(split, np.array([0, 2, 1, 3]))

    def merge(self, x: Node) -> Node:
        """What `heads` did, undone."""
        swapped = opset13.transpose(x, np.array([0, 2, 1, 3]))
        return opset13.reshape(swapped, np.array([0, -1, self.shape.width]), True)

    def feed_forward(self, x: Node, name: str) -> Node:
        """The second half of the layer `name`, with its residual."""
        inner = opset13.gelu(self.linear(self.norm(x, f"{name}.final_layer_norm"), f"{name}.fc1"), "erf")
        return opset13.add(x, self.linear(inner, f"{name}.fc2"))


def constant(array: NDArray[np.float32]) -> Node:
    """A float32 constant."""
    return opset13.constant(np.ascontiguousarray(array, np.float32))


def attention_weights(queries: Node, keys: Node) -> Node:
    """Softmax over the keys for each query, [batch, heads, queries, keys]; the scale is in the queries."""
    return opset13.softmax(opset13.matmul(queries, keys, False, True), -1)


def graph(name: str, inputs: list[Node], outputs: dict[str, Node], sinks: list[Node] | None = None) -> Any:
    """The model of named outputs over `inputs`, whose tensors get the names of their parameters."""
    for parameter in inputs:
        parameter.get_output_tensor(0).set_names({parameter.get_friendly_name()})
    results = []
    for output_name, node in outputs.items():
        result = opset13.result(node)
        result.get_output_tensor(0).set_names({output_name})
        results.append(result)
    return openvino.Model(results, sinks or [], inputs, name)
