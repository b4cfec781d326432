"""A database of its own for each test."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiosqlite
import pytest

from wallflower.events import Alert, Happening, Heard
from wallflower.storage.batches import write_batch
from wallflower.storage.database import DATABASE_NAME, prepare, writing

Fill = Callable[..., Awaitable[None]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database is to be; it is not there yet."""
    return tmp_path / DATABASE_NAME


@pytest.fixture
def fill(path: Path) -> Fill:
    """Writes utterances and alerts, at once, and their known speakers."""

    async def write(*batch: Heard | Alert) -> None:
        prepare(path)
        async with writing(path) as db:
            for one in batch:
                if isinstance(one, Heard) and one.speaker and one.speaker.known:
                    await db.execute(
                        "INSERT OR IGNORE INTO speakers (id, name, known, created) VALUES (?, ?, 1, 0)",
                        (one.speaker.id, one.speaker.name),
                    )
            await write_batch(db, batch)

    return write


@pytest.fixture
async def db(path: Path) -> AsyncIterator[aiosqlite.Connection]:
    """A connection to it, and it is there."""
    prepare(path)
    async with writing(path) as connection:
        yield connection


@pytest.fixture
def told() -> list[Happening]:
    """What the recorder told."""
    return []
