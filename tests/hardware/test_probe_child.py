"""The tiny graph, and what whisper.cpp says of itself."""

import numpy as np
import pytest

from wallflower.hardware import tiny_graph
from wallflower.hardware.probe_child import parse_system_info


def test_the_bytes_are_a_graph_that_gives_the_answer() -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(tiny_graph.onnx_bytes(), providers=["CPUExecutionProvider"])
    (result,) = session.run(None, {tiny_graph.INPUT: np.array([tiny_graph.question()], np.float32)})
    assert tiny_graph.is_right(result.reshape(-1).tolist())
    assert tiny_graph.answer() == pytest.approx(
        (np.array(tiny_graph.question()) @ np.array(tiny_graph.weights())).tolist()
    )


@pytest.mark.parametrize("values", [None, [], [0.0] * 16, [float("nan")] * 16, ["a"] * 16, [1.0] * 15])
def test_other_results_are_wrong(values: object) -> None:
    assert not tiny_graph.is_right(values)


@pytest.mark.parametrize(
    ("text", "devices", "features"),
    [
        (
            "WHISPER : COREML = 0 | OPENVINO = 0 | CPU : SSE3 = 1 | AVX = 1 | AVX2 = 1 | REPACK = 1 | ",
            ["cpu"],
            ["avx", "avx2"],
        ),
        (
            "WHISPER : COREML = 1 | Metal : EMBED = 1 | CPU : NEON = 1 | DOTPROD = 1 | MATMUL_INT8 = 1",
            ["cpu", "coreml", "metal"],
            ["dotprod", "i8mm", "neon"],
        ),
        (
            "WHISPER : COREML = 0 | OPENVINO = 0 | CUDA : ARCHS = 870 | USE_GRAPHS = 1 | CPU : NEON = 1 | ",
            ["cpu", "cuda"],
            ["neon"],
        ),
        ("MTL0 : EMBED_LIBRARY = 1 | CPU : AVX512 = 0", ["cpu", "metal"], []),
        ("", ["cpu"], []),
    ],
)
def test_system_info(text: str, devices: list[str], features: list[str]) -> None:
    assert parse_system_info(text) == (devices, features)
