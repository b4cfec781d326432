"""What the daemon must know after a restart: JSON by name."""

import json
from typing import Any

import aiosqlite


async def get_state(db: aiosqlite.Connection, name: str) -> Any:
    """What was set under `name`; None when nothing was. Raises sqlite3.Error."""
    rows = list(await db.execute_fetchall("SELECT value FROM state WHERE name = ?", (name,)))
    return json.loads(rows[0][0]) if rows else None


async def set_state(db: aiosqlite.Connection, name: str, value: Any) -> None:
    """Keep `value`, at once and through a power cut; None takes it away.

    Raises TypeError and ValueError for what JSON cannot hold, sqlite3.Error.
    """
    if value is None:
        await db.execute("DELETE FROM state WHERE name = ?", (name,))
        return
    await db.execute(
        "INSERT INTO state (name, value) VALUES (?, ?) "
        "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, json.dumps(value, allow_nan=False)),
    )
