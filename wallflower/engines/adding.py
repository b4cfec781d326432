"""A model that the user brings: looked at, converted if need be, tried on a clip, and then registered."""

import asyncio
import re
import shutil
import tempfile
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from wallflower.engines.agreement import similarity
from wallflower.engines.base import EngineError
from wallflower.engines.decoding import PROBE, Decoded, check_memory, decode_apart
from wallflower.engines.loading import SPEAKING
from wallflower.engines.model_files import CHECKPOINT, CONVERTED_TO, Look, look_for
from wallflower.models.added import added_models, check_id
from wallflower.models.catalog import Model, ModelError, ModelFile, catalog
from wallflower.models.progress import Progress
from wallflower.models.store import ADDING, Store, hash_file

_HINT = re.compile(r"; (?:try: wallflower models verify|fetch .*)$")
"""What engines advise for a model of the store; this one is not there yet."""

_SAID = (
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of "
    "foolishness, it was the epoch of belief, it was the epoch of incredulity, it was the season of light, "
    "it was the season of darkness, it was the spring of hope, it was the winter of despair"
)
"""What is said in the probe clip."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be added. path: a folder, or one file. engine: empty where the files tell. languages: ISO
    639 codes; empty: all that the engine finds in the model. licence: of the weights.
    """

    path: Path
    id: str
    engine: str = ""
    languages: tuple[str, ...] = ()
    title: str = ""
    licence: str = "unknown"


@dataclass(frozen=True, slots=True)
class Added:
    """A model that was registered, and what it made of the probe clip."""

    model: Model
    probe: Decoded

    @property
    def text(self) -> str:
        """What it heard in the clip."""
        return self.probe.texts[0]

    @property
    def similarity(self) -> float | None:
        """How like what is said that is, 0 to 1; None when the model does not speak the clip's language."""
        return similarity([_SAID], [self.text]) if "en" in self.model.languages else None


async def add_model(
    wanted: Wanted, store: Store, progress: Progress, *, threads: int, instead: bool = False
) -> Added:
    """Try the model on a clip in a process of its own, and keep it in `store`.

    instead: put it in place of one that was added under the same id. Nothing is left of one that does not
    work. Raises ModelError when the files are not what they should be, EngineError when the model cannot be
    loaded or does not decode.
    """
    _check_id(wanted.id, store, instead=instead)
    look = await asyncio.to_thread(look_for, wanted.path, wanted.engine)
    engine = wanted.engine or look.engine
    if engine == CHECKPOINT:
        raise ModelError(
            f"{wanted.path} looks like {look.what}: say what it shall become with --engine "
            + " or ".join(name for name in CONVERTED_TO if name in SPEAKING)
        )
    if engine not in SPEAKING:
        raise ModelError(
            f"{wanted.path} looks like {look.what}; this version cannot load models of engine {engine} yet, "
            f"only of {', '.join(SPEAKING)}"
        )
    if engine == "onnx" and not wanted.languages:
        raise ModelError("ONNX graphs do not tell which languages they speak: name them with --language")
    if look.engine != CHECKPOINT:
        return await _try_and_keep(wanted, look, store, threads=threads)
    with tempfile.TemporaryDirectory(dir=store.lock_path().parent, prefix=ADDING) as temporary:
        converted = await _convert(look, CONVERTED_TO[engine], Path(temporary), wanted, progress)
        return await _try_and_keep(wanted, converted, store, threads=threads)


async def _try_and_keep(wanted: Wanted, look: Look, store: Store, *, threads: int) -> Added:
    model = await asyncio.to_thread(_described, wanted, look)
    check_memory(wanted.id, model.engine, model.size)
    try:
        probe = await decode_apart(model, look.files, [PROBE], threads=threads)
    except EngineError as error:
        raise EngineError(f"{wanted.path} was not added: {_HINT.sub('', str(error))}") from error
    model = replace(model, languages=_languages(wanted, model, probe))
    if "en" in model.languages and not probe.texts[0]:
        raise EngineError(
            f"{wanted.path} was not added: it is to understand English, but heard nothing in 20 s of read "
            "speech; the files may be damaged, or it speaks other languages: name them with --language"
        )
    await asyncio.to_thread(store.add, model, look.files)
    return Added(model, probe)


def _check_id(model_id: str, store: Store, *, instead: bool) -> None:
    check_id(model_id)
    if model_id in catalog():
        raise ModelError(f"the catalogue has a model {model_id}; choose another id")
    if model_id in added_models(store.root) and not instead:
        raise ModelError(
            f"a model {model_id} was added before; put this one in its place with --replace, "
            "or choose another id"
        )


async def _convert(look: Look, form: str, folder: Path, wanted: Wanted, progress: Progress) -> Look:
    """The checkpoint in the form that the engine reads, in `folder`. Raises ModelError."""
    from wallflower.models.conversion.forms import convert

    size = sum(path.stat().st_size for path in look.files.values())
    if shutil.disk_usage(folder).free < size:
        raise ModelError(
            f"{folder.parent} has no room to convert {wanted.path}: {size / 1e6:.0f} MB are needed"
        )
    target = folder / (f"{wanted.id}.bin" if form.startswith("ggml:") else wanted.id)
    loop = asyncio.get_running_loop()
    start = partial(progress.start, f"{form} of {wanted.path}", doing="making")

    def report(done: int, total: int) -> None:
        loop.call_soon_threadsafe(start, total)
        loop.call_soon_threadsafe(progress.advance, done)

    start(None)
    try:
        await asyncio.to_thread(convert, dict(look.files), form, target, report)
    except OSError as error:
        raise ModelError(f"cannot write {target}: {error.strerror or error}") from error
    made = await asyncio.to_thread(look_for, target)
    return replace(made, precision=form.partition(":")[2])


def _described(wanted: Wanted, look: Look) -> Model:
    """The entry of the model; its languages are those that were named, or none yet."""
    files = tuple(
        ModelFile(name, path.stat().st_size, hash_file(path), ()) for name, path in sorted(look.files.items())
    )
    return Model(
        id=wanted.id,
        title=wanted.title or f"{wanted.id}, added by hand",
        engine=look.engine,
        languages=wanted.languages or (("en",) if look.engine == "moonshine" else ()),
        version="1",
        licence=wanted.licence,
        author="unknown",
        url="",
        files=files,
        precision=look.precision,
        kind=look.kind,
        quantization=look.quantization,
    )


def _languages(wanted: Wanted, model: Model, probe: Decoded) -> tuple[str, ...]:
    """The languages of the model. Raises ModelError when it does not know one that was named."""
    strange = [language for language in wanted.languages if language not in probe.languages]
    if strange:
        raise ModelError(
            f"{wanted.path} was not added: it does not speak {', '.join(strange)}; "
            f"it speaks {', '.join(probe.languages)}"
        )
    return model.languages or probe.languages
