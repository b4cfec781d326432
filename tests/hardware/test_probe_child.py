"""The tiny graph, and what whisper.cpp says of itself."""

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from wallflower.hardware import probe_child, tiny_graph
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


def told(probe: Any, *skip: str) -> list[dict[str, Any]]:
    """The lines that a probe gives in this process."""
    lines: list[dict[str, Any]] = []
    probe(lambda **line: lines.append(line), skip)
    return lines


@pytest.mark.parametrize("library", ["onnxruntime", "openvino"])
def test_the_real_libraries_run_the_graph(library: str) -> None:
    pytest.importorskip(library)
    lines = told(probe_child._PROBES[library])
    assert lines[0]["version"]
    assert lines[1] == {"trying": "cpu"}
    assert lines[2]["device"] == "cpu"
    assert (lines[2]["ran"], lines[2]["problem"]) == (True, "")
    assert not any("device" in line for line in told(probe_child._PROBES[library], "cpu"))


def test_the_real_whispercpp_is_only_asked() -> None:
    pytest.importorskip("_pywhispercpp")
    version, device = told(probe_child.probe_pywhispercpp)
    assert version["version"]
    assert (device["device"], device["ran"]) == ("cpu", False)
    assert len(told(probe_child.probe_pywhispercpp, "cpu")) == 1


def test_providers_that_only_seem_to_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """CUDA cannot be loaded and falls back, TensorRT raises, CoreML computes something else."""
    right = np.array([tiny_graph.answer()], np.float32)

    def session(_graph: bytes, options: Any, providers: list[str]) -> Any:
        if "Tensorrt" in providers[0]:
            raise RuntimeError("libnvinfer.so.10: no such file\nand much more")
        if "CUDA" in providers[0]:
            assert options.entries == {"session.disable_cpu_ep_fallback": "1"}
            providers = ["CPUExecutionProvider"]
        result = right + 1 if "CoreML" in providers[0] else right
        return SimpleNamespace(get_providers=lambda: providers, run=lambda *_: [result])

    class Options:
        def __init__(self) -> None:
            self.entries: dict[str, str] = {}

        def add_session_config_entry(self, name: str, value: str) -> None:
            self.entries[name] = value

    fake = SimpleNamespace(
        __version__="9",
        SessionOptions=Options,
        InferenceSession=session,
        get_available_providers=lambda: [*probe_child._PROVIDERS, "AzureExecutionProvider"],
    )
    monkeypatch.setitem(sys.modules, "onnxruntime", fake)
    problems = {
        line["device"]: line["problem"] for line in told(probe_child.probe_onnxruntime) if "device" in line
    }
    assert problems["cpu"] == ""
    assert problems["cuda"].startswith("it is offered, but could not be loaded")
    assert problems["tensorrt"] == "libnvinfer.so.10: no such file"
    assert problems["coreml"].startswith("wrong result: [")


def test_a_device_without_a_name() -> None:
    class Core:
        def get_property(self, *_: str) -> str:
            raise RuntimeError("not supported")

    assert probe_child._full_name(Core(), "NPU") == "NPU"
