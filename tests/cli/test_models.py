"""`wallflower models` against stores of its own."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from wallflower.cli import models
from wallflower.errors import ExitCode
from wallflower.models.catalog import NEEDED_BY_DEFAULT, catalog, find_model
from wallflower.models.store import FileState, Store

if TYPE_CHECKING:
    from tests.cli.conftest import Ran

Run = Callable[..., "Ran"]
VAD = find_model("silero-vad")


@pytest.fixture
def home(model_store: Store, tmp_path: Path) -> Path:
    """A data directory with the VAD model alone."""
    path = tmp_path / "data"
    store = Store(path / "models")
    store.lock_path()
    for file in VAD.files:
        shutil.copy(model_store.blob(file), store.blob(file))
    return path


@pytest.fixture
def blob(home: Path) -> Path:
    """The VAD model's file."""
    return Store(home / "models").blob(VAD.files[0])


def states(out: str) -> dict[str, str]:
    """The last column of the list, by id."""
    table, _, _ = out.partition("\n\n")
    rows = [line.rstrip().split("  ") for line in table.splitlines()[1:] if not line.startswith("*")]
    return {row[0].strip(): row[-1].strip().removesuffix(" *") for row in rows}


def test_list(wallflower: Run, home: Path, blob: Path) -> None:
    code, out, err = wallflower("models", "list", "--all", "--data-dir", home)
    assert (code, err) == (0, "")
    assert set(states(out)) == set(catalog())
    assert states(out)["silero-vad"] == "here"
    assert states(out)["moonshine-tiny-en"] == "missing"
    assert "MIT" in out
    blob.write_bytes(b"short")
    assert states(wallflower("models", "list", "--data-dir", home).out)["silero-vad"] == "damaged"
    partial = Store(home / "models").partial(find_model("moonshine-tiny-en").files[0])
    partial.write_bytes(b"begun")
    assert (
        states(wallflower("models", "list", "--data-dir", home).out)["moonshine-tiny-en"] == "partly fetched"
    )


def test_list_on_a_fresh_box(wallflower: Run) -> None:
    assert set(states(wallflower("models", "list", "--all").out).values()) == {"missing"}
    _, out, _ = wallflower("models", "list")
    assert set(states(out)) == set(NEEDED_BY_DEFAULT)
    assert "  whisper-small: ggml-f16, ggml-q5_1, ggml-q8_0, onnx-int8, openvino-fp16, openvino-int8\n" in out
    assert "  moonshine-base-en\n" in out
    assert len(out.splitlines()) < 30


def test_list_by_words(wallflower: Run) -> None:
    found = states(wallflower("models", "list", "whisper-tiny", "whispercpp").out)
    assert set(found) == {
        f"whisper-tiny{en}-ggml-{form}" for en in ("", ".en") for form in ("q5_1", "q8_0", "f16")
    }
    code, out, _ = wallflower("models", "list", "xyzzy", "small")
    assert (code, "xyzzy and small" in out) == (0, True)


def test_list_tells_memory_and_what_is_pinned(wallflower: Run) -> None:
    out = wallflower("models", "list", "openvino").out
    base = next(line for line in out.splitlines() if line.startswith("whisper-base-openvino-int8"))
    assert re.search(r" 99 languages +82 +307 +MIT +missing \*$", base)
    turbo = next(line for line in out.splitlines() if line.startswith("whisper-large-v3-turbo-openvino-int8"))
    assert turbo.rstrip().endswith("missing")
    assert "\n* pinned on first use" in out


def test_verify_what_is_here(wallflower: Run, home: Path) -> None:
    code, out, err = wallflower("models", "verify", "--data-dir", home)
    assert (code, err) == (0, "")
    assert out == "silero-vad silero_vad.onnx: good\n"


def test_verify_on_a_fresh_box(wallflower: Run) -> None:
    code, out, _ = wallflower("models", "verify")
    assert code == 0
    assert "wallflower models pull" in out


@pytest.mark.parametrize("damage", ["truncated", "corrupted"])
def test_verify_names_damage(wallflower: Run, home: Path, blob: Path, damage: str) -> None:
    content = blob.read_bytes()
    blob.write_bytes(content[:1000] if damage == "truncated" else content[:-1] + b"\x99")
    for ids in ([], ["silero-vad"]):
        code, out, err = wallflower("models", "verify", *ids, "--data-dir", home)
        assert code == ExitCode.MODEL
        assert out.startswith("silero-vad silero_vad.onnx: damaged: ")
        assert str(blob) in out
        assert "wallflower models pull" in err


def test_verify_a_model_that_is_missing(wallflower: Run, home: Path) -> None:
    code, out, _ = wallflower("models", "verify", "moonshine-tiny-en", "--data-dir", home)
    assert code == ExitCode.MODEL
    assert out.count(": missing") == 3


@pytest.mark.parametrize("action", ["pull", "verify", "remove"])
def test_an_unknown_model(wallflower: Run, home: Path, blob: Path, action: str) -> None:
    code, out, err = wallflower("models", action, "silero-vad", "silero-vod", "--data-dir", home)
    assert (code, out) == (ExitCode.MODEL, "")
    assert "did you mean silero-vad?" in err
    assert blob.exists()


def test_pull_what_is_here(wallflower: Run, home: Path) -> None:
    code, out, err = wallflower("models", "pull", "silero-vad", "--offline", "--data-dir", home)
    assert (code, out, err) == (0, "silero-vad is here and verified\n", "")


def test_pull_from_a_wheel_mends_what_is_damaged(
    wallflower: Run, home: Path, blob: Path, tmp_path: Path
) -> None:
    content = blob.read_bytes()
    about = "silero_vad-6.2.3.dist-info"
    with zipfile.ZipFile(tmp_path / "silero_vad-6.2.3-py3-none-any.whl", "w") as wheel:
        wheel.writestr("silero_vad/data/silero_vad_openvino_16k.onnx", content)
        wheel.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: silero-vad\nVersion: 6.2.3\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/RECORD", "")
    blob.write_bytes(content[:-1] + b"\x99")
    code, out, err = wallflower("models", "pull", "silero-vad", "--data-dir", home)
    assert (code, out) == (0, "silero-vad is here and verified\n")
    assert "fetching silero_vad.onnx (1.3 MB)" in err
    assert blob.read_bytes() == content


def test_pull_what_cannot_be_had(wallflower: Run, tmp_path: Path) -> None:
    code, out, err = wallflower("models", "pull", "silero-vad", "--data-dir", tmp_path / "data")
    assert (code, out) == (ExitCode.MODEL, "")
    last = err.splitlines()[-1]
    assert last.startswith("wallflower: cannot fetch silero_vad.onnx of silero-vad: ")
    assert "silero-vad==6.2.3" in last


def test_pull_through_a_hub_that_is_not_there(wallflower: Run, tmp_path: Path) -> None:
    arguments = ("moonshine-tiny-en", "--hub-url", "http://127.0.0.1:1", "--data-dir", tmp_path / "data")
    code, _, err = wallflower("models", "pull", *arguments)
    assert code == ExitCode.MODEL
    assert "http://127.0.0.1:1 cannot be reached" in err.splitlines()[-1]


def test_remove(wallflower: Run, home: Path, blob: Path) -> None:
    code, out, _ = wallflower("models", "remove", "silero-vad", "--data-dir", home)
    assert (code, out) == (0, "silero-vad removed, 1.3 MB freed\n")
    assert not blob.exists()
    assert Store(home / "models").state(VAD.files[0]) is FileState.MISSING
    code, out, _ = wallflower("models", "remove", "silero-vad", "--data-dir", home)
    assert (code, out) == (0, "silero-vad removed, 0.0 MB freed\n")


@pytest.mark.parametrize("action", ["list", "verify"])
def test_a_reader_that_has_read_enough(home: Path, action: str) -> None:
    """As in `wallflower models list | head -0`."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "wallflower", "models", action, "--data-dir", str(home)]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, timeout=30, check=False)
    os.close(writer)
    assert done.stderr == b""
    assert done.returncode in {0, 1}


def test_what_run_needs_here(monkeypatch: pytest.MonkeyPatch) -> None:
    versions = {"openvino": "2026.1", "onnxruntime": "1.30"}
    monkeypatch.setattr(models, "installed_version", versions.get)
    needed = models.needed_here()
    assert {"moonshine-tiny-en", "silero-vad", "whisper-base-openvino-int8"} == set(needed)
