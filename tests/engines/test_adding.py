"""Models of the user's own: tried before they are kept, and nothing kept of one that does not work."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest

from wallflower.engines import adding, decoding
from wallflower.engines.adding import Added, Wanted, add_model
from wallflower.engines.base import EngineError
from wallflower.engines.decoding import Decoded
from wallflower.models.catalog import ModelError, find_model
from wallflower.models.progress import Silent
from wallflower.models.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return Store(tmp_path / "data" / "models")


@pytest.fixture
def moonshine_folder(model_store: Store, tmp_path: Path) -> Path:
    """Moonshine as a user has it: a folder."""
    return _copied(model_store, "moonshine-tiny-en", tmp_path / "moonshine")


@pytest.fixture
def checkpoint(whisper_base: dict[str, Path], tmp_path: Path) -> Path:
    """Whisper base as it was published."""
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    for name, path in whisper_base.items():
        (folder / name).symlink_to(path.resolve())
    return folder


def _copied(store: Store, model_id: str, folder: Path) -> Path:
    folder.mkdir()
    for name, path in store.files(find_model(model_id)).items():
        shutil.copy(path, folder / name)
    return folder


def _add(store: Store, path: Path, **more: Any) -> Added:
    instead = more.pop("instead", False)
    wanted = Wanted(path, **{"id": "mine", **more})
    return asyncio.run(add_model(wanted, store, Silent(), threads=2, instead=instead))


def _files(store: Store) -> list[Path]:
    return [path for path in store.root.rglob("*") if path.is_file() and path.name != "lock"]


def test_a_moonshine_folder(store: Store, moonshine_folder: Path) -> None:
    added = _add(store, moonshine_folder, title="Ours", licence="MIT")
    assert added.text.startswith("It was the best of times")
    assert added.similarity is not None
    assert added.similarity > 0.9
    model = store.find("mine")
    assert model == added.model
    assert (model.engine, model.languages, model.title, model.licence) == (
        "moonshine",
        ("en",),
        "Ours",
        "MIT",
    )
    assert store.is_here(model)


def test_a_folder_for_openvino(store: Store, whisper_folder: Path) -> None:
    added = _add(store, whisper_folder, engine="openvino", languages=("de", "en"))
    assert "worst of times" in added.text
    assert added.model.languages == ("de", "en")
    assert added.model.precision == "int8"


def test_a_checkpoint_is_converted(store: Store, checkpoint: Path) -> None:
    added = _add(store, checkpoint, engine="whispercpp")
    (file,) = added.model.files
    assert file.sha256 == find_model("whisper-base-ggml-q8_0").files[0].sha256
    assert len(added.model.languages) == 99
    assert added.model.precision == "q8_0"
    assert not list(store.root.glob("adding-*"))


def test_a_checkpoint_needs_an_engine(store: Store, checkpoint: Path) -> None:
    with pytest.raises(ModelError, match="say what it shall become with --engine openvino or whispercpp"):
        _add(store, checkpoint)


@pytest.mark.parametrize("name", ["whisper-base", "moonshine-tiny-en"])
def test_ids_of_the_catalogue_are_taken(store: Store, moonshine_folder: Path, name: str) -> None:
    with pytest.raises(ModelError, match=f"the catalogue has a model {name}"):
        _add(store, moonshine_folder, id=name)


def test_one_in_place_of_another(store: Store, moonshine_folder: Path) -> None:
    _add(store, moonshine_folder)
    with pytest.raises(ModelError, match="added before; .* with --replace"):
        _add(store, moonshine_folder)
    _add(store, moonshine_folder, title="Newer", instead=True)
    assert store.find("mine").title == "Newer"
    assert store.is_here(store.find("mine"))


def test_a_language_that_it_does_not_speak(store: Store, whisper_folder: Path) -> None:
    with pytest.raises(ModelError, match="it does not speak tlh, xx; it speaks en, zh"):
        _add(store, whisper_folder, languages=("en", "tlh", "xx"))
    assert _files(store) == []


def test_a_truncated_file(store: Store, whisper_ggml: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.bin"
    path.write_bytes(whisper_ggml.read_bytes()[:30_000_000])
    with pytest.raises(EngineError, match=r"cut\.bin was not added: .* is truncated or damaged$"):
        _add(store, path)
    assert _files(store) == []


def test_zeroed_weights(store: Store, whisper_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "zeroed"
    shutil.copytree(whisper_folder, folder)
    (folder / "decoder.bin").write_bytes(bytes((folder / "decoder.bin").stat().st_size))
    with pytest.raises(EngineError, match=r"zeroed was not added: cannot load .*decoder\.xml"):
        _add(store, folder)
    assert _files(store) == []


@pytest.mark.parametrize(("languages", "fails"), [(("en",), True), (("de",), False)])
def test_a_model_that_hears_nothing(
    store: Store,
    whisper_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    languages: tuple[str, ...],
    *,
    fails: bool,
) -> None:
    """None of the real ones is deaf."""

    async def hear_nothing(*_arguments: Any, **_more: Any) -> Decoded:
        return Decoded(("de", "en"), ("",), 0.1, 0.1, 100)

    monkeypatch.setattr(adding, "decode_apart", hear_nothing)
    if not fails:
        assert _add(store, whisper_folder, languages=languages).similarity is None
        return
    with pytest.raises(EngineError, match="was not added: it is to understand English, but heard nothing"):
        _add(store, whisper_folder, languages=languages)
    assert _files(store) == []


def test_too_little_memory(store: Store, moonshine_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A box as small as this cannot be had in a test."""
    monkeypatch.setattr(decoding, "free_memory", lambda: 10_000_000)
    with pytest.raises(EngineError, match="not enough memory for mine: .* 10 MB are free"):
        _add(store, moonshine_folder)
    assert _files(store) == []


def test_an_engine_that_cannot_be_loaded_yet(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adding, "SPEAKING", ("moonshine",))
    (tmp_path / "model.onnx").write_bytes(b"")
    with pytest.raises(ModelError, match="cannot load models of engine onnx yet, only of moonshine"):
        _add(store, tmp_path / "model.onnx")


def test_no_room_to_convert(store: Store, checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(9, 9, 0))
    with pytest.raises(ModelError, match="no room to convert .*: 150 MB are needed"):
        _add(store, checkpoint, engine="whispercpp")
    assert _files(store) == []


def test_a_damaged_checkpoint(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    for name in ("model.safetensors", "tokenizer.json"):
        (folder / name).write_bytes(b"not what it says")
    with pytest.raises(ModelError, match="model.safetensors is not a safetensors file, or damaged"):
        _add(store, folder, engine="openvino")
    assert _files(store) == []


def test_onnx_graphs_need_their_languages_named(store: Store, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"")
    with pytest.raises(ModelError, match="name them with --language"):
        _add(store, tmp_path / "model.onnx")
