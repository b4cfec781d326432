"""A Whisper checkpoint, whichever way it was published: weights under Hugging Face's names, and a shape."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from wallflower.models.catalog import ModelError
from wallflower.models.conversion.ct2 import MODEL, read_ct2
from wallflower.models.conversion.safetensors import INDEX, WHOLE, read_safetensors, shards
from wallflower.models.conversion.tensors import Weights

TOKENIZER = "tokenizer.json"

_HEAD = 64  # values in an attention head: the same in every Whisper
_PIECE = re.compile(r"model\.bin\.part(\d+)")
_LAYER = re.compile(r"(encoder|decoder)\.layers\.(\d+)\.")


@dataclass(frozen=True, slots=True)
class WhisperShape:
    """The sizes of a Whisper model. width: of its states. audio_positions: encoder frames of 20 ms."""

    width: int
    heads: int
    encoder_layers: int
    decoder_layers: int
    mels: int
    vocabulary: int
    audio_positions: int
    text_positions: int


@dataclass(frozen=True)
class Checkpoint:
    """weights: float16 or float32, by Hugging Face's names without the leading "model."; the projections of
    keys have no bias, and the output's is the token embedding. tokenizer: its tokenizer.json.
    """

    shape: WhisperShape
    weights: Mapping[str, NDArray[Any]]
    tokenizer: Path


def read_checkpoint(path: Path | Mapping[str, Path]) -> Checkpoint:
    """The checkpoint in a folder, or in files by name: Hugging Face's layout (safetensors, in shards too) or
    CTranslate2's (`model.bin`, or its pieces `model.bin.part1`, `.part2`, …), with `tokenizer.json`.

    The weights stay on disk, mapped into memory. Raises ModelError when it is not a Whisper checkpoint, is
    truncated, or is quantised.
    """
    files = path if isinstance(path, Mapping) else _files_in(path)
    stored = _read(files)
    if TOKENIZER not in files:
        raise ModelError(
            f"the checkpoint has no {TOKENIZER}; take the one that was published with its weights"
        )
    weights = Weights({name.removeprefix("model."): array for name, array in stored.items()})
    shape = _shape(weights)
    expected = expected_weights(shape)
    for name, dimensions in expected.items():
        if name not in weights:
            raise ModelError(
                f"the checkpoint lacks the weight {name}: it is no Whisper model, or not all of it"
            )
        if weights.shape(name) != dimensions:
            raise ModelError(
                f"the checkpoint's weight {name} has the shape {weights.shape(name)}, not {dimensions}: "
                "it is no Whisper model"
            )
    return Checkpoint(shape, weights.only(expected), files[TOKENIZER])


def _files_in(folder: Path) -> dict[str, Path]:
    try:
        return {path.name: path for path in folder.iterdir() if path.is_file()}
    except OSError as error:
        raise ModelError(f"cannot read the folder {folder}: {error.strerror}") from error


def _read(files: Mapping[str, Path]) -> dict[str, NDArray[Any]]:
    if WHOLE in files:
        return read_safetensors({WHOLE: files[WHOLE]})
    if INDEX in files:
        return read_safetensors(shards(files))
    if MODEL in files:
        return read_ct2([files[MODEL]])
    pieces = sorted(int(match[1]) for name in files if (match := _PIECE.fullmatch(name)))
    if pieces:
        if pieces != list(range(1, len(pieces) + 1)):
            raise ModelError(f"pieces of {MODEL} are missing: there are only {pieces}")
        return read_ct2([files[f"{MODEL}.part{number}"] for number in pieces])
    raise ModelError(
        f"there is no checkpoint: neither {WHOLE}, nor {INDEX}, nor {MODEL}; "
        "a pytorch_model.bin must be saved as safetensors first"
    )


def _shape(weights: Weights) -> WhisperShape:
    layers = {"encoder": 0, "decoder": 0}
    for name in weights:
        if match := _LAYER.match(name):
            layers[match[1]] = max(layers[match[1]], int(match[2][:6]) + 1)
    try:
        width, mels, _ = weights.shape("encoder.conv1.weight")
        vocabulary, _ = weights.shape("decoder.embed_tokens.weight")
        audio_positions, _ = weights.shape("encoder.embed_positions.weight")
        text_positions, _ = weights.shape("decoder.embed_positions.weight")
    except (KeyError, ValueError) as error:
        raise ModelError(f"the checkpoint is no Whisper model ({error})") from error
    # Each layer has tensors of its own: a number beyond theirs is a name made up to cost time.
    if not width or width % _HEAD or not all(0 < count <= len(weights) for count in layers.values()):
        raise ModelError(f"the checkpoint is no Whisper model: width {width}, layers {layers}")
    return WhisperShape(
        width=width,
        heads=width // _HEAD,
        encoder_layers=layers["encoder"],
        decoder_layers=layers["decoder"],
        mels=mels,
        vocabulary=vocabulary,
        audio_positions=audio_positions,
        text_positions=text_positions,
    )


def expected_weights(shape: WhisperShape) -> dict[str, tuple[int, ...]]:
    """The name and shape of every weight that a Whisper model of this shape has."""
    width = shape.width
    expected: dict[str, tuple[int, ...]] = {
        "encoder.conv1.weight": (width, shape.mels, 3),
        "encoder.conv1.bias": (width,),
        "encoder.conv2.weight": (width, width, 3),
        "encoder.conv2.bias": (width,),
        "encoder.embed_positions.weight": (shape.audio_positions, width),
        "decoder.embed_positions.weight": (shape.text_positions, width),
        "decoder.embed_tokens.weight": (shape.vocabulary, width),
    }

    def linear(name: str, outputs: int, inputs: int) -> None:
        expected[f"{name}.weight"] = (outputs, inputs)
        if not name.endswith("k_proj"):
            expected[f"{name}.bias"] = (outputs,)

    def norm(name: str) -> None:
        expected[f"{name}.weight"] = expected[f"{name}.bias"] = (width,)

    for side, layers in (("encoder", shape.encoder_layers), ("decoder", shape.decoder_layers)):
        norm(f"{side}.layer_norm")
        for layer in range(layers):
            block = f"{side}.layers.{layer}"
            for attention in ("self_attn", "encoder_attn")[: 1 + (side == "decoder")]:
                for projection in ("q_proj", "k_proj", "v_proj", "out_proj"):
                    linear(f"{block}.{attention}.{projection}", width, width)
                norm(f"{block}.{attention}_layer_norm")
            linear(f"{block}.fc1", 4 * width, width)
            linear(f"{block}.fc2", width, 4 * width)
            norm(f"{block}.final_layer_norm")
    return expected
