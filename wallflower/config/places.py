"""Where things are kept on this machine."""

import os
from collections.abc import Mapping
from pathlib import Path

from wallflower.config.options import Options
from wallflower.errors import DataDirError


def data_dir(options: Options, environment: Mapping[str, str] = os.environ) -> Path:
    """The data directory; it need not be there. Raises DataDirError when its name makes no sense."""
    if options.data_dir:
        try:
            return Path(options.data_dir).expanduser()
        except RuntimeError as error:  # ~somebody who is not
            raise DataDirError(f"cannot use the data directory {options.data_dir}: {error}") from error
    if environment.get("SUPERVISOR_TOKEN"):  # the add-on: Supervisor mounts what is kept here
        return Path("/data")
    base = environment.get("XDG_DATA_HOME") or Path("~/.local/share").expanduser()
    return Path(base) / "wallflower"


def writable_data_dir(options: Options, environment: Mapping[str, str] = os.environ) -> Path:
    """The data directory, made if need be. Raises DataDirError when it cannot be made or written."""
    path = data_dir(options, environment)
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
