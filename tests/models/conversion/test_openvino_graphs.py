"""The graphs against Whisper written out in NumPy, on small random weights of the shapes that exist."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import pytest
from numpy.typing import NDArray

from tests.models.conversion.whisper_in_numpy import SHAPES, TINY, Array, Reference
from wallflower.models.catalog import ModelError
from wallflower.models.conversion.alignment_heads import alignment_heads
from wallflower.models.conversion.checkpoint import Checkpoint, WhisperShape
from wallflower.models.conversion.openvino_folder import write_openvino
from wallflower.models.conversion.openvino_graphs import decoder_graph, encoder_graph
from wallflower.models.conversion.weight_format import WeightFormat

MakeCheckpoint = Callable[[WhisperShape], Checkpoint]


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
