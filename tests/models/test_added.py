"""Models that the user added: kept beside the catalogue, and gone without a trace."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from wallflower.models import store as store_module
from wallflower.models.added import check_id, entry_of, model_of
from wallflower.models.catalog import Model, ModelError, ModelFile, catalog
from wallflower.models.fetching import Fetcher
from wallflower.models.store import FileState, Store

MakeFile = Callable[..., ModelFile]
MakeModel = Callable[..., Model]


@pytest.fixture
def mine(tmp_path: Path, make_file: MakeFile, make_model: MakeModel) -> tuple[Model, dict[str, Path]]:
    """A model of two files, and where these lie."""
    contents = {"a.bin": b"weights", "b.json": b"{}"}
    paths = {name: tmp_path / name for name in contents}
    for name, content in contents.items():
        paths[name].write_bytes(content)
    files = [replace(make_file(content, name=name), sources=()) for name, content in contents.items()]
    return make_model(*files, name="mine"), paths


def files_under(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()} - {"lock"}


def test_an_added_model_is_found_like_any_other(store: Store, mine: tuple[Model, dict[str, Path]]) -> None:
    model, paths = mine
    store.add(model, paths)
    assert store.find("mine") == model
    assert list(store.models()) == [*catalog(), "mine"]
    assert store.is_here(model)
    assert {finding.state for finding in store.verify(model)} == {FileState.HERE}
    assert all(path.exists() for path in paths.values())
    with pytest.raises(ModelError, match="did you mean mine"):
        store.find("mime")


def test_files_are_linked_where_they_can_be(store: Store, mine: tuple[Model, dict[str, Path]]) -> None:
    model, paths = mine
    store.add(model, paths)
    assert store.files(model)["a.bin"].samefile(paths["a.bin"])


def test_else_they_are_copied(
    store: Store, mine: tuple[Model, dict[str, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another disk cannot be had in a test."""

    def refuse(*_paths: Any) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    model, paths = mine
    store.add(model, paths)
    assert not store.files(model)["a.bin"].samefile(paths["a.bin"])
    assert store.files(model)["a.bin"].read_bytes() == b"weights"


def test_a_file_that_changed_meanwhile(store: Store, mine: tuple[Model, dict[str, Path]]) -> None:
    model, paths = mine
    paths["b.json"].write_bytes(b"[]")
    with pytest.raises(ModelError, match=r"b\.json was changed while it was added"):
        store.add(model, paths)
    assert files_under(store.root) == set()
    assert "mine" not in store.models()


def test_what_was_there_stays_when_it_fails(
    store: Store, mine: tuple[Model, dict[str, Path]], make_file: MakeFile, make_model: MakeModel
) -> None:
    model, paths = mine
    store.add(model, paths)
    before = files_under(store.root)
    other = make_model(model.files[0], make_file(b"more", name="c.bin"), name="other")
    with pytest.raises(ModelError, match="cannot write to the model store"):
        store.add(other, {**paths, "c.bin": paths["a.bin"].with_name("gone")})
    assert files_under(store.root) == before


def test_one_in_place_of_another(
    store: Store,
    mine: tuple[Model, dict[str, Path]],
    make_file: MakeFile,
    make_model: MakeModel,
    tmp_path: Path,
) -> None:
    model, paths = mine
    store.add(model, paths)
    paths["c.bin"] = tmp_path / "c.bin"
    paths["c.bin"].write_bytes(b"better weights")
    newer = make_model(model.files[1], make_file(b"better weights", name="c.bin"), name="mine")
    store.add(newer, paths)
    assert set(store.files(store.find("mine"))) == {"b.json", "c.bin"}
    assert store.state(model.files[0]) is FileState.MISSING
    store.add(newer, paths)
    assert store.is_here(newer)


def test_removed_with_its_registration(store: Store, mine: tuple[Model, dict[str, Path]]) -> None:
    model, paths = mine
    store.add(model, paths)
    assert store.remove(model, keep=catalog().values()) == sum(file.size or 0 for file in model.files)
    assert files_under(store.root) == set()
    assert "mine" not in store.models()


async def test_nobody_else_has_its_files(store: Store, mine: tuple[Model, dict[str, Path]]) -> None:
    model, paths = mine
    store.add(model, paths)
    store.files(model)["a.bin"].unlink()
    with pytest.raises(ModelError, match="models add DIR --id mine --replace"):
        await Fetcher(store, offline=True).ensure([model])


def test_old_leftovers_of_adding_are_cleared(store: Store) -> None:
    store.lock_path()
    old, new = store.root / f"{store_module.ADDING}old", store.root / f"{store_module.ADDING}new"
    for folder in (old, new):
        folder.mkdir()
    os.utime(old, (0, 0))
    store.clear_leftovers()
    assert (old.exists(), new.exists()) == (False, True)


@pytest.mark.parametrize("damage", ["nothing", "not JSON", "another id", "no files", "a path for a sum"])
def test_damaged_registrations_are_left_out(
    store: Store, mine: tuple[Model, dict[str, Path]], damage: str
) -> None:
    model, paths = mine
    store.add(model, paths)
    entry = entry_of(model)
    texts = {
        "nothing": "",
        "not JSON": "{",
        "another id": json.dumps({**entry, "id": "yours"}),
        "no files": json.dumps({**entry, "files": []}),
        "a path for a sum": json.dumps(
            {**entry, "files": [{"name": "a", "size": 1, "sha256": "../../identity.json"}]}
        ),
    }
    (store.root / "added" / "mine.json").write_text(texts[damage])
    assert store.models() == catalog()


def test_entries_can_be_read_again(mine: tuple[Model, dict[str, Path]]) -> None:
    model = replace(mine[0], precision="int8")
    assert model_of(json.loads(json.dumps(entry_of(model)))) == model


@pytest.mark.parametrize("name", ["", "auto", "../x", "Big", "ü", "-x", "x" * 65])
def test_ids_that_cannot_be(name: str) -> None:
    with pytest.raises(ModelError, match="cannot be an id"):
        check_id(name)
