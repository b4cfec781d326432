"""Which engines `engines.py` compares: those of the project, the library onnx-asr, and two of others."""

import asyncio
import sys
from contextlib import ExitStack
from pathlib import Path

from command import say
from engine_process import EngineProcess, open_process
from environments import CACHE
from genai import genai_model, genai_python
from peer import model_folder, peer_python
from wallflower.config import load_options
from wallflower.config.places import data_dir
from wallflower.models.catalog import find_model
from wallflower.models.conversion.forms import convert
from wallflower.models.fetching import Fetcher
from wallflower.models.store import Store

PEER = "faster-whisper base int8"

_BY_LENGTH, _FULL = "768/1500", "1500"
_MOONSHINE, _OPENVINO, _GGML = "moonshine-tiny-en", "whisper-base-openvino-int8", "whisper-base-ggml-q8_0"
_OURS = (
    (_MOONSHINE, "-"),
    *((model, window) for model in (_OPENVINO, _GGML) for window in (_BY_LENGTH, _FULL)),
)
_CHECKPOINT = "whisper-base"
_ONNX_FORM = "onnx:int8"
_CHILDREN = Path(__file__).parent


def open_engines(stack: ExitStack) -> list[EngineProcess]:
    """A process for each, the peer last; they end with `stack`. What they need is made at the first call.

    Raises BenchmarkError or ModelError when something cannot be had.
    """
    store = Store(data_dir(load_options()) / "models")
    models = [find_model(name) for name in (_CHECKPOINT, _MOONSHINE, _OPENVINO, _GGML)]
    asyncio.run(Fetcher(store).ensure(models))
    processes = []
    for model, window in _OURS:
        name = f"{model}, full window" if window == _FULL else model
        processes.append(
            open_process(stack, name, window, _child(sys.executable, "engines", store.root, model, window))
        )
    onnx = _onnx_folder(store)
    command = _child(sys.executable, "onnx_asr", onnx)
    processes.append(open_process(stack, "onnx-asr base int8", _FULL, command))
    genai = genai_model(store.files(find_model(_OPENVINO)))
    command = _child(genai_python(), "genai", genai)
    processes.append(open_process(stack, "openvino-genai base int8", _FULL, command))
    command = _child(peer_python(), "faster_whisper", model_folder())
    processes.append(open_process(stack, PEER, _FULL, command))
    return processes


def _child(python: str | Path, name: str, *arguments: object) -> list[str]:
    return [str(python), str(_CHILDREN / f"{name}_child.py"), *map(str, arguments)]


def _onnx_folder(store: Store) -> Path:
    """Whisper base as `wallflower models convert` writes it for onnx-asr."""
    folder = CACHE / "whisper-base-onnx-int8"
    if not folder.is_dir():
        say(f"onnx-asr: making {folder}")
        convert(store.files(find_model(_CHECKPOINT)), _ONNX_FORM, folder, lambda _done, _total: None)
    return folder
