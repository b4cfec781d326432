"""What files are, told by their names and first bytes."""

import json
import struct
from pathlib import Path

import pytest

from wallflower.engines.model_files import CHECKPOINT, look_for
from wallflower.models.catalog import ModelError

OPENVINO = ("encoder.xml", "encoder.bin", "decoder.xml", "decoder.bin", "tokenizer.json")
MOONSHINE = ("encoder_model.ort", "decoder_model_merged.ort", "tokenizer.bin")


def _folder(path: Path, *names: str) -> Path:
    path.mkdir()
    for name in names:
        (path / name).write_bytes(b"{}")
    return path


def _ggml(path: Path, kind: int = 2007) -> Path:
    path.write_bytes(b"lmgg" + struct.pack("<11i", *[1] * 10, kind))
    return path


@pytest.mark.parametrize(
    ("names", "engine"),
    [
        (OPENVINO, "openvino"),
        (("openvino_encoder_model.xml", "openvino_encoder_model.bin", "openvino_decoder_model.xml",
          "openvino_decoder_model.bin", "tokenizer.json"), "openvino"),
        (MOONSHINE, "moonshine"),
        (("encoder_model_int8.onnx", "decoder_model_merged_int8.onnx", "vocab.json"), "onnx"),
        (("model.safetensors", "tokenizer.json"), CHECKPOINT),
        (("model.safetensors.index.json", "tokenizer.json"), CHECKPOINT),
        (("model.bin", "tokenizer.json"), CHECKPOINT),
    ],
)  # fmt: skip
def test_a_folder_tells_its_engine(tmp_path: Path, names: tuple[str, ...], engine: str) -> None:
    look = look_for(_folder(tmp_path / "m", *names))
    assert look.engine == engine
    assert set(look.files) == set(names)


def test_only_what_the_engine_reads_is_taken(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "m", *OPENVINO, "README.md", "model.safetensors")
    (folder / "wallflower.json").write_text(json.dumps({"weights": "fp16"}))
    look = look_for(folder)
    assert set(look.files) == {*OPENVINO, "wallflower.json"}
    assert look.precision == "fp16"


@pytest.mark.parametrize("content", ["", "[]", '{"weights": 8}', "\xff"])
def test_a_damaged_description_tells_no_precision(tmp_path: Path, content: str) -> None:
    folder = _folder(tmp_path / "m", *OPENVINO)
    (folder / "wallflower.json").write_text(content, "latin-1")
    assert not look_for(folder).precision


@pytest.mark.parametrize(
    ("kind", "precision"), [(0, "f32"), (1, "f16"), (2007, "q8_0"), (2009, "q5_1"), (99, "")]
)
def test_a_ggml_file_tells_its_precision(tmp_path: Path, kind: int, precision: str) -> None:
    path = _ggml(tmp_path / "model.bin", kind)
    for place in (path, tmp_path):
        look = look_for(place)
        assert (look.engine, look.precision) == ("whispercpp", precision)
        assert look.files == {"model.bin": path}


def test_a_ggml_file_that_ends_in_its_head(tmp_path: Path) -> None:
    (tmp_path / "x.bin").write_bytes(b"lmgg\1")
    assert look_for(tmp_path).precision == ""


def test_real_files(whisper_ggml: Path, whisper_folder: Path) -> None:
    assert look_for(whisper_ggml).precision == "q8_0"
    assert look_for(whisper_folder).precision == "int8"


@pytest.mark.parametrize(
    ("names", "engine", "said"),
    [
        (OPENVINO, "whispercpp", "looks like Whisper for OpenVINO, .* --engine openvino reads it"),
        (("model.safetensors", "tokenizer.json"), "moonshine", r"checkpoint \(safetensors\), .*openvino"),
        (OPENVINO[:-1], "", "looks like Whisper for OpenVINO, but has no tokenizer.json"),
        (MOONSHINE[:1], "", "looks like Moonshine, but has no decoder_model_merged.ort, tokenizer.bin"),
        (("model.safetensors",), "openvino", "but has no tokenizer.json"),
        ((*OPENVINO, *MOONSHINE), "", "OpenVINO and Moonshine: say which with --engine"),
        (("pytorch_model.bin",), "", "PyTorch weights must be saved as safetensors first"),
        ((), "", "holds no model that is known here: whispercpp reads a ggml file"),
    ],
)  # fmt: skip
def test_what_does_not_fit(tmp_path: Path, names: tuple[str, ...], engine: str, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        look_for(_folder(tmp_path / "m", *names), engine)


def test_engine_settles_what_is_two_things(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "m", *OPENVINO, *MOONSHINE)
    assert look_for(folder, "moonshine").engine == "moonshine"


def test_several_ggml_files(tmp_path: Path) -> None:
    _ggml(tmp_path / "a.bin")
    _ggml(tmp_path / "b.bin")
    with pytest.raises(ModelError, match=r"several ggml files: name one of .*a\.bin, .*b\.bin"):
        look_for(tmp_path)


def test_gguf_and_no_file_at_all(tmp_path: Path) -> None:
    (tmp_path / "x.gguf").write_bytes(b"GGUF")
    with pytest.raises(ModelError, match="GGUF file, which whisper.cpp does not read"):
        look_for(tmp_path / "x.gguf")
    with pytest.raises(ModelError, match="cannot read .*gone: No such file"):
        look_for(tmp_path / "gone")


@pytest.mark.parametrize(
    ("names", "kind", "quantization"),
    [
        (("encoder_model_int8.onnx", "decoder_model_merged_int8.onnx"), "whisper", "int8"),
        (("encoder-model.onnx", "decoder_joint-model.onnx"), "nemo-conformer-tdt", ""),
        (("model.fp16.onnx",), "nemo-conformer-ctc", "fp16"),
    ],
)
def test_onnx_graphs_tell_their_kind(
    tmp_path: Path, names: tuple[str, ...], kind: str, quantization: str
) -> None:
    for name in names:
        (tmp_path / name).touch()
    look = look_for(tmp_path)
    assert (look.kind, look.quantization) == (kind, quantization)


def test_onnx_graphs_of_no_known_kind_are_refused(tmp_path: Path) -> None:
    (tmp_path / "encoder_model.onnx").touch()
    with pytest.raises(ModelError, match="no kind that is known here"):
        look_for(tmp_path)
