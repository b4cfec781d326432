"""The catalogue: each model once, with its licence, its files and where their bytes may be found."""

import difflib
import hashlib
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
EMBEDDING_MODEL = "campplus"
SEGMENTATION_MODEL = "pyannote-segmentation"
SPEAKER_MODELS = (EMBEDDING_MODEL, SEGMENTATION_MODEL)
"""What tells speakers apart; without them everything else runs."""
NEEDED_BY_DEFAULT = (DEFAULT_MODEL, VAD_MODEL)
"""What every box can use."""
SUGGESTED_MODELS = ("whisper-base-openvino-int8", "whisper-base-ggml-q8_0", DEFAULT_MODEL)
"""What a fresh box considers: it fetches those whose library works there."""

_HUB = re.compile(r"hub:(?P<repository>[^/@]+/[^/@]+)@(?P<revision>[^/]+)/(?P<path>.+)")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_CONVERT = re.compile(r"convert:(?P<model>[a-z0-9][a-z0-9._-]*)/(?P<form>[a-z]+:\w+)")
_WHEEL = re.compile(r"wheel:(?P<name>[^=/]+)==(?P<version>[^/]+)/(?P<member>.+)")


class ModelError(WallflowerError):
    """A model that is not known, not here, damaged or cannot be fetched."""

    exit_code = ExitCode.MODEL


@dataclass(frozen=True, slots=True)
class HubSource:
    """A file in a repository of the model hub. revision: a commit, or a branch, which may move on."""

    repository: str
    revision: str
    path: str

    @property
    def is_fixed(self) -> bool:
        """Whether it is the same bytes always."""
        return _COMMIT.fullmatch(self.revision) is not None


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
    """One file of a model. size: bytes. sha256: lower-case hex; it is the file's identity.

    Both are None where nobody published them; the store pins what came first, and gives the file with that
    then. pinned: whether they are so known.
    """

    name: str
    size: int | None
    sha256: str | None
    sources: tuple[Source, ...]
    pinned: bool = False

    @property
    def key(self) -> str:
        """64 hex digits that tell it from all other files: its SHA-256, or one of where it comes from."""
        return self.sha256 or hashlib.sha256(repr(self.sources).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Model:
    """One entry of the catalogue. languages: ISO 639 codes; empty when the model has none.

    memory: bytes that it takes when loaded and at work; 0 for what turns no speech into words. kind and
    quantization: what the engine `onnx` must know of it, by its library's names.
    """

    id: str
    title: str
    engine: str
    languages: tuple[str, ...]
    version: str
    licence: str
    author: str
    url: str
    files: tuple[ModelFile, ...]
    memory: int = 0
    made: ConvertSource | None = None
    """Set when the box makes the files itself, and their checksums are not known before: `files` is empty
    then, and the store pins what it made."""
    about_size: int = 0
    """Bytes of all files, roughly: where they are made here, or where not every one's size is known."""
    kind: str = ""
    quantization: str = ""
    precision: str = ""
    """How the weights are kept, where the id does not say it."""

    @property
    def size(self) -> int:
        """Bytes of all files; where they are not known, about."""
        return self.about_size or sum(file.size or 0 for file in self.files)

    @property
    def is_pinned(self) -> bool:
        """Whether some checksums are known only when the files are here for the first time."""
        return self.made is not None or any(file.sha256 is None for file in self.files)


def parse_source(text: str) -> Source:
    """A source as the catalogue writes it. Raises ModelError when it is of no known form."""
    if match := _HUB.fullmatch(text):
        return HubSource(**match.groupdict())
    if match := _WHEEL.fullmatch(text):
        return WheelSource(**match.groupdict())
    if match := _CONVERT.fullmatch(text):
        return ConvertSource(**match.groupdict())
    raise ModelError(f"the catalogue has a source of no known form: {text}")


def parse_catalog(*texts: str) -> dict[str, Model]:
    """The models of a catalogue in TOML, by id. `entries/README.md` tells the form."""
    contents = [tomllib.loads(text) for text in texts]
    sets = {name: codes for content in contents for name, codes in content.get("languages", {}).items()}
    models = [
        _model({**content.get("shared", {}), **entry}, sets)
        for content in contents
        for entry in content.get("model", ())
    ]
    return {model.id: model for model in models}


def _model(entry: Mapping[str, Any], sets: Mapping[str, list[str]]) -> Model:
    made = parse_source(entry["made"]["source"]) if "made" in entry else None
    assert made is None or isinstance(made, ConvertSource)
    return Model(
        id=entry["id"],
        title=entry["title"],
        engine=entry["engine"],
        languages=tuple(code for name in entry["languages"] for code in sets.get(name, [name])),
        version=entry["version"],
        licence=entry["licence"],
        author=entry["attribution"]["name"],
        url=entry["attribution"]["url"],
        files=tuple(_file(file, entry.get("hub", "")) for file in entry.get("file", ())),
        memory=entry.get("memory", 0),
        made=made,
        about_size=entry["made"]["size"] if made else entry.get("about_size", 0),
        kind=entry.get("kind", ""),
        quantization=entry.get("quantization", ""),
    )


def _file(file: Mapping[str, Any], hub: str) -> ModelFile:
    sources = file.get("sources") or [f"hub:{hub}/{file.get('path', file['name'])}"]
    return ModelFile(
        name=file["name"],
        size=file.get("size"),
        sha256=file.get("sha256"),
        sources=tuple(parse_source(source) for source in sources),
    )


@cache
def catalog() -> dict[str, Model]:
    """The catalogue that comes with the package."""
    folder = resources.files(__package__).joinpath("entries")
    texts = [path.read_text("utf-8") for path in folder.iterdir() if path.name.endswith(".toml")]
    models = parse_catalog(*texts)
    return {id_: models[id_] for id_ in sorted(models)}


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
