"""How this project opens a graph with OpenVINO, the same for every model."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wallflower.engines.base import EngineError

if TYPE_CHECKING:
    import openvino


def open_core() -> "openvino.Core":
    """OpenVINO's runtime. Raises EngineError when the library is not there or does not load."""
    # Compiled kernels that oneDNN keeps, see compile_graph.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "32")
    # Its converter of other libraries' models: 5 MB and half the time of the import, and it brings telemetry.
    sys.modules.setdefault("openvino.tools.ovc", None)  # type: ignore[arg-type]
    try:
        import openvino
    except ImportError as error:
        raise EngineError(
            f"OpenVINO cannot be loaded ({error}); get it with: pip install wallflower[openvino]"
        ) from error
    return openvino.Core()


def check_device(core: "openvino.Core", device: str) -> None:
    """Raise EngineError, which names the devices that are there, when `device` (CPU, GPU.1, NPU) is not."""
    if device == "CPU":  # always there; asking would load the plugins of all devices, 30 MB, for good
        return
    available = core.available_devices
    families = {name.split(".")[0] for name in available}
    if device not in families.union(available):
        raise EngineError(f"OpenVINO finds no device {device} here, only {', '.join(available) or 'none'}")


def read_graph(core: "openvino.Core", xml: Path, weights: Path) -> Any:
    """The model in `xml`, with its constants in `weights`. Raises EngineError when it cannot be read."""
    for path in (xml, weights):
        if not path.is_file():
            raise EngineError(f"cannot read {path}: no such file; try: wallflower models verify")
    try:
        return core.read_model(xml, weights)
    except RuntimeError as error:
        raise EngineError(f"cannot load {xml}: {_reason(error)}; try: wallflower models verify") from error


def compile_graph(
    core: "openvino.Core", model: Any, device: str, *, threads: int, cache_dir: Path | None
) -> Any:
    """`model` ready to run on `device`, one request at a time. Raises EngineError when it cannot be.

    threads: on the CPU; 0 leaves it to OpenVINO. cache_dir: where compiled graphs are kept between
    starts: worth it on GPU and NPU, which compile for seconds or minutes, not on the CPU.
    """
    properties: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY"}
    if device == "CPU":
        properties |= {
            # The plugin's own choice, bfloat16 where the CPU has it, is quicker and loses some words.
            "INFERENCE_PRECISION_HINT": "f32",
            # A scale for 64 activations instead of 32: 5 % quicker on Whisper base, the same words.
            "DYNAMIC_QUANTIZATION_GROUP_SIZE": 64,
            # Two engines pinned to the same core would wait for each other.
            "ENABLE_CPU_PINNING": False,
            # Kernels that are kept for lengths seen before. OpenVINO's 5000 grow by 15 MB and more within an
            # hour of drafts, each of another length, and save no time; none at all costs a tenth.
            "CPU_RUNTIME_CACHE_CAPACITY": 16,
        }
        if threads:
            properties["INFERENCE_NUM_THREADS"] = threads
    else:
        properties["INFERENCE_PRECISION_HINT"] = "f16"
        if cache_dir is not None:
            properties["CACHE_DIR"] = str(cache_dir)
    try:
        return core.compile_model(model, device, properties)
    except RuntimeError as error:
        raise EngineError(f"{device} cannot run this model: {_reason(error)}") from error


def _reason(error: RuntimeError) -> str:
    """The last line of OpenVINO's message that says something: those before name its source files."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
