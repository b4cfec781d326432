"""The real library on a model small enough to be written here: it spells two words whatever it hears."""

import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from wallflower.engines.base import EngineAbortedError, EngineError, Request
from wallflower.engines.onnx_asr import UNDETERMINED, OnnxAsrEngine

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
    output = helper.make_tensor_value_info("logprobs", TensorProto.FLOAT, [1, _FRAMES, len(_VOCABULARY)])
    constant = helper.make_node(
        "Constant",
        [],
        ["logprobs"],
        value=helper.make_tensor("scores", TensorProto.FLOAT, scores.shape, scores.flatten().tolist()),
    )
    graph = helper.make_graph([constant], "spells", [batch, length], [output])
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
