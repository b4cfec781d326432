"""`wallflower models`: the catalogue, and what the store has of it."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from importlib import import_module

from wallflower.cli.progress import fetch_progress
from wallflower.config import Options
from wallflower.config.places import data_dir
from wallflower.engines.known import ENGINES
from wallflower.errors import ExitCode
from wallflower.hardware.libraries import installed_version
from wallflower.models.catalog import NEEDED_BY_DEFAULT, SUGGESTED_MODELS, find_model
from wallflower.models.store import FileState, Store

_FILES_OF_THEIR_OWN = {"add": "model_add", "convert": "convert", "validate": "model_validate"}


def execute(parsed: argparse.Namespace, options: Options) -> int:
    """Run one of the actions."""
    if parsed.action in _FILES_OF_THEIR_OWN:
        action = import_module(f"wallflower.cli.{_FILES_OF_THEIR_OWN[parsed.action]}")
        code: int = action.execute(parsed, options)
        return code
    store = Store(data_dir(options) / "models")
    match parsed.action:
        case "list":
            from wallflower.cli.model_list import show_models

            show_models(store, parsed.words, everything=parsed.everything)
            return ExitCode.OK
        case "pull":
            return _pull(options, parsed.ids)
        case "verify":
            return _verify(store, parsed.ids)
        case _:
            return _remove(store, parsed.ids)


def _pull(options: Options, ids: Sequence[str]) -> int:
    from wallflower.models.fetching import fetcher_of

    with fetch_progress(sys.stderr) as progress:
        fetcher = fetcher_of(options, progress)
        models = [fetcher.store.find(id_) for id_ in ids or needed_here()]
        asyncio.run(fetcher.ensure(models, rehash=True))
    store = fetcher.store
    for model in models:
        pinned = [file.name for file in store.files_of(model) if file.pinned]
        print(f"{model.id} is here and verified{_pinned(', '.join(pinned))}")
    return ExitCode.OK


def needed_here() -> list[str]:
    """What `run` needs, or considers at its first start, with the libraries that are installed."""
    suggested = [find_model(id_) for id_ in SUGGESTED_MODELS]
    suit = [model.id for model in suggested if installed_version(ENGINES[model.engine].library)]
    return list(dict.fromkeys([*NEEDED_BY_DEFAULT, *suit]))


def _pinned(what: str) -> str:
    return f" ({what} pinned on first use)" if what else ""


def _verify(store: Store, ids: Sequence[str]) -> int:
    models = [store.find(id_) for id_ in ids] or [
        model
        for model in store.models().values()
        if any(store.state(file) in {FileState.HERE, FileState.DAMAGED} for file in store.files_of(model))
    ]
    if not models:
        print("no model is here; fetch what is needed with: wallflower models pull")
    bad = False
    for finding in (finding for model in models for finding in store.verify(model)):
        good = finding.state is FileState.HERE
        bad |= not good
        line = f"{finding.model.id} {finding.file.name}: {'good' if good else finding.state.value}"
        line += _pinned("checksum" if finding.file.pinned else "")
        print(line if good else f"{line}: {finding.detail}")
    if bad:
        print("fetch damaged and missing files again with: wallflower models pull ID", file=sys.stderr)
    return ExitCode.MODEL if bad else ExitCode.OK


def _remove(store: Store, ids: Sequence[str]) -> int:
    models = [store.find(id_) for id_ in ids]
    others = [model for model in store.models().values() if model not in models]
    for model in models:
        freed = store.remove(model, keep=others)
        print(f"{model.id} removed, {freed / 1e6:.1f} MB freed")
    return ExitCode.OK
