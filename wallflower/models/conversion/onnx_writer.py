"""An ONNX graph as it is written, operation by operation."""

from collections.abc import Sequence
from itertools import count
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

_OPSET = 20  # the first with Gelu; ONNX Runtime takes it from 1.17 on
_IR_VERSION = 9  # that goes with it

Dimensions = Sequence[int | str]
"""Sizes; a name stands for one that is open."""


class GraphWriter:
    """A graph, or a branch of one, which sees the values of the graph around it."""

    def __init__(self, name: str, numbers: "count[int] | None" = None) -> None:
        """numbers: make the names unique; a branch shares those of the graph around it."""
        self._name = name
        self.numbers = numbers or count()
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []

    def add(self, operation: str, *inputs: str, **attributes: Any) -> str:
        """Add an operation with one output; the name of that."""
        return self.add_many(operation, *inputs, outputs=1, **attributes)[0]

    def add_many(self, operation: str, *inputs: str, outputs: int, **attributes: Any) -> list[str]:
        """Add an operation; the names of its outputs."""
        names = [f"{operation}_{next(self.numbers)}" for _ in range(outputs)]
        self._nodes.append(helper.make_node(operation, inputs, names, names[0], **attributes))
        return names

    def constant(self, values: NDArray[Any]) -> str:
        """Add a constant."""
        name = f"constant_{next(self.numbers)}"
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def integers(self, *values: int) -> str:
        """A constant [values] of int64, as sizes and axes are given."""
        return self.constant(np.array(values, np.int64))

    def input(self, name: str, dtype: type[np.generic], dimensions: Dimensions) -> str:
        """Declare an input."""
        self._inputs.append(_value(name, dtype, dimensions))
        return name

    def output(self, value: str, name: str, dimensions: Dimensions) -> None:
        """Declare `value`, which is float32, an output under `name`."""
        self._nodes.append(helper.make_node("Identity", [value], [name], name))
        self._outputs.append(_value(name, np.float32, dimensions))

    def result(self, value: str, dimensions: Dimensions) -> None:
        """Declare `value`, which is float32 and made in here, an output of this branch."""
        self._outputs.append(_value(value, np.float32, dimensions))

    def proto(self) -> onnx.GraphProto:
        """The graph as it stands."""
        return helper.make_graph(self._nodes, self._name, self._inputs, self._outputs, self._constants)

    def model(self) -> onnx.ModelProto:
        """The graph as a model."""
        return helper.make_model(
            self.proto(),
            opset_imports=[helper.make_opsetid("", _OPSET), helper.make_opsetid("com.microsoft", 1)],
            ir_version=_IR_VERSION,
            producer_name="wallflower",
        )


def _value(name: str, dtype: type[np.generic], dimensions: Dimensions) -> onnx.ValueInfoProto:
    kind: TensorProto.DataType = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    return helper.make_tensor_value_info(name, kind, list(dimensions))
