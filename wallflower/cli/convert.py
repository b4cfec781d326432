"""`wallflower models convert`: a checkpoint becomes a file that an engine reads, without torch."""

import argparse
import asyncio
import sys
from pathlib import Path

from wallflower.cli.progress import fetch_progress
from wallflower.config import Options
from wallflower.config.places import data_dir
from wallflower.errors import ExitCode
from wallflower.models.catalog import ConvertSource, Model, ModelError, catalog, find_model
from wallflower.models.conversion.forms import check_form, convert
from wallflower.models.fetching import fetcher_of
from wallflower.models.store import Store, hash_file


def execute(parsed: argparse.Namespace, options: Options) -> int:
    """Convert, and say where the result is."""
    check_form(parsed.to)
    store = Store(data_dir(options) / "models")
    folder = Path(parsed.source)
    if folder.is_dir():
        ending = ".bin" if parsed.to.startswith("ggml:") else ""
        target = parsed.output or Path(f"{folder.resolve().name}-{parsed.to.replace(':', '-')}{ending}")
        return _write(folder, parsed.to, target)
    checkpoint = find_model(parsed.source)
    if checkpoint.engine != "checkpoint":
        raise ModelError(
            f"model {checkpoint.id} is no checkpoint; these can be converted: "
            + ", ".join(model.id for model in catalog().values() if model.engine == "checkpoint")
        )
    if parsed.output:
        _ensure(options, checkpoint)
        return _write(store.files(checkpoint), parsed.to, parsed.output)
    made = _made_from(checkpoint, parsed.to)
    _ensure(options, made)
    print(f"{made.id} is here and verified")
    return ExitCode.OK


def _made_from(checkpoint: Model, form: str) -> Model:
    source = ConvertSource(checkpoint.id, form)
    for model in catalog().values():
        if source == model.made or any(source in file.sources for file in model.files):
            return model
    raise ModelError(f"the catalogue has no {form} of {checkpoint.id}; say where to write it, with --output")


def _ensure(options: Options, model: Model) -> None:
    with fetch_progress(sys.stderr) as progress:
        asyncio.run(fetcher_of(options, progress).ensure([model], rehash=True))


def _write(checkpoint: Path | dict[str, Path], form: str, target: Path) -> int:
    with fetch_progress(sys.stderr) as progress:

        def report(done: int, total: int) -> None:
            progress.start(target.name, total, doing="making")
            progress.advance(done)

        try:
            convert(checkpoint, form, target, report)
        except OSError as error:
            raise ModelError(f"cannot write {target}: {error.strerror or error}") from error
    if target.is_dir():
        print(f"{target}: {', '.join(sorted(path.name for path in target.iterdir()))}")
    else:
        print(f"{target}: {target.stat().st_size / 1e6:.1f} MB, SHA-256 {hash_file(target)}")
    return ExitCode.OK
