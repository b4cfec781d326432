"""Who this box is: an id and a name, made once and kept, so that others recognise it."""

import re
import secrets
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

from wallflower.config.kept import read_kept, write_kept

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
        write_kept(path, asdict(kept))
    return Identity(kept.id, name or kept.name)


def _read(path: Path) -> Identity | None:
    """What the file says; None when there is none, or it is damaged and must be made anew."""
    content = read_kept(path)
    id_, name = content.get("id"), content.get("name")
    if not isinstance(id_, str) or not _ID.fullmatch(id_):
        return None
    if not isinstance(name, str) or not name.isprintable() or not 0 < len(name) <= _LONGEST_NAME:
        return None
    return Identity(id_, name)
