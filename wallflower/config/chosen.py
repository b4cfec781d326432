"""What was chosen while the daemon ran, in place of an option: it holds until that option is changed."""

import dataclasses
from pathlib import Path
from typing import Any

import voluptuous as vol

from wallflower.config.kept import read_kept, write_kept
from wallflower.config.options import FIELDS, Options

_FILE = "chosen.json"
_MAY_BE_CHOSEN = ("power", "policy")


def with_choices(options: Options, data_dir: Path) -> Options:
    """The options, with what was chosen in place of them."""
    values = {}
    for name, entry in read_kept(data_dir / _FILE).items():
        if name not in _MAY_BE_CHOSEN or not isinstance(entry, dict):
            continue
        if entry.get("instead_of") == getattr(options, name):
            try:
                values[name] = vol.Schema(FIELDS[name].metadata["check"])(entry.get("value"))
            except vol.Invalid:
                continue
    return dataclasses.replace(options, **values)


def choose(options: Options, data_dir: Path, name: str, value: Any) -> None:
    """From the next start on, `value` holds in place of what `options` says. Raises DataDirError.

    options: without the choices of before. value: one that the option's own check passes.
    """
    kept = read_kept(data_dir / _FILE)
    kept[name] = {"instead_of": getattr(options, name), "value": value}
    write_kept(data_dir / _FILE, kept)
