"""Where things are kept on this machine."""

import os
from collections.abc import Mapping
from pathlib import Path

from wallflower.config.options import Options
from wallflower.errors import DataDirError


def _expanded(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError as error:  # ~somebody who is not
        raise DataDirError(f"cannot use the data directory {text}: {error}") from error


def data_dir(options: Options, environment: Mapping[str, str] = os.environ) -> Path:
    """The data directory, made if need be. Raises DataDirError when it cannot be made or written."""
    if options.data_dir:
        path = _expanded(options.data_dir)
    elif environment.get("SUPERVISOR_TOKEN"):  # the add-on: Supervisor mounts what is kept here
        path = Path("/data")
    else:
        base = environment.get("XDG_DATA_HOME") or Path("~/.local/share").expanduser()
        path = Path(base) / "wallflower"
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataDirError(
            f"cannot make the data directory {path}: {error.strerror}; choose another with --data-dir"
        ) from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise DataDirError(
            f"cannot write to the data directory {path}; change its owner, or choose another with --data-dir"
        )
    return path
