"""Reading a Whisper checkpoint: sizes, and weights under one set of names."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wallflower.models.catalog import ModelError

_TYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}


@dataclass(frozen=True, slots=True)
class WhisperShape:
    """The sizes of a Whisper model. audio_positions are of 20 ms, text_positions are tokens."""

    width: int
    heads: int
    encoder_layers: int
    decoder_layers: int
    mels: int
    vocabulary: int
    audio_positions: int
    text_positions: int


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """weights: by their Hugging Face names without the leading "model.". tokenizer: a tokenizer.json."""

    shape: WhisperShape
    weights: Mapping[str, NDArray[Any]]
    tokenizer: Path


def read_checkpoint(path: Path) -> Checkpoint:
    """The checkpoint in folder `path`: CTranslate2's model.bin, with tokenizer.json. Raises ModelError."""
    try:
        weights = _hugging_face_names(_read_ctranslate2(path / "model.bin"))
    except (OSError, KeyError, ValueError, struct.error) as error:
        raise ModelError(f"cannot read the checkpoint {path}: {error}") from error
    return Checkpoint(_shape(weights), weights, path / "tokenizer.json")


def _read_ctranslate2(path: Path) -> dict[str, NDArray[Any]]:
    data = path.read_bytes()
    at = 0

    def number(code: str) -> int:
        nonlocal at
        (value,) = struct.unpack_from("<" + code, data, at)
        at += struct.calcsize("<" + code)
        return int(value)

    def text() -> str:
        nonlocal at
        length = number("H")
        value = data[at : at + length]
        at += length
        return value.rstrip(b"\0").decode()

    number("I"), text(), number("I")
    weights = {}
    for _ in range(number("I")):
        name = text()
        shape = [number("I") for _ in range(number("B"))]
        kind, size = _TYPES[number("B")], number("I")
        weights[name] = np.frombuffer(data, kind, size // np.dtype(kind).itemsize, at).reshape(shape)
        at += size
    return weights


def _hugging_face_names(t: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    w: dict[str, NDArray[Any]] = {}

    def norm(to: str, of: str) -> None:
        w[to + ".weight"], w[to + ".bias"] = t[of + "/gamma"], t[of + "/beta"]

    def linear(to: str, of: str) -> None:
        w[to + ".weight"], w[to + ".bias"] = t[of + "/weight"], t[of + "/bias"]

    def split(to: str, names: str, of: str) -> None:
        for part in ("weight", "bias"):
            for name, value in zip(names, np.split(t[f"{of}/{part}"], len(names)), strict=True):
                w[f"{to}.{name}_proj.{part}"] = value

    for name in ("conv1", "conv2"):
        linear(f"encoder.{name}", f"encoder/{name}")
    w["decoder.embed_tokens.weight"] = t["decoder/embeddings/weight"]
    for side in ("encoder", "decoder"):
        w[f"{side}.embed_positions.weight"] = t[f"{side}/position_encodings/encodings"]
        norm(f"{side}.layer_norm", f"{side}/layer_norm")
        i = 0
        while f"{side}/layer_{i}/ffn/linear_0/weight" in t:
            p, s = f"{side}.layers.{i}", f"{side}/layer_{i}"
            split(p + ".self_attn", "qkv", s + "/self_attention/linear_0")
            linear(p + ".self_attn.out_proj", s + "/self_attention/linear_1")
            norm(p + ".self_attn_layer_norm", s + "/self_attention/layer_norm")
            if side == "decoder":
                split(p + ".encoder_attn", "q", s + "/attention/linear_0")
                split(p + ".encoder_attn", "kv", s + "/attention/linear_1")
                linear(p + ".encoder_attn.out_proj", s + "/attention/linear_2")
                norm(p + ".encoder_attn_layer_norm", s + "/attention/layer_norm")
            linear(p + ".fc1", s + "/ffn/linear_0")
            linear(p + ".fc2", s + "/ffn/linear_1")
            norm(p + ".final_layer_norm", s + "/ffn/layer_norm")
            i += 1
    return w


def _shape(w: dict[str, NDArray[Any]]) -> WhisperShape:
    def layers(side: str) -> int:
        return 1 + max(int(name.split(".")[2]) for name in w if name.startswith(side + ".layers."))

    width, mels, _ = w["encoder.conv1.weight"].shape
    return WhisperShape(
        width,
        width // 64,
        layers("encoder"),
        layers("decoder"),
        mels,
        w["decoder.embed_tokens.weight"].shape[0],
        w["encoder.embed_positions.weight"].shape[0],
        w["decoder.embed_positions.weight"].shape[0],
    )
