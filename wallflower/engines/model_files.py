"""What a folder or a file with a model is, and which engine reads it."""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from wallflower.engines.moonshine import DECODER, ENCODER, TOKENIZER
from wallflower.models.catalog import ModelError
from wallflower.models.conversion.forms import FORMS

CHECKPOINT = "checkpoint"
"""In place of an engine: weights that no engine reads, but that can be converted."""

CONVERTED_TO = {"openvino": "openvino:int8", "whispercpp": "ggml:q8_0", "onnx": "onnx:int8"}
"""What a checkpoint becomes for each engine, where this version can make it."""

_GGML, _GGUF = b"lmgg", b"GGUF"
_GGML_SIZES = 11
_GGML_TYPES = {0: "f32", 1: "f16", 2: "q4_0", 3: "q4_1", 7: "q8_0", 8: "q5_0", 9: "q5_1",
               10: "q2_k", 11: "q3_k", 12: "q4_k", 13: "q5_k", 14: "q6_k"}  # fmt: skip
"""How most tensors are kept, by the type in the file's head: `ggml_ftype` in ggml.h."""
_GGML_VERSIONS = 1000  # the type is counted from here anew for each version of the quantisations

_OPENVINO_PAIRS = (
    ("encoder", "decoder"),
    ("openvino_encoder_model", "openvino_decoder_model"),
)
_OPENVINO_MORE = ("wallflower.json",)
_MOONSHINE = (ENCODER, DECODER, TOKENIZER)
_ONNX_ENDINGS = (".onnx", ".onnx.data", ".onnx_data", ".json", ".txt", ".yaml")
_ONNX_KINDS = {
    "whisper": "decoder_model_merged",
    "nemo-conformer-tdt": "decoder_joint-model",
    "nemo-conformer-ctc": "model",
}
"""What `onnx-asr` calls a model, by how the name of one of its graphs begins; looked for in this order."""
_CHECKPOINTS = ("model.safetensors", "model.safetensors.index.json", "model.bin.part1", "model.bin")
_EXPECTED = (
    "whispercpp reads a ggml file, openvino encoder.xml, encoder.bin, decoder.xml, decoder.bin and "
    f"tokenizer.json, moonshine {', '.join(_MOONSHINE)}; a Whisper checkpoint is model.safetensors or "
    "CTranslate2's model.bin, with tokenizer.json"
)


@dataclass(frozen=True, slots=True)
class Look:
    """One thing that the files may be. what: in words. engine: which reads it, or CHECKPOINT. files: those
    that it takes, by name. missing: those that it lacks. precision: how the weights are kept, if it is told.
    kind, quantization: as `onnx-asr` names them, for its models.
    """

    what: str
    engine: str
    files: Mapping[str, Path]
    missing: tuple[str, ...] = ()
    precision: str = ""
    kind: str = ""
    quantization: str = ""


def look_for(path: Path, engine: str = "") -> Look:
    """What the files at `path`, a folder or one file, are for `engine`; empty: whatever they are.

    Raises ModelError when they are not for this engine and cannot be converted for it, with what they are.
    """
    looks = _looks(path)
    if not looks:
        raise ModelError(f"{path} holds no model that is known here: {_hint(path)}{_EXPECTED}")
    fitting = [look for look in looks if look.engine == engine or not engine]
    checkpoint = next((look for look in looks if look.engine == CHECKPOINT), None)
    if not fitting and checkpoint and CONVERTED_TO.get(engine) in FORMS:
        fitting = [checkpoint]
    if not fitting:
        what = " and ".join(look.what for look in looks)
        readers = [look.engine for look in looks if look.engine != CHECKPOINT]
        made_for = [name for name, form in CONVERTED_TO.items() if form in FORMS]
        step = (
            f"--engine {' or '.join(readers)} reads it"
            if readers
            else f"--engine {' or '.join(made_for)} will do"
        )
        raise ModelError(f"{path} looks like {what}, which engine {engine} does not read: {step}")
    ready = [look for look in fitting if look.engine != CHECKPOINT] or fitting
    if len({look.engine for look in ready}) > 1:
        what = " and ".join(look.what for look in ready)
        raise ModelError(f"{path} looks like {what}: say which with --engine")
    look = ready[0]
    if look.missing:
        raise ModelError(f"{path} looks like {look.what}, but has no {', '.join(look.missing)}")
    return look


def _looks(path: Path) -> list[Look]:
    """All that the files may be, each engine at most once."""
    try:
        if path.is_file():
            files = {path.name: path}
        else:
            files = {each.name: each for each in sorted(path.iterdir()) if each.is_file()}
        found = (_ggml(files), _openvino(files), _moonshine(files), _onnx(files), _checkpoint(files))
    except OSError as error:
        raise ModelError(f"cannot read {error.filename or path}: {error.strerror}") from error
    return [look for look in found if look is not None]


def _ggml(files: Mapping[str, Path]) -> Look | None:
    found = {name: path for name, path in files.items() if _head(path, 4) == _GGML}
    if not found:
        return None
    if len(found) > 1:
        raise ModelError(f"there are several ggml files: name one of {', '.join(map(str, found.values()))}")
    ((name, path),) = found.items()
    head = _head(path, 4 + 4 * _GGML_SIZES)
    precision = ""
    if len(head) == 4 + 4 * _GGML_SIZES:
        kind = struct.unpack_from(f"<{_GGML_SIZES}i", head, 4)[-1] % _GGML_VERSIONS
        precision = _GGML_TYPES.get(kind, "")
    return Look("a ggml file for whisper.cpp", "whispercpp", {name: path}, precision=precision)


def _openvino(files: Mapping[str, Path]) -> Look | None:
    for pair in _OPENVINO_PAIRS:
        if not any(f"{part}.xml" in files for part in pair):
            continue
        needed = [f"{part}.{ending}" for part in pair for ending in ("xml", "bin")] + ["tokenizer.json"]
        taken = {name: files[name] for name in (*needed, *_OPENVINO_MORE) if name in files}
        missing = tuple(name for name in needed if name not in files)
        return Look("Whisper for OpenVINO", "openvino", taken, missing, _described(files))
    return None


def _described(files: Mapping[str, Path]) -> str:
    """How the weights are kept, as our own conversion writes it down."""
    if "wallflower.json" not in files:
        return ""
    try:
        weights = json.loads(files["wallflower.json"].read_bytes())["weights"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""
    return weights if isinstance(weights, str) else ""


def _moonshine(files: Mapping[str, Path]) -> Look | None:
    if not any(name in files for name in (ENCODER, DECODER)):
        return None
    taken = {name: files[name] for name in _MOONSHINE if name in files}
    return Look("Moonshine", "moonshine", taken, tuple(name for name in _MOONSHINE if name not in files))


def _onnx(files: Mapping[str, Path]) -> Look | None:
    if not any(name.endswith(".onnx") for name in files):
        return None
    taken = {name: path for name, path in files.items() if name.endswith(_ONNX_ENDINGS)}
    graphs = [name for name in files if name.endswith(".onnx")]
    kinds = (kind for kind, begin in _ONNX_KINDS.items() if any(name.startswith(begin) for name in graphs))
    kind = next(kinds, "")
    quantization = next((each for each in ("int8", "fp16", "q4") if each in " ".join(graphs)), "")
    what = f"ONNX graphs ({kind})" if kind else "ONNX graphs of no kind that is known here"
    missing = () if kind else (" or ".join(_ONNX_KINDS.values()),)
    return Look(what, "onnx", taken, missing, quantization or "fp32", kind, quantization)


def _checkpoint(files: Mapping[str, Path]) -> Look | None:
    name = next((name for name in _CHECKPOINTS if name in files), None)
    if name is None or _head(files[name], 4) == _GGML:
        return None
    kind = "safetensors" if "safetensors" in name else "CTranslate2"
    missing = () if "tokenizer.json" in files else ("tokenizer.json",)
    return Look(f"a Whisper checkpoint ({kind})", CHECKPOINT, files, missing)


def _hint(path: Path) -> str:
    names = [path.name] if path.is_file() else [each.name for each in path.iterdir()]
    if path.is_file() and _head(path, 4) == _GGUF:
        return "it is a GGUF file, which whisper.cpp does not read; "
    if any(name == "pytorch_model.bin" or name.endswith((".pt", ".pth")) for name in names):
        return "PyTorch weights must be saved as safetensors first; "
    return ""


def _head(path: Path, size: int) -> bytes:
    with path.open("rb") as file:
        return file.read(size)
