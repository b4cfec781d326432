"""Checkpoints in each layout give the same weights; what is no Whisper checkpoint is refused, with why."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.models.conversion.small_checkpoints import (
    SMALL,
    Tensors,
    ct2_variables,
    pack_ct2,
    pack_safetensors,
)
from wallflower.models.catalog import ModelError
from wallflower.models.conversion.checkpoint import Checkpoint, read_checkpoint


def assert_small(checkpoint: Checkpoint, small: Tensors) -> None:
    assert checkpoint.shape == SMALL
    assert set(checkpoint.weights) == set(small)
    assert len(checkpoint.weights) == len(small)
    assert all(np.array_equal(checkpoint.weights[name], values) for name, values in small.items())


@pytest.mark.parametrize("dtype", ["F32", "F16"])
@pytest.mark.parametrize("prefix", ["", "model."])
def test_safetensors(folder: Path, small: Tensors, dtype: str, prefix: str) -> None:
    tensors = {f"{prefix}{name}": values for name, values in small.items()}
    tensors["proj_out.weight"] = small["decoder.embed_tokens.weight"]  # tied: not one of its own
    (folder / "model.safetensors").write_bytes(pack_safetensors(tensors, dtype=dtype))
    checkpoint = read_checkpoint(folder)
    assert_small(checkpoint, small)
    assert checkpoint.tokenizer == folder / "tokenizer.json"
    assert {values.dtype for values in checkpoint.weights.values()} == {
        np.dtype({"F32": "f4", "F16": "f2"}[dtype])
    }
    assert not checkpoint.weights["encoder.conv1.weight"].flags.owndata  # it is on disk still


def test_bfloat16_becomes_float32(folder: Path, small: Tensors) -> None:
    (folder / "model.safetensors").write_bytes(pack_safetensors(small, dtype="BF16"))
    for name, values in read_checkpoint(folder).weights.items():
        assert values.dtype == np.float32
        assert np.allclose(values, small[name], rtol=2**-7, atol=0)


def test_shards(folder: Path, small: Tensors) -> None:
    names = sorted(small)
    halves = {"model-00001-of-00002.safetensors": names[::2], "model-00002-of-00002.safetensors": names[1::2]}
    index = {name: file for file, part in halves.items() for name in part}
    for file, part in halves.items():
        (folder / file).write_bytes(pack_safetensors({name: small[name] for name in part}))
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    assert_small(read_checkpoint(folder), small)
    (folder / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(ModelError, match="names files that are not there: model-00002"):
        read_checkpoint(folder)


@pytest.mark.parametrize(
    "index",
    ["", "[]", "{}", '{"weight_map": 3}', '{"weight_map": {"a": {}}}', '{"weight_map": {}}', "[" * 100_000,
     '{"weight_map": {"a": "../../secret"}}'],
)  # fmt: skip
def test_an_index_that_makes_no_sense(folder: Path, index: str) -> None:
    (folder / "model.safetensors.index.json").write_text(index)
    with pytest.raises(ModelError, match="index"):
        read_checkpoint(folder)


@pytest.mark.parametrize("cuts", [[], [1], [1000, 1001], [70_000, 200_000]])
def test_ctranslate2_whole_and_in_pieces(folder: Path, small: Tensors, cuts: list[int]) -> None:
    data = pack_ct2(ct2_variables({name: values.astype("<f2") for name, values in small.items()}))
    if not cuts:
        (folder / "model.bin").write_bytes(data)
    ends = [*cuts, len(data)] if cuts else []
    for number, (start, end) in enumerate(zip([0, *cuts], ends, strict=False), 1):
        (folder / f"model.bin.part{number}").write_bytes(data[start:end])
    assert_small(read_checkpoint(folder), small)


def test_a_piece_that_is_missing(folder: Path) -> None:
    for number in (1, 3):
        (folder / f"model.bin.part{number}").write_bytes(b"x")
    with pytest.raises(ModelError, match="pieces of model.bin are missing"):
        read_checkpoint(folder)


def test_files_by_name(folder: Path, small: Tensors) -> None:
    """As the store has them: their paths have other names."""
    (folder / "0123").write_bytes(pack_safetensors(small))
    files = {"model.safetensors": folder / "0123", "tokenizer.json": folder / "tokenizer.json"}
    assert_small(read_checkpoint(files), small)


def test_nothing_there(folder: Path) -> None:
    with pytest.raises(ModelError, match="there is no checkpoint: neither model.safetensors"):
        read_checkpoint(folder)
    with pytest.raises(ModelError, match="cannot read the folder"):
        read_checkpoint(folder / "gone")
    with pytest.raises(ModelError, match="cannot read .*gone"):
        read_checkpoint({"model.safetensors": folder / "gone"})


def test_no_tokenizer(folder: Path, small: Tensors) -> None:
    (folder / "model.safetensors").write_bytes(pack_safetensors(small))
    (folder / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match=r"no tokenizer\.json"):
        read_checkpoint(folder)


def test_another_model(folder: Path) -> None:
    tensors = {"bert.embeddings.weight": np.zeros((3, 4), np.float32)}
    (folder / "model.safetensors").write_bytes(pack_safetensors(tensors))
    with pytest.raises(ModelError, match="no Whisper model"):
        read_checkpoint(folder)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("decoder.layers.0.fc1.bias", None),
        ("encoder.layers.1.fc2.weight", np.zeros((64, 255), np.float32)),
        ("encoder.conv1.weight", np.zeros((65, 80, 3), np.float32)),
        ("encoder.conv1.weight", np.zeros((64, 80), np.float32)),
        ("decoder.embed_tokens.weight", np.zeros((5, 5, 5), np.float32)),
        ("encoder.layers.999999999999999999999.fc1.bias", np.zeros(64, np.float32)),
    ],
)
def test_weights_that_do_not_fit(
    folder: Path, small: Tensors, name: str, values: np.ndarray[tuple[int, ...], np.dtype[np.float32]] | None
) -> None:
    tensors = {key: value for key, value in small.items() if key != name}
    if values is not None:
        tensors[name] = values
    (folder / "model.safetensors").write_bytes(pack_safetensors(tensors))
    with pytest.raises(ModelError, match="Whisper model"):
        read_checkpoint(folder)


def test_a_quantised_checkpoint(folder: Path, small: Tensors) -> None:
    (folder / "model.safetensors").write_bytes(pack_safetensors(small, dtype="I8"))
    with pytest.raises(ModelError, match="before it was quantised"):
        read_checkpoint(folder)
    (folder / "model.safetensors").unlink()
    variables = ct2_variables(small)
    variables["encoder/conv1/weight"] = variables["encoder/conv1/weight"].astype("i1")
    (folder / "model.bin").write_bytes(pack_ct2(variables))
    with pytest.raises(ModelError, match="quantised"):
        read_checkpoint(folder)


_ANY = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@_ANY
@given(part=st.floats(0, 1, exclude_max=True), layout=st.sampled_from(["model.safetensors", "model.bin"]))
def test_a_truncated_file(folder: Path, small: Tensors, part: float, layout: str) -> None:
    data = pack_ct2(ct2_variables(small)) if layout == "model.bin" else pack_safetensors(small)
    (folder / layout).write_bytes(data[: int(part * len(data))])
    with pytest.raises(ModelError):
        read_checkpoint({layout: folder / layout, "tokenizer.json": folder / "tokenizer.json"})


def test_the_real_one(whisper_base: dict[str, Path]) -> None:
    shape = read_checkpoint(whisper_base).shape
    assert shape == replace(
        SMALL, width=512, heads=8, encoder_layers=6, decoder_layers=6, vocabulary=51865,
        audio_positions=1500, text_positions=448,
    )  # fmt: skip
