"""`wallflower models add`, and what can be done with an added model."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from wallflower.errors import ExitCode
from wallflower.models.catalog import VAD_MODEL, find_model
from wallflower.models.store import Store

if TYPE_CHECKING:
    from tests.cli.conftest import Ran

Run = Callable[..., "Ran"]


@pytest.fixture
def home(model_store: Store, tmp_path: Path) -> Path:
    """A data directory with the VAD model alone."""
    store = Store(tmp_path / "data" / "models")
    store.lock_path()
    for file in find_model(VAD_MODEL).files:
        shutil.copy(model_store.blob(file), store.blob(file))
    return tmp_path / "data"


@pytest.fixture
def folder(model_store: Store, tmp_path: Path) -> Path:
    """Moonshine as a user has it, with a token more: two of its files are those of the catalogue's."""
    path = tmp_path / "fine-tuned"
    path.mkdir()
    for name, file in model_store.files(find_model("moonshine-tiny-en")).items():
        shutil.copy(file, path / name)
    with (path / "tokenizer.bin").open("ab") as tokens:
        tokens.write(b"\x01x")
    return path


def test_from_adding_to_removing(wallflower: Run, home: Path, folder: Path, short_speech: Path) -> None:
    code, out, err = wallflower("models", "add", folder, "--id", "kitchen", "--data-dir", home)
    assert (code, err) == (0, "")
    heard, similarity, figures, last = out.splitlines()
    assert heard.startswith("heard in the probe clip: It was the best of times")
    assert similarity == "similarity to what is said: 1.00"
    assert "MB of memory" in figures
    assert last == "kitchen was added; use it with: wallflower run --model kitchen"
    shutil.rmtree(folder)

    listed = wallflower("models", "list", "--data-dir", home).out
    assert any(line.startswith("kitchen ") for line in listed.splitlines())
    assert "moonshine-tiny-en" in listed
    assert "kitchen encoder_model.ort: good" in wallflower("models", "verify", "--data-dir", home).out
    code, out, _ = wallflower("transcribe", short_speech, "--model", "kitchen", "--data-dir", home)
    assert code == 0
    assert "best of times" in out
    hardware = wallflower("hardware", "--model", "kitchen", "--data-dir", home).out
    assert "kitchen" in hardware

    code, out, _ = wallflower("models", "remove", "kitchen", "--data-dir", home)
    assert (code, out) == (0, "kitchen removed, 0.2 MB freed\n")
    assert "kitchen" not in wallflower("models", "list", "--data-dir", home).out
    store = Store(home / "models")
    here = [file.name for file in find_model("moonshine-tiny-en").files if store.blob(file).exists()]
    assert here == ["encoder_model.ort", "decoder_model_merged.ort"]  # they are another model's, too
    assert len(list((home / "models" / "blobs").iterdir())) == 3


def test_a_language_of_another_kind(wallflower: Run, home: Path, folder: Path) -> None:
    """Moonshine's files do not tell their language: it is what the user says."""
    arguments = ("--id", "kitchen", "--language", "de-AT", "--language", "de", "--data-dir", home)
    code, out, _ = wallflower("models", "add", folder, *arguments)
    assert code == 0
    assert "similarity" not in out
    assert Store(home / "models").find("kitchen").languages == ("de",)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--id", "silero-vad"), ExitCode.MODEL, "the catalogue has a model silero-vad"),
        (
            ("--id", "x", "--engine", "openvino"),
            ExitCode.MODEL,
            "looks like Moonshine, which engine openvino",
        ),
        (("--id", "x", "--engine", "x"), ExitCode.USAGE, "invalid choice"),
        ((), ExitCode.USAGE, "required: --id"),
    ],
)
def test_what_is_refused(
    wallflower: Run, home: Path, folder: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    ran = wallflower("models", "add", folder, *arguments, "--data-dir", home)
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err


def test_damaged_files(wallflower: Run, home: Path, folder: Path) -> None:
    (folder / "tokenizer.bin").write_bytes(b"\x05ab")
    code, out, err = wallflower("models", "add", folder, "--id", "kitchen", "--data-dir", home)
    assert (code, out) == (ExitCode.ENGINE, "")
    assert f"{folder} was not added: tokenizer.bin is damaged" in err
    assert "kitchen" not in wallflower("models", "list", "--data-dir", home).out
