"""Small checkpoints of random weights, in both layouts: Whisper's structure in any shape."""

import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wallflower.models.conversion.checkpoint import WhisperShape, expected_weights

Tensors = Mapping[str, NDArray[Any]]

SMALL = WhisperShape(
    width=64,
    heads=1,
    encoder_layers=2,
    decoder_layers=1,
    mels=80,
    vocabulary=100,
    audio_positions=20,
    text_positions=12,
)


def pack_safetensors(tensors: Tensors, *, dtype: str = "F32") -> bytes:
    """A safetensors file with the tensors as `dtype`."""
    table: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    body = b""
    for name, values in tensors.items():
        single = values.astype("<f4")
        data = {
            "F32": single.tobytes(),
            "F16": single.astype("<f2").tobytes(),
            "BF16": (single.view("<u4") >> 16).astype("<u2").tobytes(),
            "I8": single.astype("i1").tobytes(),
        }[dtype]
        table[name] = {
            "dtype": dtype,
            "shape": list(values.shape),
            "data_offsets": [len(body), len(body) + len(data)],
        }
        body += data
    head = json.dumps(table).encode()
    return struct.pack("<Q", len(head)) + head + body


def pack_ct2(variables: Tensors, *, version: int = 6, kind: str = "WhisperSpec") -> bytes:
    """A CTranslate2 model.bin with the variables, and an alias."""

    def text(value: str) -> bytes:
        return struct.pack("<H", len(value) + 1) + value.encode() + b"\0"

    numbers = {"<f4": 0, "|i1": 1, "<i2": 2, "<i4": 3, "<f2": 4, "<u2": 5}
    out = struct.pack("<I", version) + text(kind) + struct.pack("<II", 3, len(variables))
    for name, values in variables.items():
        data = values.tobytes()
        out += text(name) + struct.pack("<B", values.ndim) + struct.pack(f"<{values.ndim}I", *values.shape)
        out += struct.pack("<BI", numbers[values.dtype.str], len(data)) + data
    return out + struct.pack("<I", 1) + text("decoder/projection/weight") + text("decoder/embeddings/weight")


def ct2_variables(weights: Tensors) -> dict[str, NDArray[Any]]:
    """The same weights under CTranslate2's names, queries, keys and values merged."""
    out: dict[str, NDArray[Any]] = {"decoder/embeddings/weight": weights["decoder.embed_tokens.weight"]}
    out["encoder/num_heads"] = np.array(1, "<i2")
    for side in ("encoder", "decoder"):
        out[f"{side}/position_encodings/encodings"] = weights[f"{side}.embed_positions.weight"]
    parts = {
        "self_attn.out_proj": "self_attention/linear_1",
        "encoder_attn.out_proj": "attention/linear_2",
        "fc1": "ffn/linear_0",
        "fc2": "ffn/linear_1",
        "self_attn_layer_norm": "self_attention/layer_norm",
        "encoder_attn_layer_norm": "attention/layer_norm",
        "final_layer_norm": "ffn/layer_norm",
    }
    merged = {("self_attn", "qkv"): 0, ("encoder_attn", "q"): 0, ("encoder_attn", "kv"): 1}
    for name, values in weights.items():
        owner, _, ending = name.rpartition(".")
        place = {"weight": "weight", "bias": "bias"}[ending]
        if owner.endswith("layer_norm"):
            place = {"weight": "gamma", "bias": "beta"}[ending]
        side, _, rest = owner.partition(".")
        if rest.startswith(("conv", "layer_norm")):
            out[f"{side}/{rest}/{place}"] = values
        elif rest.startswith("layers."):
            _, layer, part = rest.split(".", 2)
            if part in parts:
                out[f"{side}/layer_{layer}/{parts[part]}/{place}"] = values
            elif part.endswith("q_proj") and ending == "weight":
                block = f"{side}.layers.{layer}"
                for (attention, letters), number in merged.items():
                    if f"{block}.{attention}.q_proj.weight" not in weights:
                        continue
                    to = f"{side}/layer_{layer}/{attention.replace('encoder_attn', 'attention')}"
                    to = f"{to.replace('self_attn', 'self_attention')}/linear_{number}"
                    names = [f"{block}.{attention}.{letter}_proj" for letter in letters]
                    out[f"{to}/weight"] = np.concatenate([weights[f"{n}.weight"] for n in names])
                    zero = np.zeros_like(weights[f"{names[0]}.weight"][:, 0])
                    out[f"{to}/bias"] = np.concatenate([weights.get(f"{n}.bias", zero) for n in names])
    return out


def random_weights(shape: WhisperShape) -> dict[str, NDArray[np.float32]]:
    """Weights for a shape, which float16 holds exactly."""
    random = np.random.default_rng(7)
    return {
        name: random.normal(0, 0.05, dimensions).astype(np.float16).astype(np.float32)
        for name, dimensions in expected_weights(shape).items()
    }
