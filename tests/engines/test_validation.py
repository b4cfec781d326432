"""Conversions are compared by what they hear."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from wallflower.audio.pcm import AudioError
from wallflower.engines import decoding, validation
from wallflower.engines.base import EngineError
from wallflower.engines.decoding import Clip, Decoded
from wallflower.engines.validation import (
    BUNDLED,
    Validation,
    ValidationError,
    clips_in,
    groups_to_compare,
    validate,
)
from wallflower.models.catalog import Model, ModelError, find_model
from wallflower.models.store import Store

GGML, OPENVINO = find_model("whisper-base-ggml-q8_0"), find_model("whisper-base-openvino-int8")
MOONSHINE = find_model("moonshine-tiny-en")


@pytest.fixture
def store(model_store: Store, whisper_ggml: Path, tmp_path: Path) -> Store:
    """A store with one conversion of Whisper base, Moonshine, and the same Moonshine once more by hand."""
    store = Store(tmp_path / "data" / "models")
    store.lock_path()
    for model in (GGML, MOONSHINE):
        for file in model.files:
            store.blob(file).symlink_to(model_store.blob(file).resolve())
    files = model_store.files(MOONSHINE)
    store.add(replace(MOONSHINE, id="moonshine-tiny-en-onnx"), files)
    return store


def _validate(
    groups: Sequence[Sequence[Model]], store: Store, clips: Sequence[Clip], **more: str
) -> Validation:
    told: list[tuple[str, int]] = []
    more.setdefault("language", "en")
    try:
        return asyncio.run(
            validate(groups, store, clips, threads=2, report=lambda *what: told.append(what), **more)
        )
    finally:
        if told:
            assert told[0][1] == 0


def test_what_is_compared(store: Store) -> None:
    both = [MOONSHINE.id, "moonshine-tiny-en-onnx"]
    assert [[m.id for m in those] for those in groups_to_compare(store, [])] == [both]
    assert [[m.id for m in those] for those in groups_to_compare(store, both[:1])] == [both]
    named = groups_to_compare(store, [GGML.id, MOONSHINE.id, GGML.id])
    assert [[m.id for m in those] for those in named] == [[GGML.id, MOONSHINE.id]]


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        (["silero-vad"], "model silero-vad does not turn speech into words"),
        (["whisper-base-ggml-q5_1"], "wallflower models pull whisper-base-ggml-q5_1"),
        (["whisper-bose"], "did you mean whisper-base"),
    ],
)
def test_what_cannot_be_compared(store: Store, ids: list[str], said: str) -> None:
    with pytest.raises(ModelError, match=said):
        groups_to_compare(store, ids)


def test_nothing_to_compare_with(store: Store, tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match=f"nothing to compare: .* here are: {MOONSHINE.id}, {GGML.id}"):
        groups_to_compare(store, [GGML.id])
    with pytest.raises(ValidationError, match="here are: none"):
        groups_to_compare(Store(tmp_path), [])


def test_the_same_model_twice_is_alike(store: Store) -> None:
    done = _validate(groups_to_compare(store, []), store, BUNDLED)
    (found,) = done.agreements
    assert found.similarity == 1
    assert done.good
    assert done.decoded[MOONSHINE.id].texts[0].startswith("It was the best of times")


def test_two_engines_on_real_speech(store: Store) -> None:
    done = _validate([[GGML, MOONSHINE]], store, BUNDLED[:1])
    (found,) = done.agreements
    assert (found.pair.limit, found.pair.reference) == (0.90, "")
    assert found.good
    assert found.similarity > 0.9


def test_an_unsupported_language(store: Store) -> None:
    with pytest.raises(ModelError, match="model moonshine-tiny-en does not speak 'de', only en"):
        _validate([[GGML, MOONSHINE]], store, BUNDLED, language="de")


def test_too_little_memory(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "free_memory", lambda: 1_000_000)
    with pytest.raises(EngineError, match="not enough memory for whisper-base-ggml-q8_0"):
        _validate([[GGML, MOONSHINE]], store, BUNDLED)


def test_a_model_that_fails_is_named(store: Store) -> None:
    blob = store.blob(GGML.files[0])
    blob.unlink()
    blob.write_bytes(bytes(GGML.files[0].size or 0))
    with pytest.raises(EngineError, match="whisper-base-ggml-q8_0: .*is not a ggml file"):
        _validate([[GGML, MOONSHINE]], store, BUNDLED)


def test_silence_proves_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Moonshine, without the VAD before it, makes words even of silence."""

    async def hear_nothing(*_arguments: object, **_more: object) -> Decoded:
        return Decoded(("en",), ("", ""), 0.1, 0.1, 100)

    monkeypatch.setattr(validation, "decode_apart", hear_nothing)
    with pytest.raises(ValidationError, match="no model heard a word"):
        _validate(groups_to_compare(store, []), store, BUNDLED)


def test_clips_of_a_folder(tmp_path: Path) -> None:
    for name in ("b.FLAC", "a.wav", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    assert [clip.path for clip in clips_in(tmp_path)] == [tmp_path / "a.wav", tmp_path / "b.FLAC"]
    (tmp_path / "manifest.tsv").write_text('path\ttranscript\nde/x.wav\t"he said\n')
    assert [clip.path for clip in clips_in(tmp_path)] == [tmp_path / "de" / "x.wav"]


def test_folders_without_sound(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="there is no sound in"):
        clips_in(tmp_path)
    with pytest.raises(AudioError, match="cannot read .*gone: No such file"):
        clips_in(tmp_path / "gone")
