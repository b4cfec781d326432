"""The graphs against Whisper written out in NumPy, on small random weights of the shapes that exist."""

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import pytest
from numpy.typing import NDArray

from wallflower.models.catalog import ModelError
from wallflower.models.conversion.alignment_heads import alignment_heads
from wallflower.models.conversion.checkpoint import Checkpoint, WhisperShape
from wallflower.models.conversion.openvino_folder import write_openvino
from wallflower.models.conversion.openvino_graphs import decoder_graph, encoder_graph
from wallflower.models.conversion.openvino_layers import WeightFormat

MakeCheckpoint = Callable[[WhisperShape], Checkpoint]
Array = NDArray[np.float64]

TINY = WhisperShape(128, 2, 2, 2, 80, 300, 50, 32)
ENGLISH = WhisperShape(192, 3, 1, 1, 80, 299, 50, 32)
THIRD = WhisperShape(128, 2, 2, 2, 128, 301, 50, 32)
DISTILLED = WhisperShape(128, 2, 4, 1, 128, 301, 50, 32)
SHAPES = [TINY, ENGLISH, THIRD, DISTILLED]

_erf = np.vectorize(math.erf)


class Reference:
    """Whisper in float64, one operation after the other, without a cache."""

    def __init__(self, weights: Mapping[str, NDArray[Any]], shape: WhisperShape) -> None:
        self.w = {name: value.astype(np.float64) for name, value in weights.items()}
        self.shape = shape

    def linear(self, x: Array, name: str) -> Array:
        y: Array = x @ self.w[name + ".weight"].T + self.w.get(name + ".bias", np.zeros(1))
        return y

    def norm(self, x: Array, name: str) -> Array:
        y = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
        result: Array = y * self.w[name + ".weight"] + self.w[name + ".bias"]
        return result

    def attention(self, x: Array, source: Array, name: str, *, causal: bool) -> tuple[Array, Array]:
        def heads(y: Array) -> Array:
            return y.reshape(len(y), self.shape.heads, 64).transpose(1, 0, 2)

        q = heads(self.linear(x, name + ".q_proj"))
        k, v = heads(self.linear(source, name + ".k_proj")), heads(self.linear(source, name + ".v_proj"))
        scores = q @ k.transpose(0, 2, 1) / 8
        if causal:
            scores += np.triu(np.full(scores.shape[1:], -1e9), 1)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        mixed = (weights @ v).transpose(1, 0, 2).reshape(len(x), -1)
        return self.linear(mixed, name + ".out_proj"), weights

    def feed_forward(self, x: Array, name: str) -> Array:
        return x + self.linear(
            gelu(self.linear(self.norm(x, name + ".final_layer_norm"), name + ".fc1")), name + ".fc2"
        )

    def encode(self, mel: Array) -> Array:
        h = mel
        for name, stride in (("encoder.conv1", 1), ("encoder.conv2", 2)):
            padded = np.pad(h, ((0, 0), (1, 1)))
            windows = np.lib.stride_tricks.sliding_window_view(padded, 3, 1)[:, ::stride]
            h = gelu(
                np.einsum("oik,itk->ot", self.w[name + ".weight"], windows) + self.w[name + ".bias"][:, None]
            )
        h = h.T + self.w["encoder.embed_positions.weight"][: h.shape[1]]
        for layer in range(self.shape.encoder_layers):
            name = f"encoder.layers.{layer}"
            x = self.norm(h, name + ".self_attn_layer_norm")
            h = self.feed_forward(h + self.attention(x, x, name + ".self_attn", causal=False)[0], name)
        return self.norm(h, "encoder.layer_norm")

    def decode(self, hidden: Array, tokens: list[int]) -> tuple[Array, Array]:
        """Logits [tokens, vocabulary], and the cross-attention [layers, heads, tokens, positions]."""
        embedding = self.w["decoder.embed_tokens.weight"]
        h = embedding[tokens] + self.w["decoder.embed_positions.weight"][: len(tokens)]
        seen = []
        for layer in range(self.shape.decoder_layers):
            name = f"decoder.layers.{layer}"
            x = self.norm(h, name + ".self_attn_layer_norm")
            h = h + self.attention(x, x, name + ".self_attn", causal=True)[0]
            x = self.norm(h, name + ".encoder_attn_layer_norm")
            mixed, weights = self.attention(x, hidden, name + ".encoder_attn", causal=False)
            seen.append(weights)
            h = self.feed_forward(h + mixed, name)
        return self.norm(h, "decoder.layer_norm") @ embedding.T, np.stack(seen)


def gelu(x: Array) -> Array:
    result: Array = x * 0.5 * (1 + _erf(x / math.sqrt(2)))
    return result


def compiled(model: Any) -> Any:
    properties = {"INFERENCE_PRECISION_HINT": "f32", "KV_CACHE_PRECISION": "f32"}
    return openvino.Core().compile_model(model, "CPU", properties).create_infer_request()


def say(request: Any, hidden: NDArray[np.float32], tokens: list[int], rows: list[int]) -> tuple[Array, Array]:
    request.infer(
        {
            "input_ids": np.array([tokens], np.int64),
            "beam_idx": np.zeros(1, np.int32),
            "encoder_hidden_states": hidden[np.newaxis],
            "rows": np.array(rows, np.int64),
        }
    )
    return (
        request.get_tensor("logits").data[0].astype(np.float64),
        request.get_tensor("alignment").data[0].astype(np.float64),
    )


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("positions", [50, 20, 1])
def test_encoder_of_any_length_agrees_with_numpy(
    make_checkpoint: MakeCheckpoint, shape: WhisperShape, positions: int
) -> None:
    checkpoint = make_checkpoint(shape)
    mel = np.random.default_rng(0).standard_normal((shape.mels, 2 * positions)).astype(np.float32)
    (found,) = compiled(encoder_graph(checkpoint, WeightFormat.F32)).infer([mel[np.newaxis]]).values()
    expected = Reference(checkpoint.weights, shape).encode(mel.astype(np.float64))
    np.testing.assert_allclose(found[0], expected, atol=2e-4)


def test_encoder_of_a_fixed_length_is_static_and_agrees(make_checkpoint: MakeCheckpoint) -> None:
    checkpoint = make_checkpoint(TINY)
    mel = np.random.default_rng(0).standard_normal((1, 80, 60)).astype(np.float32)
    fixed = encoder_graph(checkpoint, WeightFormat.F32, positions=30)
    assert not fixed.is_dynamic()
    reshaped = encoder_graph(checkpoint, WeightFormat.F32)
    reshaped.reshape([1, 80, 60])
    assert not reshaped.is_dynamic()
    (expected,) = compiled(encoder_graph(checkpoint, WeightFormat.F32)).infer([mel]).values()
    for model in (fixed, reshaped):
        (found,) = compiled(model).infer([mel]).values()
        np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("shape", SHAPES)
def test_decoder_fed_in_pieces_agrees_with_numpy(
    make_checkpoint: MakeCheckpoint, shape: WhisperShape
) -> None:
    checkpoint = make_checkpoint(shape)
    hidden = np.random.default_rng(0).standard_normal((40, shape.width)).astype(np.float32)
    heads = tuple(sorted({(0, 1), (shape.decoder_layers - 1, 0)}))
    tokens = [7, 3, 250, 9, 11, 4]
    logits, attention = Reference(checkpoint.weights, shape).decode(hidden.astype(np.float64), tokens)
    request = compiled(decoder_graph(checkpoint, WeightFormat.F32, heads))
    for _ in range(2):  # and again after a reset
        request.reset_state()
        first, first_alignment = say(request, hidden, tokens[:4], [1, -1])
        second, _ = say(request, hidden, tokens[4:5], [-1])
        third, third_alignment = say(request, hidden, tokens[5:], [-1])
        np.testing.assert_allclose(np.concatenate([first, second, third]), logits[[1, 3, 4, 5]], atol=1e-3)

        for place, (layer, head) in enumerate(heads):
            np.testing.assert_allclose(first_alignment[place], attention[layer, head][[1, 3]], atol=1e-4)
            np.testing.assert_allclose(third_alignment[place], attention[layer, head][[5]], atol=1e-4)


@pytest.mark.parametrize(("weights", "error"), [(WeightFormat.FP16, 2e-3), (WeightFormat.INT8, 4e-2)])
def test_smaller_weights_come_close(
    make_checkpoint: MakeCheckpoint, weights: WeightFormat, error: float
) -> None:
    checkpoint = make_checkpoint(TINY)
    hidden = np.random.default_rng(0).standard_normal((40, 128)).astype(np.float32)
    logits, _ = Reference(checkpoint.weights, TINY).decode(hidden.astype(np.float64), [7, 3, 250])
    found, _ = say(compiled(decoder_graph(checkpoint, weights, ((0, 0),))), hidden, [7, 3, 250], [0, 1, 2])
    assert np.abs(found - logits).max() < error * np.abs(logits).max()
    mel = np.random.default_rng(0).standard_normal((80, 60)).astype(np.float32)
    (encoded,) = compiled(encoder_graph(checkpoint, weights)).infer([mel[np.newaxis]]).values()
    expected = Reference(checkpoint.weights, TINY).encode(mel.astype(np.float64))
    assert np.abs(encoded[0] - expected).max() < 2 * error * np.abs(expected).max()


def test_folder_holds_all_that_the_engine_needs(make_checkpoint: MakeCheckpoint, tmp_path: Path) -> None:
    folder = tmp_path / "models" / "tiny"
    sizes = {}
    for weights in (WeightFormat.F32, WeightFormat.FP16, WeightFormat.INT8):
        write_openvino(make_checkpoint(TINY), folder, weights)  # each in place of the one before
        sizes[weights] = (folder / "decoder.bin").stat().st_size
        assert sorted(path.name for path in folder.iterdir()) == [
            "decoder.bin", "decoder.xml", "encoder.bin", "encoder.xml", "tokenizer.json", "wallflower.json",
        ]  # fmt: skip
    assert sizes[WeightFormat.INT8] < 0.6 * sizes[WeightFormat.FP16] < 0.4 * sizes[WeightFormat.F32]
    assert [path.name for path in folder.parent.iterdir()] == ["tiny"]
    description = json.loads((folder / "wallflower.json").read_text())
    assert description["weights"] == "int8"
    assert description["shape"]["mels"] == 80
    assert description["alignment_heads"] == [[1, 0], [1, 1]]


def test_checkpoint_that_lacks_a_weight_leaves_what_was_there(
    make_checkpoint: MakeCheckpoint, tmp_path: Path
) -> None:
    folder = tmp_path / "models" / "tiny"
    folder.mkdir(parents=True)
    (folder / "encoder.xml").write_text("earlier")
    checkpoint = make_checkpoint(TINY)
    lacking = dict(checkpoint.weights)
    del lacking["decoder.layers.1.fc2.weight"]
    with pytest.raises(ModelError, match=r"decoder\.layers\.1\.fc2\.weight"):
        write_openvino(Checkpoint(TINY, lacking, checkpoint.tokenizer), folder, WeightFormat.INT8)
    assert [path.name for path in folder.parent.iterdir()] == ["tiny"]
    assert (folder / "encoder.xml").read_text() == "earlier"


def test_folder_that_cannot_be_made_is_a_model_error(make_checkpoint: MakeCheckpoint, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="cannot write"):
        write_openvino(make_checkpoint(TINY), tmp_path / "file" / "tiny", WeightFormat.INT8)


def test_missing_library_is_named_with_the_next_step(
    make_checkpoint: MakeCheckpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "openvino", None)
    with pytest.raises(ModelError, match=r"wallflower\[openvino\]"):
        write_openvino(make_checkpoint(TINY), tmp_path / "tiny", WeightFormat.INT8)


def test_alignment_heads_of_models_known_and_not() -> None:
    base = WhisperShape(512, 8, 6, 6, 80, 51865, 1500, 448)
    assert alignment_heads(base) == ((3, 1), (4, 2), (4, 3), (4, 7), (5, 1), (5, 2), (5, 4), (5, 6))
    distilled = WhisperShape(1280, 20, 32, 2, 128, 51866, 1500, 448)
    assert alignment_heads(distilled) == tuple((1, head) for head in range(20))
