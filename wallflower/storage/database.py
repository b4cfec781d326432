"""Opening the database: its settings, its version, its health, and what is done with a broken one."""

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import aiosqlite

from wallflower.storage.errors import StorageError, is_damage
from wallflower.storage.migrating import migrate, newest_version

DATABASE_NAME = "wallflower.db"
"""In the data directory."""

_BUSY_MS = 5000
# FULL: a power cut loses nothing that was committed. secure_delete: what is deleted is overwritten.
# temp_store: no sorting leaves words in a file elsewhere.
_SETTINGS = (
    f"PRAGMA busy_timeout = {_BUSY_MS}",
    "PRAGMA synchronous = FULL",
    "PRAGMA secure_delete = ON",
    "PRAGMA foreign_keys = ON",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA journal_size_limit = 33554432",
)
FTS_ERASES = sqlite3.sqlite_version_info >= (3, 42)
"""Whether the full-text index can erase what is deleted, as soon as it is deleted."""


def prepare(path: Path) -> Path | None:
    """Make the database at `path` ready: new, migrated, or a new one in the place of a broken one. Blocks.

    Returns where a broken one was moved to. After an unclean end (there is a log that nobody took in) the
    whole file is checked, else its head alone. Raises StorageError for a newer version, sqlite3.Error and
    OSError for a disk that cannot be used.
    """
    try:
        _open(path)
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        aside = set_aside(path)
        _open(path)
        return aside
    return None


def set_aside(path: Path) -> Path:
    """Move a broken database out of the way, with its log. Returns its new place. Raises OSError."""
    aside = path.with_name(f"{path.name}.broken-{datetime.now(UTC):%Y%m%dT%H%M%S%f}")
    for suffix in ("-wal", "-shm", ""):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    return aside


@asynccontextmanager
async def connected(path: Path) -> AsyncIterator[aiosqlite.Connection]:
    """A connection to a database that is there, in autocommit mode, for all that is stored.

    Raises StorageError when it is not there or may not be looked at, or of another version; sqlite3.Error.
    """
    try:
        there = await asyncio.to_thread(path.exists)
    except OSError as error:
        raise StorageError(f"cannot use the database {path}: {error.strerror}") from error
    if not there:
        raise StorageError(f"there is no database at {path}; a daemon that listens to a source makes it")
    async with _opened(path) as db:
        for setting in _SETTINGS:
            await db.execute(setting)
        ((version,),) = await db.execute_fetchall("PRAGMA user_version")
        if version != newest_version():
            raise StorageError(
                f"the database {path} has version {version}, and this Wallflower reads {newest_version()}: "
                "run the daemon of the newer of the two"
            )
        yield db


@asynccontextmanager
async def _opened(path: Path) -> AsyncIterator[aiosqlite.Connection]:
    """A connection, closed whatever happens: who is cancelled meanwhile waits until it is open, since
    its thread would answer to nobody.
    """
    opening = asyncio.ensure_future(aiosqlite.connect(path, isolation_level=None))
    try:
        db = await asyncio.shield(opening)
    except asyncio.CancelledError:
        await asyncio.wait([opening])
        if opening.exception() is None:
            await opening.result().close()
        raise
    try:
        yield db
    finally:
        await db.close()


@asynccontextmanager
async def reading(path: Path) -> AsyncIterator[aiosqlite.Connection]:
    """A connection that cannot write. Raises StorageError, also for what SQLite says inside.

    A new one each time: it costs a millisecond, holds no memory when nobody reads, and finds the new database
    when a broken one was set aside.
    """
    async with writing(path) as db:
        await db.execute("PRAGMA query_only = ON")
        yield db


@asynccontextmanager
async def writing(path: Path) -> AsyncIterator[aiosqlite.Connection]:
    """A connection beside the recorder's. Raises StorageError, also for what SQLite says inside."""
    try:
        async with connected(path) as db:
            yield db
    except sqlite3.Error as error:
        raise StorageError(f"cannot use the database {path}: {error}") from error


@asynccontextmanager
async def transaction(db: aiosqlite.Connection) -> AsyncIterator[None]:
    """All of the block or nothing. Raises sqlite3.Error."""
    await db.execute("BEGIN IMMEDIATE")
    try:
        yield
        await db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                await db.execute("ROLLBACK")
        raise


async def checkpoint(db: aiosqlite.Connection) -> bool:
    """Take the whole log into the database; whether nobody was in the way. Raises sqlite3.Error."""
    ((busy, _pages, _taken),) = await db.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
    return not busy


def _open(path: Path) -> None:
    unclean = path.with_name(path.name + "-wal").exists()
    # What people say is theirs alone; SQLite gives the log the same permissions.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        db.execute("PRAGMA auto_vacuum = INCREMENTAL")  # heeded by a new database alone
        db.execute("PRAGMA journal_mode = WAL")
        if unclean:
            (verdict,) = db.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                error = sqlite3.DatabaseError(verdict)
                error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
                raise error
        migrate(db)
        if FTS_ERASES:
            db.execute("INSERT INTO utterance_index (utterance_index, rank) VALUES ('secure-delete', 1)")
