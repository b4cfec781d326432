"""`wallflower models convert`, as typed."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from wallflower.cli.main import main
from wallflower.errors import ExitCode
from wallflower.models.catalog import find_model


def _convert(*arguments: object) -> int:
    return main(["models", "convert", *map(str, arguments)])


@pytest.fixture
def folder(whisper_base: dict[str, Path], tmp_path: Path) -> Path:
    """Whisper base as a user has it: a folder."""
    path = tmp_path / "my-whisper"
    path.mkdir()
    for name, file in whisper_base.items():
        (path / name).symlink_to(file.resolve())
    return path


def test_a_model_of_the_catalogue_goes_to_the_store(
    data_dir: Path, whisper_ggml: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _convert("whisper-base", "--to", "ggml:q8_0", "--data-dir", data_dir) == ExitCode.OK
    assert capsys.readouterr().out == "whisper-base-ggml-q8_0 is here and verified\n"


def test_or_to_a_file(
    data_dir: Path, whisper_base: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "out.bin"
    code = _convert("whisper-base", "--to", "ggml:q5_1", "--output", target, "--data-dir", data_dir)
    assert code == ExitCode.OK
    (file,) = find_model("whisper-base-ggml-q5_1").files
    assert hashlib.sha256(target.read_bytes()).hexdigest() == file.sha256
    printed = capsys.readouterr()
    assert printed.out == f"{target}: 59.7 MB, SHA-256 {file.sha256}\n"
    assert printed.err == "making out.bin (59.1 MB)\n"


def test_a_folder(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert _convert(folder, "--to", "ggml:q5_0") == ExitCode.OK
    assert (tmp_path / "my-whisper-ggml-q5_0.bin").stat().st_size == 55_295_433


def test_a_folder_to_onnx(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "out"
    assert _convert(folder, "--to", "onnx:int8", "--output", target) == ExitCode.OK
    printed = capsys.readouterr()
    assert printed.out == (
        f"{target}: added_tokens.json, config.json, decoder_model_merged_int8.onnx, encoder_model_int8.onnx, "
        "vocab.json\n"
    )
    assert printed.err == "making out (290.4 MB)\n"


def test_the_converter_loads_no_library_of_an_extra() -> None:
    code = "import sys, wallflower.models.conversion.forms; print({'onnx', 'openvino'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("whisper-base", "--to", "ggml:q4"), "no form 'ggml:q4'; a checkpoint can be converted to: ggml"),
        (("whisper-base", "--to", "ggml:q5_0"), "no ggml:q5_0 of whisper-base; say where to write it"),
        (("silero-vad", "--to", "ggml:f16"), "silero-vad is no checkpoint; these can be converted: "),
        (("whisper-bose", "--to", "ggml:f16"), "did you mean whisper-base"),
    ],
)  # fmt: skip
def test_what_cannot_be_converted(
    arguments: tuple[str, ...], reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _convert(*arguments, "--data-dir", tmp_path) == ExitCode.MODEL
    assert reason in capsys.readouterr().err


def test_an_empty_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _convert(tmp_path, "--to", "ggml:f16", "--output", tmp_path / "x") == ExitCode.MODEL
    assert "there is no checkpoint" in capsys.readouterr().err


def test_a_place_that_cannot_be_written(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "gone" / "x"
    assert _convert(folder, "--to", "ggml:f16", "--output", target) == ExitCode.MODEL
    assert f"cannot write {target}: No such file or directory" in capsys.readouterr().err
