"""What runs in the child process of a probe: one library, every device it offers, a tiny graph on each.

    python -m wallflower.hardware.probe_child LIBRARY [DEVICE TO LEAVE OUT ...]

It may die or hang at any line: that is what it is for. Each line of its standard output is a JSON object,
written before the next step is taken, so that the parent knows how far it came:

    {"version": "1.2", "features": ["avx2"]}     the library is loaded; what its code needs, if it tells
    {"trying": "gpu"}                            a graph is about to run on this device
    {"device": "gpu", "name": …, "ran": true, "problem": ""}
    {"done": true}
"""

import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Collection
from importlib import metadata
from pathlib import Path
from typing import Any

from wallflower.hardware import cuda, tiny_graph

Tell = Callable[..., None]

_LONGEST_SECONDS = 120

_PROVIDERS = {
    "CPUExecutionProvider": "cpu",
    "CUDAExecutionProvider": "cuda",
    "TensorrtExecutionProvider": "tensorrt",
    "CoreMLExecutionProvider": "coreml",
}
_REGISTRIES = {"cpu": "cpu", "cuda": "cuda", "metal": "metal", "mtl": "metal", "vulkan": "vulkan"}
_GGML_FEATURES = {
    "AVX": "avx",
    "AVX2": "avx2",
    "AVX512": "avx512f",
    "AVX512_VNNI": "avx512_vnni",
    "AVX_VNNI": "avx_vnni",
    "AMX_INT8": "amx_int8",
    "NEON": "neon",
    "DOTPROD": "dotprod",
    "MATMUL_INT8": "i8mm",
}


def probe_onnxruntime(tell: Tell, skip: Collection[str]) -> None:
    """Each execution provider that a model here can be given, with no falling back to another."""
    import numpy as np
    import onnxruntime

    tell(version=onnxruntime.__version__)
    feed = {tiny_graph.INPUT: np.array([tiny_graph.question()], np.float32)}
    offered = onnxruntime.get_available_providers()
    for provider, device in _PROVIDERS.items():
        if provider not in offered or device in skip:
            continue

        def run(provider: str = provider, device: str = device) -> Any:
            options = onnxruntime.SessionOptions()
            options.log_severity_level = 4
            if device != "cpu":  # else it would quietly do the work itself
                options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
            if device in cuda.DEVICES:
                cuda.load_libraries()
            session = onnxruntime.InferenceSession(tiny_graph.onnx_bytes(), options, providers=[provider])
            if provider not in session.get_providers():
                raise RuntimeError("it is offered, but could not be loaded: is its driver installed?")
            return session.run(None, feed)[0]

        _try(tell, device, provider, run)


def probe_openvino(tell: Tell, skip: Collection[str]) -> None:
    """Each device of OpenVINO."""
    import numpy as np
    import openvino as ov
    from openvino import opset13 as ops

    tell(version=ov.__version__.split("-")[0])
    core = ov.Core()
    x = ops.parameter([1, tiny_graph.SIDE], ov.Type.f32)
    y = ops.matmul(x, ops.constant(np.array(tiny_graph.weights(), np.float32)), False, False)
    model = ov.Model([y], [x])
    question = np.array([tiny_graph.question()], np.float32)
    for name in core.available_devices:
        device = name.lower()
        if device in skip:
            continue

        def run(name: str = name) -> Any:
            return core.compile_model(model, name)([question])[0]

        _try(tell, device, _full_name(core, name), run)


def _full_name(core: Any, name: str) -> str:
    try:
        return str(core.get_property(name, "FULL_DEVICE_NAME")).strip()
    except Exception:  # noqa: BLE001  # a name is not worth a probe
        return name


def probe_pywhispercpp(tell: Tell, skip: Collection[str]) -> None:
    """What the build of whisper.cpp says it has: there is no graph that it could run without a model."""
    import _pywhispercpp

    text = _pywhispercpp.whisper_print_system_info()
    devices, features = parse_system_info(text)
    tell(version=metadata.version("pywhispercpp"), features=features)
    for device in devices:
        if device not in skip:
            tell(device=device, name=f"whisper.cpp, {device}", ran=False, problem="")


def parse_system_info(text: str) -> tuple[list[str], list[str]]:
    """The devices and the processor features in whisper.cpp's `system_info`: "WHISPER : COREML = 0 | … |
    CPU : AVX2 = 1 | …". There is always a processor.
    """
    devices = ["cpu"]
    features: set[str] = set()
    section = ""
    for part in text.split("|"):
        *titles, setting = part.split(" : ")
        if titles:
            section = titles[-1].strip().lower()
        device = _REGISTRIES.get(re.sub(r"\d+$", "", section))
        name, _, value = (word.strip() for word in setting.partition("="))
        if section == "whisper" and name == "COREML" and value == "1":
            device = "coreml"
        if device and device not in devices:
            devices.append(device)
        if section == "cpu" and value == "1" and name in _GGML_FEATURES:
            features.add(_GGML_FEATURES[name])
    return devices, sorted(features)


def _try(tell: Tell, device: str, name: str, run: Callable[[], Any]) -> None:
    """Run the graph on one device and tell how that went; an exception is a problem of that device."""
    tell(trying=device)
    try:
        values = run().reshape(-1).tolist()
    except Exception as error:  # noqa: BLE001  # whatever a library raises
        lines = str(error).strip().splitlines() or [type(error).__name__]
        tell(device=device, name=name, ran=False, problem=lines[0][:300])
        return
    problem = "" if tiny_graph.is_right(values) else f"wrong result: {str(values)[:100]}"
    tell(device=device, name=name, ran=not problem, problem=problem)


_PROBES = {
    "onnxruntime": probe_onnxruntime,
    "openvino": probe_openvino,
    "pywhispercpp": probe_pywhispercpp,
}


def main(arguments: list[str]) -> None:
    """Probe the library that `arguments` name."""
    import resource
    import signal

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash is expected: nobody wants its memory on disk
    signal.alarm(_LONGEST_SECONDS)  # nobody is left to end it if the parent was killed
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is no answer

    def tell(**line: Any) -> None:
        answers.write(json.dumps(line) + "\n")
        answers.flush()

    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # some leave caches and logs where they stand
        _PROBES[arguments[0]](tell, arguments[1:])
        os.chdir(Path("/"))
    tell(done=True)
    os._exit(0)  # taking a library down may crash too, and matters to nobody


if __name__ == "__main__":
    main(sys.argv[1:])
