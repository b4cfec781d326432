"""The real library on a model small enough to be written here: it spells two words whatever it hears."""

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from wallflower.engines.base import BatchEngine, EngineAbortedError, EngineError, Request
from wallflower.engines.loading import load_engine
from wallflower.engines.onnx_asr import OnnxAsrEngine
from wallflower.languages import UNDETERMINED
from wallflower.models.catalog import Model, catalog

_VOCABULARY = ["▁turn", "▁o", "n", "<blk>"]
_BLANK = 3
# One row a frame of 80 ms: turn, blank, o, n, blank, blank …
_SPELLED = [0, _BLANK, 1, 2]
_SURE = math.log(0.9)
_FRAMES = 100


def _model(path: Path) -> Path:
    """A CTC model whose scores are constant: as many frames as the sound has, eight times thinned."""
    scores = np.full((1, _FRAMES, len(_VOCABULARY)), math.log(0.1 / 3), np.float32)
    for frame in range(_FRAMES):
        scores[0, frame, _SPELLED[frame] if frame < len(_SPELLED) else _BLANK] = _SURE
    batch = helper.make_tensor_value_info("audio_signal", TensorProto.FLOAT, ["batch", 80, "frames"])
    length = helper.make_tensor_value_info("length", TensorProto.INT64, ["batch"])
    output = helper.make_tensor_value_info("logprobs", TensorProto.FLOAT, None)
    constants = [
        onnx.numpy_helper.from_array(scores, "scores"),
        onnx.numpy_helper.from_array(np.array([1, 1], np.int64), "ones"),
    ]
    nodes = [
        helper.make_node("Shape", ["length"], ["count"]),
        helper.make_node("Concat", ["count", "ones"], ["shape"], axis=0),
        helper.make_node("Expand", ["scores", "shape"], ["logprobs"]),
    ]
    graph = helper.make_graph(nodes, "spells", [batch, length], [output], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(path))
    return path


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    vocabulary = tmp_path / "stored-vocabulary"
    lines = [f"{token} {number}" for number, token in enumerate(_VOCABULARY)]
    vocabulary.write_text("\n".join(lines), "utf-8")
    config = tmp_path / "stored-config"
    config.write_text('{"model_type": "nemo-conformer-ctc", "features_size": 80}')
    return {
        "model.int8.onnx": _model(tmp_path / "stored-model"),
        "vocab.txt": vocabulary,
        "config.json": config,
    }


def _engine(files: dict[str, Path], **changes: Any) -> OnnxAsrEngine:
    settings: dict[str, Any] = {"kind": "nemo-conformer-ctc", "languages": ["en"], "quantization": "int8"}
    return OnnxAsrEngine(files, threads=1, **(settings | changes))


_SECOND = np.zeros(16_000, np.float32)


def test_text_certainty_and_language(files: dict[str, Path]) -> None:
    engine = _engine(files)
    result = engine.transcribe(_SECOND, Request())
    assert (result.text, result.language, result.words) == ("turn on", "en", ())
    assert result.average_log_probability == pytest.approx(_SURE, abs=0.01)
    assert result.no_speech is None
    engine.unload()


def test_times_and_confidence_of_words(files: dict[str, Path]) -> None:
    engine = _engine(files)
    turn, on = engine.transcribe(_SECOND, Request(word_times=True)).words
    assert (turn.text, on.text) == ("turn", "on")
    assert (turn.start, turn.end, on.start, on.end) == pytest.approx((0.0, 0.08, 0.16, 0.32))
    assert (turn.confidence, on.confidence) == pytest.approx((0.9, 0.9), abs=0.01)
    engine.unload()


def test_language_of_a_model_of_many_is_the_one_asked_for(files: dict[str, Path]) -> None:
    engine = _engine(files, languages=["en", "de"])
    assert engine.transcribe(_SECOND, Request("de")).language == "de"
    assert engine.transcribe(_SECOND, Request()).language == UNDETERMINED
    engine.unload()


def test_a_batch_gives_an_answer_for_each(files: dict[str, Path]) -> None:
    engine: BatchEngine = _engine(files)
    one, two = engine.transcribe_batch([_SECOND, _SECOND[:4000]], Request(word_times=True))
    assert [one.text, two.text] == ["turn on", "turn on"]
    assert (one.words[-1].end, two.words[-1].end) == pytest.approx((0.32, 0.25))  # no word outlasts its sound
    assert engine.transcribe_batch([], Request()) == []
    engine.unload()


def test_a_language_that_it_does_not_speak(files: dict[str, Path]) -> None:
    engine = _engine(files, languages=["en", "de"])
    with pytest.raises(EngineError, match="speaks en, de, not ja"):
        engine.transcribe(_SECOND, Request("ja"))
    engine.unload()


def _entry(kind: str, languages: tuple[str, ...]) -> Model:
    return Model(
        "own", "Own", "onnx", languages, "1", "MIT", "Nobody", "https://example.org", (), kind=kind,
        quantization="int8",
    )  # fmt: skip


def test_loaded_as_the_catalogue_says(files: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    entry = _entry("nemo-conformer-ctc", ("en",))
    engine = load_engine(entry, files, threads=1)
    assert engine.transcribe(_SECOND, Request("en")).text == "turn on"
    engine.unload()
    monkeypatch.setitem(sys.modules, "onnx_asr", None)
    with pytest.raises(EngineError, match=r"wallflower\[onnx-asr\]"):
        load_engine(entry, files, threads=1)


_TOKENS = ["hi", "!", "<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|jw|>"]
_TOKENS += ["<|transcribe|>", "<|notimestamps|>"]


def _save_whisper(folder: Path) -> dict[str, Path]:
    """A Whisper as onnx-community exports it, that says "hi!" in Javanese whatever it hears."""
    said = ["<|jw|>", "!", "!", "hi", "!", "<|endoftext|>"]
    table = np.zeros((1, len(said), len(_TOKENS)), np.float32)
    for place, token in enumerate(said):
        table[0, place, _TOKENS.index(token)] = 1
    tensor = helper.make_tensor_value_info
    encoder = helper.make_graph(
        [helper.make_node("ReduceMean", ["input_features"], ["last_hidden_state"], axes=[2], keepdims=1)],
        "encoder",
        [tensor("input_features", TensorProto.FLOAT, ["batch", 80, 3000])],
        [tensor("last_hidden_state", TensorProto.FLOAT, ["batch", 80, 1])],
    )
    decoder = helper.make_graph(
        [
            helper.make_node("Shape", ["input_ids"], ["count"], start=0, end=1),
            helper.make_node("Shape", ["input_ids"], ["length"], start=1),
            helper.make_node("Slice", ["table", "zero", "length", "one"], ["said"]),
            helper.make_node("Concat", ["count", "one", "one"], ["shape"], axis=0),
            helper.make_node("Expand", ["said", "shape"], ["logits"]),
            helper.make_node("Identity", ["encoder_hidden_states"], ["heard"]),
        ],
        "decoder",
        [
            tensor("input_ids", TensorProto.INT64, ["batch", "length"]),
            tensor("encoder_hidden_states", TensorProto.FLOAT, ["batch", 80, 1]),
        ],
        [tensor("logits", TensorProto.FLOAT, None), tensor("heard", TensorProto.FLOAT, None)],
        [
            onnx.numpy_helper.from_array(table, "table"),
            onnx.numpy_helper.from_array(np.array([0], np.int64), "zero"),
            onnx.numpy_helper.from_array(np.array([1], np.int64), "one"),
        ],
    )
    for name, graph in (("encoder_model_int8", encoder), ("decoder_model_merged_int8", decoder)):
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.save(model, str(folder / f"{name}.onnx"))
    numbers = {token: number for number, token in enumerate(_TOKENS)}
    (folder / "vocab.json").write_text(json.dumps(dict(list(numbers.items())[:3])))
    (folder / "added_tokens.json").write_text(json.dumps(dict(list(numbers.items())[3:])))
    (folder / "config.json").write_text('{"model_type": "whisper", "num_mel_bins": 80}')
    return {path.name: path for path in folder.iterdir()}


def test_whisper(tmp_path: Path) -> None:
    folder = tmp_path / "whisper"
    folder.mkdir()
    engine = load_engine(_entry("whisper", ("en", "jv")), _save_whisper(folder), threads=1)
    for language in ("en", "jv", None):  # the library itself calls Javanese jw
        result = engine.transcribe(_SECOND, Request(language, word_times=True))
        assert (result.text, result.language, result.words) == ("hi!", language or UNDETERMINED, ())
    engine.unload()


@pytest.mark.parametrize(
    "model", [model for model in catalog().values() if model.engine == "onnx"], ids=lambda model: model.id
)
def test_the_files_of_the_catalogue_are_those_that_the_library_looks_for(
    model: Model, tmp_path: Path
) -> None:
    from onnx_asr.loader import create_asr_resolver

    for file in model.files:
        (tmp_path / file.name).touch()
    found = create_asr_resolver(model.kind, tmp_path).resolve_model(quantization=model.quantization)
    assert {path.name for path in found.values()} == {file.name for file in model.files}


def test_abort_takes_effect_after_the_segment(
    files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = _engine(files)
    recognize = engine._model.recognize

    def interrupted(*arguments: Any, **named: Any) -> Any:
        engine.abort()
        return recognize(*arguments, **named)

    monkeypatch.setattr(engine._model, "recognize", interrupted)
    with pytest.raises(EngineAbortedError):
        engine.transcribe(_SECOND, Request())
    monkeypatch.undo()
    assert engine.transcribe(_SECOND, Request()).text == "turn on"
    engine.unload()


def test_device_that_is_not_there_is_told_with_those_that_are(files: dict[str, Path]) -> None:
    with pytest.raises(EngineError, match=r"no device 'tensorrt' here; there is: .*cpu"):
        _engine(files, device="tensorrt")


def test_damaged_and_missing_files_and_unknown_kinds(files: dict[str, Path], tmp_path: Path) -> None:
    for problem in ("damaged", "missing"):
        path = tmp_path / problem
        if problem == "damaged":
            path.write_bytes(b"no graph")
        with pytest.raises(EngineError, match="cannot load the nemo-conformer-ctc model"):
            _engine(files | {"model.int8.onnx": path})
    with pytest.raises(EngineError, match="cannot load the shorthand model"):
        _engine(files, kind="shorthand")


def test_failure_while_decoding(files: dict[str, Path]) -> None:
    engine = _engine(files)
    two_channels: NDArray[np.float32] = np.zeros((16_000, 2), np.float32)
    with pytest.raises(EngineError, match="failed to decode"):
        engine.transcribe(two_channels, Request())
    engine.unload()


def test_missing_library_is_told_with_the_next_step(
    files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnx_asr", None)
    with pytest.raises(EngineError, match=r"pip install 'wallflower\[onnx-asr\]'"):
        _engine(files)
