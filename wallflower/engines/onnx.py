"""How this project opens an ONNX Runtime session, the same for every model."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from wallflower.engines.base import EngineError
from wallflower.memory import remapping

if TYPE_CHECKING:
    import onnxruntime


def session_options(*, threads: int) -> "onnxruntime.SessionOptions":
    """The settings of every session: `threads` threads that sleep when idle, and no memory arena.

    The arena keeps the largest request ever seen for good, and its absence costs these graphs nothing
    measurable. Spinning threads would burn the processor of a box that is idle nearly always.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 4  # the exception says it, in one line
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def open_session(path: Path, *, threads: int) -> "onnxruntime.InferenceSession":
    """Load the graph at `path` on the CPU with `threads` threads.

    Raises EngineError when the file is missing, damaged or not a graph.
    """
    import onnxruntime

    options = session_options(threads=threads)
    if _is_ort_format(path):
        options.add_session_config_entry("session.load_model_format", "ORT")
        # The weights stay in the file, mapped: a library that does not know this yet reads them.
        for setting in (
            "memory_mapped_ort_model",
            "ort_model_bytes_directly",
            "ort_model_bytes_for_initializers",
        ):
            options.add_session_config_entry(f"session.use_{setting}", "1")
    open_: Callable[..., onnxruntime.InferenceSession] = onnxruntime.InferenceSession
    try:
        with remapping():
            return open_(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises a dozen types without a common base
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise EngineError(f"cannot load {path}: {reason}; try: wallflower models verify") from error


def _is_ort_format(path: Path) -> bool:
    """Whether the file is in ONNX Runtime's own format: the store's names have no ending to tell it by."""
    try:
        with path.open("rb") as file:
            return file.read(8)[4:] == b"ORTM"
    except OSError as error:
        raise EngineError(f"cannot read {path}: {error.strerror}") from error
