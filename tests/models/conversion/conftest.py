"""Small Whispers of random weights, and a folder to put one in."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.models.conversion.small_checkpoints import SMALL, random_weights
from wallflower.models.conversion.checkpoint import Checkpoint, WhisperShape

MakeCheckpoint = Callable[..., Checkpoint]


@pytest.fixture(scope="session")
def small() -> dict[str, NDArray[np.float32]]:
    """The weights of SMALL; not to be changed."""
    return random_weights(SMALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with nothing but a tokenizer."""
    path = tmp_path / "checkpoint"
    path.mkdir()
    (path / "tokenizer.json").write_text("{}")
    return path


def balanced_weights(shape: WhisperShape) -> dict[str, NDArray[np.float16]]:
    """Weights of a size that keeps activations near 1, so that rounding shows as it would in real ones."""
    numbers = np.random.default_rng(1)
    weights: dict[str, NDArray[np.float16]] = {}

    def add(name: str, *sizes: int) -> None:
        inputs = int(np.prod(sizes[1:])) if len(sizes) > 1 else 100
        weights[name] = (numbers.standard_normal(sizes) / np.sqrt(inputs)).astype(np.float16)

    def linear(name: str, outputs: int, inputs: int) -> None:
        add(f"{name}.weight", outputs, inputs)
        add(f"{name}.bias", outputs)

    def norm(name: str) -> None:
        add(f"{name}.bias", shape.width)
        weights[f"{name}.weight"] = np.ones(shape.width, np.float16)

    width = shape.width
    add("encoder.conv1.weight", width, shape.mels, 3)
    add("encoder.conv1.bias", width)
    add("encoder.conv2.weight", width, width, 3)
    add("encoder.conv2.bias", width)
    add("encoder.embed_positions.weight", shape.audio_positions, width)
    add("decoder.embed_positions.weight", shape.text_positions, width)
    add("decoder.embed_tokens.weight", shape.vocabulary, width)
    for side, layers in (("encoder", shape.encoder_layers), ("decoder", shape.decoder_layers)):
        norm(f"{side}.layer_norm")
        for layer in range(layers):
            name = f"{side}.layers.{layer}"
            for attention in ("self_attn", "encoder_attn")[: 1 + (side == "decoder")]:
                for part in ("q", "k", "v"):
                    linear(f"{name}.{attention}.{part}_proj", width, width)
                del weights[f"{name}.{attention}.k_proj.bias"]
                linear(f"{name}.{attention}.out_proj", width, width)
                norm(f"{name}.{attention}_layer_norm")
            linear(f"{name}.fc1", 4 * width, width)
            linear(f"{name}.fc2", width, 4 * width)
            norm(f"{name}.final_layer_norm")
    return weights


@pytest.fixture
def make_checkpoint(tmp_path: Path) -> MakeCheckpoint:
    """A checkpoint of the shape given."""

    def make(shape: WhisperShape) -> Checkpoint:
        tokenizer = tmp_path / "tokenizer.json"
        tokenizer.write_text("{}")
        return Checkpoint(shape, balanced_weights(shape), tokenizer)

    return make
