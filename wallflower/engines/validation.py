"""Whether models that were made of one checkpoint still hear the same."""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from wallflower.audio.pcm import AudioError
from wallflower.engines.agreement import Agreement, agreements, family, pairs_of
from wallflower.engines.base import EngineError
from wallflower.engines.decoding import Clip, Decoded, check_memory, decode_apart
from wallflower.engines.loading import SPEAKING
from wallflower.errors import ExitCode
from wallflower.models.catalog import Model, ModelError
from wallflower.models.store import Store

BUNDLED = (Clip(), Clip(longest_seconds=8.0))
"""The clip that comes with the package: whole, and in pieces as short as a command, for which Whisper's
engines take another path.
"""

_MANIFEST = "manifest.tsv"
_SOUND = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".m4a")


class ValidationError(EngineError):
    """There is nothing to compare."""

    exit_code = ExitCode.USAGE


@dataclass(frozen=True, slots=True)
class Validation:
    """What came of it. decoded: by the model's id."""

    agreements: list[Agreement]
    decoded: Mapping[str, Decoded]

    @property
    def good(self) -> bool:
        """Whether all are alike enough."""
        return all(each.good for each in self.agreements)


def clips_in(folder: Path) -> list[Clip]:
    """The sound files in a folder: those of its `manifest.tsv` (column `path`), or all that lie in it.

    Raises AudioError when there are none.
    """
    try:
        if (folder / _MANIFEST).is_file():
            with (folder / _MANIFEST).open(encoding="utf-8", newline="") as file:
                rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
                paths = [folder / row["path"] for row in rows if row.get("path")]
        else:
            paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in _SOUND)
    except OSError as error:
        raise AudioError(f"cannot read {error.filename or folder}: {error.strerror}") from error
    if not paths:
        raise AudioError(
            f"there is no sound in {folder}: files that end in {', '.join(_SOUND)}, or {_MANIFEST}"
        )
    return [Clip(path) for path in paths]


def groups_to_compare(store: Store, ids: Sequence[str]) -> list[list[Model]]:
    """The models with these ids, as one group; of a single id, it and the others of its checkpoint that are
    here; of none, a group for each checkpoint that has several here. Raises ModelError or ValidationError.
    """
    named = [store.find(model_id) for model_id in dict.fromkeys(ids)]
    for model in named:
        if model.engine not in SPEAKING:
            raise ModelError(f"model {model.id} does not turn speech into words")
        store.files(model)  # or it says what is missing
    if len(named) > 1:
        return [named]
    here = [model for model in store.models().values() if model.engine in SPEAKING and store.is_here(model)]
    families = [list(those) for _, those in groupby(sorted(here, key=family), key=family)]
    if named:
        families = [those for those in families if named[0] in those]
    several = [those for those in families if len(those) > 1]
    if not several:
        raise ValidationError(
            "there is nothing to compare: of no checkpoint are there two conversions here; "
            f"here are: {', '.join(model.id for model in here) or 'none'}"
        )
    return several


async def validate(
    groups: Sequence[Sequence[Model]],
    store: Store,
    clips: Sequence[Clip],
    *,
    language: str,
    threads: int,
    report: Callable[[str, int], None],
) -> Validation:
    """Have each model decode the clips, one after the other, each in a process of its own, and compare those
    of a group.

    language: ISO 639 code of what is said. report: told the model's id and how many clips it has decoded.
    Raises EngineError when a model does not speak the language or fails, ModelError when it is not complete.
    """
    models = [model for those in groups for model in those]
    for model in models:
        if language not in model.languages:
            raise ModelError(
                f"model {model.id} does not speak {language!r}, only {', '.join(model.languages)}"
            )
        check_memory(model.id, model.engine, model.size)
    decoded = {}
    for model in models:
        report(model.id, 0)
        try:
            decoded[model.id] = await decode_apart(
                model,
                store.files(model),
                clips,
                threads=threads,
                language=language,
                on_text=lambda done, name=model.id: report(name, done),  # type: ignore[misc]
            )
        except EngineError as error:
            raise EngineError(f"{model.id}: {error}") from error
    texts = {name: each.texts for name, each in decoded.items()}
    if not any(text for those in texts.values() for text in those):
        raise ValidationError("no model heard a word in the clips: there is nothing to compare")
    pairs = [pair for those in groups for pair in pairs_of(those)]
    return Validation(agreements(pairs, texts), decoded)
