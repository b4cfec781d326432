"""Small JSON files in the data directory that must be whole after a power cut, or are made anew."""

import contextlib
import json
import os
from pathlib import Path
from typing import Any

from wallflower.errors import DataDirError


def read_kept(path: Path) -> dict[str, Any]:
    """The object in the file; an empty one when there is no file, or it is damaged."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def write_kept(path: Path, content: dict[str, Any]) -> None:
    """Put the object in place of the file at once: a reader sees the old one or the new one.

    Raises DataDirError when the file cannot be written.
    """
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        with new.open("w", encoding="utf-8") as file:
            json.dump(content, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)
        raise DataDirError(f"cannot write {path}: {error.strerror}") from error
