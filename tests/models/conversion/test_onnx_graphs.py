"""The ONNX graphs in ONNX Runtime against Whisper written out in NumPy, and in the library they are for."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray

from tests.models.conversion.whisper_in_numpy import SHAPES, TINY, Array, Reference
from wallflower.engines.base import Request
from wallflower.engines.onnx_asr import OnnxAsrEngine
from wallflower.engines.whisper_openvino import WhisperOpenVinoEngine
from wallflower.models.catalog import ModelError
from wallflower.models.conversion import onnx_folder
from wallflower.models.conversion.checkpoint import Checkpoint, WhisperShape, read_checkpoint
from wallflower.models.conversion.onnx_folder import write_onnx
from wallflower.models.conversion.onnx_graphs import decoder_graph, encoder_graph
from wallflower.models.conversion.openvino_folder import write_openvino
from wallflower.models.conversion.weight_format import WeightFormat

MakeCheckpoint = Callable[[WhisperShape], Checkpoint]


def _session(model: onnx.ModelProto) -> Any:
    onnx.checker.check_model(model)
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


def _encoder(checkpoint: Checkpoint, weights: WeightFormat = WeightFormat.F32) -> Any:
    return _session(encoder_graph(checkpoint, weights, lambda _values: None))


class _Decoder:
    """Calls the decoder as onnx-asr does: the first past is empty even in its batch."""

    def __init__(self, checkpoint: Checkpoint, weights: WeightFormat = WeightFormat.F32) -> None:
        self._session = _session(decoder_graph(checkpoint, weights, lambda _values: None))
        self._outputs = [port.name for port in self._session.get_outputs()]
        self.past = {
            port.name: np.zeros((0, port.shape[1], 0, port.shape[3]), np.float32)
            for port in self._session.get_inputs()
            if port.name.startswith("past_key_values.")
        }

    def say(self, hidden: NDArray[np.float32], tokens: list[list[int]], *, first: bool) -> Array:
        """Logits [batch, tokens, vocabulary]."""
        inputs = {
            "input_ids": np.array(tokens, np.int64),
            "encoder_hidden_states": hidden,
            "use_cache_branch": np.array([not first]),
        }
        values = self._session.run(None, inputs | self.past)
        found = dict(zip(self._outputs, values, strict=True))
        for name in self.past:
            present = found[name.replace("past_key_values", "present")]
            if len(present):
                self.past[name] = present
        logits: Array = found["logits"].astype(np.float64)
        return logits


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("positions", [50, 20, 1])
def test_encoder_of_any_length_agrees_with_numpy(
    make_checkpoint: MakeCheckpoint, shape: WhisperShape, positions: int
) -> None:
    checkpoint = make_checkpoint(shape)
    mel = np.random.default_rng(0).standard_normal((2, shape.mels, 2 * positions)).astype(np.float32)
    (found,) = _encoder(checkpoint).run(None, {"input_features": mel})
    for one, hidden in zip(mel, found, strict=True):
        expected = Reference(checkpoint.weights, shape).encode(one.astype(np.float64))
        np.testing.assert_allclose(hidden, expected, atol=2e-4)


@pytest.mark.parametrize("shape", SHAPES)
def test_decoder_fed_in_pieces_agrees_with_numpy(
    make_checkpoint: MakeCheckpoint, shape: WhisperShape
) -> None:
    checkpoint = make_checkpoint(shape)
    hidden = np.random.default_rng(0).standard_normal((2, 40, shape.width)).astype(np.float32)
    tokens = [[7, 3, 250, 9, 11, 4], [7, 5, 8, 2, 100, 12]]
    decoder = _Decoder(checkpoint)
    pieces = [
        decoder.say(hidden, [row[begin:end] for row in tokens], first=begin == 0)
        for begin, end in ((0, 4), (4, 5), (5, 6))
    ]
    for number, found in enumerate(np.concatenate(pieces, axis=1)):
        sound = hidden[number].astype(np.float64)
        expected, _ = Reference(checkpoint.weights, shape).decode(sound, tokens[number])
        np.testing.assert_allclose(found, expected, atol=1e-3)
    assert decoder.past["past_key_values.0.encoder.key"].shape == (2, shape.heads, 40, 64)
    assert decoder.past["past_key_values.0.decoder.key"].shape == (2, shape.heads, 6, 64)


def test_eight_bits_come_close(make_checkpoint: MakeCheckpoint) -> None:
    checkpoint, random = make_checkpoint(TINY), np.random.default_rng(0)
    reference = Reference(checkpoint.weights, TINY)
    mel = random.standard_normal((80, 60)).astype(np.float32)
    (encoded,) = _encoder(checkpoint, WeightFormat.INT8).run(None, {"input_features": mel[np.newaxis]})
    expected = reference.encode(mel.astype(np.float64))
    assert np.abs(encoded[0] - expected).max() < 0.1 * np.abs(expected).max()
    hidden = random.standard_normal((1, 40, TINY.width)).astype(np.float32)
    found = _Decoder(checkpoint, WeightFormat.INT8).say(hidden, [[7, 3, 250]], first=True)
    logits, _ = reference.decode(hidden[0].astype(np.float64), [7, 3, 250])
    assert np.abs(found[0] - logits).max() < 0.05 * np.abs(logits).max()


@pytest.fixture
def checkpoint(make_checkpoint: MakeCheckpoint) -> Checkpoint:
    """A small one whose tokenizer names some of its tokens."""
    made = make_checkpoint(TINY)
    words = {"a": 0, "b": 1}
    tokenizer = {"model": {"vocab": words}, "added_tokens": [{"id": 2, "content": "<|endoftext|>"}]}
    made.tokenizer.write_text(json.dumps(tokenizer))
    return made


def test_folder_has_the_names_that_the_library_looks_for(checkpoint: Checkpoint, tmp_path: Path) -> None:
    folder = tmp_path / "models" / "tiny"
    reported: list[tuple[int, int]] = []
    sizes = {}
    for weights, ending in ((WeightFormat.F32, ""), (WeightFormat.INT8, "_int8")):
        write_onnx(checkpoint, folder, weights, lambda done, total: reported.append((done, total)))
        assert sorted(path.name for path in folder.iterdir()) == [
            "added_tokens.json", "config.json", f"decoder_model_merged{ending}.onnx",
            f"encoder_model{ending}.onnx", "vocab.json",
        ]  # fmt: skip
        sizes[weights] = sum(path.stat().st_size for path in folder.glob("*.onnx"))
        assert reported == sorted(reported)
        assert reported[-1][0] == reported[-1][1]
        reported.clear()
    assert sizes[WeightFormat.INT8] < 0.5 * sizes[WeightFormat.F32]
    assert json.loads((folder / "vocab.json").read_text()) == {"a": 0, "b": 1}
    added = json.loads((folder / "added_tokens.json").read_text())
    assert sorted(added.values()) == list(range(2, TINY.vocabulary))
    assert added["<|endoftext|>"] == 2
    assert json.loads((folder / "config.json").read_text())["model_type"] == "whisper"


def test_what_cannot_be_written_leaves_what_was_there(
    checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "models" / "tiny"
    folder.mkdir(parents=True)
    (folder / "vocab.json").write_text("earlier")

    def refused(part: Checkpoint, reason: str) -> None:
        with pytest.raises(ModelError, match=reason):
            write_onnx(part, folder, WeightFormat.INT8, lambda _done, _total: None)
        assert [path.name for path in folder.parent.iterdir()] == ["tiny"]
        assert (folder / "vocab.json").read_text() == "earlier"

    lacking = dict(checkpoint.weights)
    del lacking["decoder.layers.1.fc2.weight"]
    refused(Checkpoint(TINY, lacking, checkpoint.tokenizer), r"decoder\.layers\.1\.fc2\.weight")
    monkeypatch.setattr(onnx_folder, "_LARGEST", 1000)
    refused(checkpoint, r"encoder_model_int8\.onnx would be over 2 GB")
    checkpoint.tokenizer.write_text('{"model": {"vocab": 3}}')
    refused(checkpoint, "no vocabulary")


def test_folder_that_cannot_be_made_is_a_model_error(checkpoint: Checkpoint, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="cannot write"):
        write_onnx(checkpoint, tmp_path / "file" / "tiny", WeightFormat.INT8, lambda _done, _total: None)


def test_missing_package_is_named_with_the_next_step(
    checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(ModelError, match=r"pip install 'wallflower\[convert\]'"):
        write_onnx(checkpoint, tmp_path / "tiny", WeightFormat.INT8, lambda _done, _total: None)


def test_whisper_base_says_in_onnx_asr_what_it_says_on_openvino(
    whisper_base: dict[str, Path], speech: NDArray[np.int16], tmp_path: Path
) -> None:
    checkpoint, samples = read_checkpoint(whisper_base), speech.astype(np.float32) / np.float32(32768)
    write_openvino(checkpoint, tmp_path / "openvino", WeightFormat.FP16)
    expected = WhisperOpenVinoEngine(tmp_path / "openvino", threads=2).transcribe(samples, Request("en")).text
    assert expected.startswith("It was the best of times")
    write_onnx(checkpoint, tmp_path / "onnx", WeightFormat.INT8, lambda _done, _total: None)
    files = {path.name: path for path in (tmp_path / "onnx").iterdir()}
    engine = OnnxAsrEngine(files, kind="whisper", languages=["en", "de"], threads=2, quantization="int8")
    for language in ("en", None):  # None: the library asks the model
        assert engine.transcribe(samples, Request(language)).text == expected
    engine.unload()
