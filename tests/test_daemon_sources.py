"""The daemon as a process of its own, listening to a source: into the database, and not into the log."""

import asyncio
import json
import shutil
import signal
import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.test_daemon import _daemon
from wallflower.storage.database import DATABASE_NAME, reading
from wallflower.storage.errors import StorageError


async def _texts(home: Path) -> list[str]:
    try:
        async with reading(home / DATABASE_NAME) as db:
            return [row[0] for row in await db.execute_fetchall("SELECT text FROM utterances")]
    except StorageError:
        return []


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="there is no ffmpeg here")
async def test_what_is_said_is_in_the_database_and_in_no_log(
    speech: NDArray[np.int16], own_data_dir: Path, tmp_path: Path
) -> None:
    with wave.open(str(tmp_path / "talk.wav"), "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(16_000)
        wav.writeframes(np.concatenate([speech[: 5 * 16_000], np.zeros(32_000, np.int16)]).tobytes())
    sources = [
        {"name": "Talk", "url": (tmp_path / "talk.wav").as_uri()},
        {"name": "Camera", "url": "rtsp://user:geheim@127.0.0.1:9/x"},
    ]
    flags = ["--sources", json.dumps(sources), "--source-folders", str(tmp_path)]
    async with _daemon(own_data_dir, *flags) as daemon:
        for _ in range(600):
            if texts := await _texts(own_data_dir):
                break
            await asyncio.sleep(0.1)
        assert any("best of times" in text for text in texts)
        daemon.process.send_signal(signal.SIGTERM)
        await daemon.line("stopped")
        assert await daemon.process.wait() == 0
    log = json.dumps(daemon.lines) + "".join(daemon.notes)
    assert "best of times" not in log
    assert "geheim" not in log
