"""ggml files: the known bytes from the real weights, and other shapes of Whisper as whisper.cpp sees them."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.models.conversion.small_checkpoints import SMALL, pack_safetensors, random_weights
from wallflower.engines.base import EngineError, Request
from wallflower.engines.ggml_file import check_ggml
from wallflower.engines.whisper_cpp import WhisperCppEngine
from wallflower.models.catalog import ModelError, find_model
from wallflower.models.conversion.checkpoint import Checkpoint, WhisperShape, read_checkpoint
from wallflower.models.conversion.ggml import GGML_KINDS, write_ggml
from wallflower.models.conversion.vocabulary import byte_of_letter

_SHAPES = {
    "multilingual": replace(SMALL, vocabulary=51865, audio_positions=1500, text_positions=448),
    "english": replace(SMALL, vocabulary=51864, audio_positions=1500, text_positions=448),
    "distilled large-v3": WhisperShape(
        width=128, heads=2, encoder_layers=32, decoder_layers=2, mels=128, vocabulary=51866,
        audio_positions=1500, text_positions=448,
    ),
}  # fmt: skip


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Byte-level tokens made up, as many as the largest vocabulary needs."""
    letters = list(byte_of_letter())
    vocabulary = {letter: number for number, letter in enumerate(letters)}
    vocabulary |= {f"{letters[n % 256]}{letters[n // 256]}": n for n in range(256, 50257)}
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    path.write_text(json.dumps({"model": {"vocab": vocabulary}}))
    return path


@pytest.fixture
def make_checkpoint(tmp_path: Path, tokenizer: Path) -> Callable[[WhisperShape], Checkpoint]:
    """A checkpoint of random weights in Hugging Face's layout."""

    def make(shape: WhisperShape) -> Checkpoint:
        weights = {f"model.{name}": values for name, values in random_weights(shape).items()}
        path = tmp_path / "model.safetensors"
        path.write_bytes(pack_safetensors(weights, dtype="F16"))
        return read_checkpoint({"model.safetensors": path, "tokenizer.json": tokenizer})

    return make


@pytest.mark.parametrize("kind", ["f16", "q8_0", "q5_1"])
def test_the_bytes_are_the_known_ones(whisper_base: dict[str, Path], tmp_path: Path, kind: str) -> None:
    told: list[tuple[int, int]] = []
    target = tmp_path / "ggml.bin"
    write_ggml(read_checkpoint(whisper_base), target, kind, lambda done, total: told.append((done, total)))
    (file,) = find_model(f"whisper-base-ggml-{kind}").files
    assert target.stat().st_size == file.size
    assert hashlib.sha256(target.read_bytes()).hexdigest() == file.sha256
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1] < file.size
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["ggml.bin"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [*(("multilingual", kind) for kind in GGML_KINDS), ("english", "f16"), ("distilled large-v3", "q8_0")],
)
def test_other_shapes_run(
    make_checkpoint: Callable[[WhisperShape], Checkpoint], tmp_path: Path, name: str, kind: str
) -> None:
    """Random weights say nothing, but whisper.cpp checks the name, type and shape of every tensor."""
    target = tmp_path / "ggml.bin"
    write_ggml(make_checkpoint(_SHAPES[name]), target, kind)
    check_ggml(target)
    engine = WhisperCppEngine(target, threads=2)
    try:
        assert len(engine.languages) == {"multilingual": 99, "english": 1, "distilled large-v3": 100}[name]
        assert engine.transcribe(np.zeros(1600, np.float32), Request("en")).language == "en"
    finally:
        engine.unload()


def test_a_vocabulary_that_whisper_cpp_does_not_know(
    make_checkpoint: Callable[[WhisperShape], Checkpoint], tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match="51864, 51865, 51866 tokens; this model has 100"):
        write_ggml(make_checkpoint(SMALL), tmp_path / "ggml.bin", "f16")


def test_a_failure_leaves_nothing(
    make_checkpoint: Callable[[WhisperShape], Checkpoint], tmp_path: Path
) -> None:
    def fail(done: int, total: int) -> None:
        raise OSError

    target = tmp_path / "ggml.bin"
    with pytest.raises(OSError):
        write_ggml(make_checkpoint(_SHAPES["english"]), target, "q8_0", fail)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["model.safetensors"]


def test_every_cut_is_seen(make_checkpoint: Callable[[WhisperShape], Checkpoint], tmp_path: Path) -> None:
    target = tmp_path / "ggml.bin"
    write_ggml(make_checkpoint(_SHAPES["english"]), target, "q5_1")
    data = target.read_bytes()
    cut = tmp_path / "cut.bin"
    for length in (4, 20, 48, 1000, 64_400, 500_000, len(data) // 2, len(data) - 1):
        cut.write_bytes(data[:length])
        with pytest.raises(EngineError, match="damaged"):
            check_ggml(cut)
