"""Who this box is: an id and a name, made once and kept, so that others recognise it."""

import json
import os
import re
import secrets
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

from wallflower.errors import DataDirError

_FILE = "identity.json"
_ID = re.compile(r"[0-9a-f]{8}")
_LONGEST_NAME = 63


@dataclass(frozen=True, slots=True)
class Identity:
    """id: 8 hex digits. name: shown to people."""

    id: str
    name: str


def load_identity(data_dir: Path, name: str) -> Identity:
    """The identity kept in `data_dir`, made at the first call; `name`, unless empty, is used instead of
    the kept one.

    The host's name is asked only once: inside a container it changes with every start. Raises
    DataDirError when the file cannot be written.
    """
    path = data_dir / _FILE
    kept = _read(path)
    if kept is None:
        kept = Identity(
            secrets.token_hex(4), f"Wallflower {socket.gethostname().split('.')[0]}"[:_LONGEST_NAME]
        )
        _write(path, kept)
    return Identity(kept.id, name or kept.name)


def _read(path: Path) -> Identity | None:
    """What the file says; None when there is none, or it is damaged and must be made anew."""
    try:
        content = json.loads(path.read_text("utf-8"))
        id_, name = content["id"], content["name"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    if not isinstance(id_, str) or not _ID.fullmatch(id_):
        return None
    if not isinstance(name, str) or not name.isprintable() or not 0 < len(name) <= _LONGEST_NAME:
        return None
    return Identity(id_, name)


def _write(path: Path, identity: Identity) -> None:
    new = path.with_suffix(".new")
    try:
        with new.open("w", encoding="utf-8") as file:
            json.dump(asdict(identity), file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as error:
        raise DataDirError(f"cannot write {path}: {error.strerror}") from error
