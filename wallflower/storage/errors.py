"""What can go wrong with the database."""

import sqlite3

from wallflower.errors import ExitCode, WallflowerError

_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


class StorageError(WallflowerError):
    """The database cannot be read or written."""

    exit_code = ExitCode.DATA


class NoSuchSpeakerError(StorageError):
    """Nobody has this name or id."""

    exit_code = ExitCode.USAGE


class SpeakerNameError(StorageError):
    """What cannot be a person's name."""

    exit_code = ExitCode.USAGE


class NameTakenError(SpeakerNameError):
    """Another speaker has this name."""


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file itself is broken, not the disk full or the moment wrong."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _DAMAGED
