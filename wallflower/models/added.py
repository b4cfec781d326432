"""Models that the user added: entries like those of the catalogue, in `added/ID.json` of the store."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wallflower.config.kept import read_kept, write_kept
from wallflower.models.catalog import Model, ModelError, ModelFile

_FOLDER = "added"
_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_TEXTS = ("id", "title", "engine", "version", "licence", "author", "url", "precision")


def check_id(model_id: str) -> None:
    """Raises ModelError when no model may have this id."""
    if model_id == "auto" or not _ID.fullmatch(model_id):
        raise ModelError(
            f"{model_id!r} cannot be an id; one has up to 64 small letters, digits, dots, hyphens and "
            "underscores, a letter or digit first, and is not 'auto'"
        )


def added_models(root: Path) -> dict[str, Model]:
    """The models that were added to the store at `root`, by id; a damaged entry is left out."""
    models = {}
    for path in sorted((root / _FOLDER).glob("*.json")):
        try:
            model = model_of(read_kept(path))
        except ModelError:
            continue
        if path.stem == model.id and model.files:
            models[model.id] = model
    return models


def register_added(root: Path, model: Model) -> None:
    """Keep `model`, whose files are in the store at `root`. Raises OSError or DataDirError."""
    path = root / _FOLDER / f"{model.id}.json"
    path.parent.mkdir(exist_ok=True)
    write_kept(path, entry_of(model))


def forget_added(root: Path, model_id: str) -> None:
    """Drop the entry with this id, if there is one. Raises OSError."""
    (root / _FOLDER / f"{model_id}.json").unlink(missing_ok=True)


def entry_of(model: Model) -> dict[str, Any]:
    """A model as JSON can hold it. Where its files came from is not part of it."""
    return {
        **{name: getattr(model, name) for name in (*_TEXTS, "kind", "quantization")},
        "languages": list(model.languages),
        "files": [{"name": file.name, "size": file.size, "sha256": file.sha256} for file in model.files],
    }


def model_of(entry: Mapping[str, Any]) -> Model:
    """The model of an entry. Raises ModelError when it is damaged."""
    match entry:
        case {"languages": [*languages], "files": [*files]} if (
            all(isinstance(entry.get(name), str) for name in _TEXTS)
            and all(isinstance(language, str) for language in languages)
            and _ID.fullmatch(entry["id"])
        ):
            return Model(
                **{name: entry[name] for name in _TEXTS},
                kind=str(entry.get("kind", "")),
                quantization=str(entry.get("quantization", "")),
                languages=tuple(languages),
                files=tuple(_file(file) for file in files),
            )
    raise ModelError("the entry of an added model is damaged")


def _file(file: Any) -> ModelFile:
    match file:
        case {"name": str(name), "size": int(size), "sha256": str(sha256)} if _SHA256.fullmatch(sha256):
            return ModelFile(name, size, sha256, ())
    raise ModelError("the entry of an added model is damaged")
