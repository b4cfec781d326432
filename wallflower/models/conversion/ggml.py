"""Writing a checkpoint in whisper.cpp's format (ggml).

The layout, little-endian: a magic number, eleven sizes, the mel filters, the tokens' bytes, and the tensors,
each with rank, length of name, type, dimensions (the last first), name, bytes. Source of it: whisper.cpp,
`models/convert-pt-to-ggml.py`; what stays float32 or float16 when the rest is quantised: its `quantize`.
"""

import math
import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from wallflower.models.catalog import ModelError
from wallflower.models.conversion.blocks import BLOCK, q5_0, q5_1, q8_0
from wallflower.models.conversion.checkpoint import Checkpoint, WhisperShape, expected_weights
from wallflower.models.conversion.mel import mel_filters
from wallflower.models.conversion.vocabulary import token_bytes

MAGIC = 0x67676D6C

Report = Callable[[int, int], None]
"""Told how many bytes of weights are written, and of how many."""

_QUANTISED = 2000  # added to the file's type: the version of the quantisations, times 1000
_VALUES_AT_ONCE = 1 << 20  # quantising needs several copies: of this much, not of a whole embedding
_VOCABULARIES = {51864: 50256, 51865: 50257, 51866: 50257}
"""Tokens of text, by the size of the vocabulary: English only, multilingual, and large-v3's."""


def _float16(values: NDArray[np.float32]) -> bytes:
    return values.astype("<f2").tobytes()


def _float32(values: NDArray[np.float32]) -> bytes:
    return values.astype("<f4").tobytes()


@dataclass(frozen=True, slots=True)
class _Type:
    """How a tensor is kept. number: in ggml.h. file: of a file whose matrices are of it. block: bytes of 32
    values.
    """

    number: int
    file: int
    block: int
    pack: Callable[[NDArray[np.float32]], bytes]

    def size(self, shape: tuple[int, ...]) -> int:
        return math.prod(shape) * self.block // BLOCK


_SINGLE = _Type(0, 0, 128, _float32)
_HALF = _Type(1, 1, 64, _float16)
_KINDS = {
    "f16": _HALF,
    "q8_0": _Type(8, _QUANTISED + 7, 34, q8_0),
    "q5_0": _Type(6, _QUANTISED + 8, 22, q5_0),
    "q5_1": _Type(7, _QUANTISED + 9, 24, q5_1),
}
GGML_KINDS = tuple(_KINDS)
"""What `write_ggml` can write."""


def write_ggml(checkpoint: Checkpoint, target: Path, kind: str, report: Report | None = None) -> None:
    """Write `checkpoint` to `target` as one of GGML_KINDS: the same bytes for the same weights, always.

    The file gets its name when it is complete. Raises ModelError when the model is not one whisper.cpp
    knows, OSError when the disk fails.
    """
    vocabulary = checkpoint.shape.vocabulary
    if vocabulary not in _VOCABULARIES:
        known = ", ".join(map(str, _VOCABULARIES))
        raise ModelError(f"whisper.cpp takes vocabularies of {known} tokens; this model has {vocabulary}")
    tokens = token_bytes(checkpoint.tokenizer, _VOCABULARIES[vocabulary])
    unfinished = target.with_name(f"{target.name}.{os.getpid()}.unfinished")
    try:
        with unfinished.open("wb") as file:
            _write_head(file, checkpoint.shape, _KINDS[kind].file, tokens)
            _write_tensors(file, checkpoint, _KINDS[kind], report or (lambda _done, _total: None))
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


def _write_head(file: BinaryIO, shape: WhisperShape, file_type: int, tokens: list[bytes]) -> None:
    sizes = (
        shape.vocabulary,
        *(shape.audio_positions, shape.width, shape.heads, shape.encoder_layers),
        *(shape.text_positions, shape.width, shape.heads, shape.decoder_layers),
        shape.mels,
        file_type,
    )
    file.write(struct.pack(f"<I{len(sizes)}i", MAGIC, *sizes))
    filters = mel_filters(shape.mels)
    file.write(struct.pack("<2i", *filters.shape) + _float32(filters))
    file.write(struct.pack("<i", len(tokens)))
    file.writelines(struct.pack("<i", len(token)) + token for token in tokens)


def _write_tensors(file: BinaryIO, checkpoint: Checkpoint, matrices: _Type, report: Report) -> None:
    shapes = expected_weights(checkpoint.shape)
    plan = [(to, of, _type(to, shapes[of], matrices)) for to, of in _names(checkpoint.shape)]
    total = sum(type_.size(shapes[of]) for _, of, type_ in plan)
    done = 0
    for name, source, type_ in plan:
        _write_tensor(file, name, checkpoint.weights[source], type_)
        done += type_.size(shapes[source])
        report(done, total)


def _type(name: str, shape: tuple[int, ...], matrices: _Type) -> _Type:
    if len(shape) == 1 or name.endswith("positional_embedding"):
        return _SINGLE
    return matrices if len(shape) == 2 else _HALF


def _write_tensor(file: BinaryIO, name: str, values: NDArray[Any], type_: _Type) -> None:
    if name in {"encoder.conv1.bias", "encoder.conv2.bias"}:
        values = values[:, np.newaxis]
    encoded = name.encode()
    file.write(struct.pack("<3i", values.ndim, len(encoded), type_.number))
    file.write(struct.pack(f"<{values.ndim}i", *reversed(values.shape)) + encoded)
    flat = values.reshape(-1)
    pieces = (flat[start : start + _VALUES_AT_ONCE] for start in range(0, flat.size, _VALUES_AT_ONCE))
    file.writelines(type_.pack(piece.astype(np.float32)) for piece in pieces)


def _names(shape: WhisperShape) -> Iterator[tuple[str, str]]:
    """OpenAI's and Hugging Face's names of all tensors, in the order of the file."""

    def both(to: str, of: str) -> Iterator[tuple[str, str]]:
        yield f"{to}.weight", f"{of}.weight"
        if not of.endswith("k_proj"):
            yield f"{to}.bias", f"{of}.bias"

    for side, norm in (("encoder", "ln_post"), ("decoder", "ln")):
        yield f"{side}.positional_embedding", f"{side}.embed_positions.weight"
        yield from both(f"{side}.{norm}", f"{side}.layer_norm")
    for conv in ("conv1", "conv2"):
        yield from both(f"encoder.{conv}", f"encoder.{conv}")
    yield "decoder.token_embedding.weight", "decoder.embed_tokens.weight"
    for side, layers in (("encoder", shape.encoder_layers), ("decoder", shape.decoder_layers)):
        for layer in range(layers):
            to, of = f"{side}.blocks.{layer}", f"{side}.layers.{layer}"
            for attention, source in (("attn", "self_attn"), ("cross_attn", "encoder_attn")):
                if attention == "cross_attn" and side == "encoder":
                    continue
                for part, letter in (("query", "q"), ("key", "k"), ("value", "v"), ("out", "out")):
                    yield from both(f"{to}.{attention}.{part}", f"{of}.{source}.{letter}_proj")
                yield from both(f"{to}.{attention}_ln", f"{of}.{source}_layer_norm")
            yield from both(f"{to}.mlp.0", f"{of}.fc1")
            yield from both(f"{to}.mlp.2", f"{of}.fc2")
            yield from both(f"{to}.mlp_ln", f"{of}.final_layer_norm")
