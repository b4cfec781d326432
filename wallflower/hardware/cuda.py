"""NVIDIA's libraries, where they came as wheels: nothing else tells ONNX Runtime where those lie."""

import contextlib
import io

DEVICES = ("cuda", "tensorrt")
"""Those of ONNX Runtime that need these libraries."""


def load_libraries() -> None:
    """Load CUDA and cuDNN into this process, if ONNX Runtime was built for them.

    Call it before a session on CUDA or TensorRT is opened. What is missing, that session will tell: this says
    nothing, least of all on standard output, which may be a client's connection.
    """
    import onnxruntime

    if preload := getattr(onnxruntime, "preload_dlls", None):
        with contextlib.redirect_stdout(io.StringIO()):
            preload()
