"""The numbered SQL files in `migrations/`, each run once: `PRAGMA user_version` is the number of the last."""

import contextlib
import sqlite3
from functools import cache
from importlib.resources import files

from wallflower.storage.errors import StorageError


@cache
def migrations() -> tuple[str, ...]:
    """The SQL of each step, from version 0 on."""
    folder = files("wallflower.storage") / "migrations"
    names = sorted(file.name for file in folder.iterdir() if file.name.endswith(".sql"))
    return tuple((folder / name).read_text("utf-8") for name in names)


def newest_version() -> int:
    """The version that this Wallflower reads and writes."""
    return len(migrations())


def migrate(db: sqlite3.Connection, to: int | None = None) -> None:
    """Bring the database to version `to` (the newest by default), each step whole or not at all.

    Raises StorageError when a newer Wallflower made it, sqlite3.Error when a step cannot be written.
    """
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version > newest_version():
        raise StorageError(
            f"the database has version {version}, and this Wallflower knows {newest_version()} at most: "
            "install the newer Wallflower again, or move the database away"
        )
    for number, sql in enumerate(migrations()[version:to], version + 1):
        try:
            db.executescript(f"BEGIN IMMEDIATE;\n{sql}\nPRAGMA user_version = {number};\nCOMMIT;")
        except sqlite3.Error:
            with contextlib.suppress(sqlite3.Error):
                db.execute("ROLLBACK")
            raise
