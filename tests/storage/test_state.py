"""What the daemon must know after a restart is there after it."""

from pathlib import Path

import pytest

from wallflower.storage.database import prepare, reading, writing
from wallflower.storage.state import get_state, set_state


async def test_what_is_set_is_got_until_it_is_taken_away(path: Path) -> None:
    prepare(path)
    value = {"kitchen": {"enabled": False, "gain": 1.5, "langs": ["de", "日本"]}}
    async with writing(path) as db:
        assert await get_state(db, "sources") is None
        await set_state(db, "sources", {})
        await set_state(db, "sources", value)
        await set_state(db, "rules", [1])
    async with reading(path) as db:
        assert await get_state(db, "sources") == value
    async with writing(path) as db:
        await set_state(db, "sources", None)
        assert await get_state(db, "sources") is None
        assert await get_state(db, "rules") == [1]


async def test_what_json_cannot_hold_is_refused(path: Path) -> None:
    prepare(path)
    async with writing(path) as db:
        with pytest.raises(TypeError):
            await set_state(db, "x", object())
        with pytest.raises(ValueError, match="JSON"):
            await set_state(db, "x", float("nan"))
