"""What is written byte by byte is what the package `onnx` reads."""

from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from wallflower.engines.onnx import open_session
from wallflower.models.conversion.onnx_bytes import GraphBytes


def _graph() -> GraphBytes:
    graph = GraphBytes("small")
    x = graph.input("x", ["rows", 2])
    y = graph.add("MatMul", x, graph.constant([[1.0, -2.0], [3.0, 0.5]]))
    y = graph.add("LeakyRelu", y, alpha=0.25)
    graph.output(graph.add("Transpose", y, perm=[1, 0]), "y", [2, "rows"])
    return graph


def test_the_package_reads_it() -> None:
    model = onnx.load_from_string(_graph().model())
    onnx.checker.check_model(model, full_check=True)
    assert model.opset_import[0].version == 17
    assert [node.op_type for node in model.graph.node] == ["MatMul", "LeakyRelu", "Transpose", "Identity"]
    np.testing.assert_array_equal(numpy_helper.to_array(model.graph.initializer[0]), [[1, -2], [3, 0.5]])
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "rows"


def test_attributes_of_each_kind() -> None:
    graph = GraphBytes("kinds")
    graph.add_many("LSTM", "x", outputs=2, hidden_size=3, direction="reverse", clip=1.5, axes=[-1, 2])
    node = onnx.load_from_string(graph.model()).graph.node[0]
    values = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
    assert values == {"hidden_size": 3, "direction": b"reverse", "clip": 1.5, "axes": [-1, 2]}
    assert len(node.output) == 2


def test_it_runs(tmp_path: Path) -> None:
    (tmp_path / "small.onnx").write_bytes(_graph().model())
    session = open_session(tmp_path / "small.onnx", threads=1)
    (y,) = session.run(None, {"x": np.array([[1, 1], [0, -4]], np.float32)})
    np.testing.assert_array_equal(y, [[4, -3], [-0.375, -0.5]])
