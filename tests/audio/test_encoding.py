"""Speech becomes a compressed file that gives back what was said."""

import asyncio
import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from wallflower.audio.encoding import Codec, encode_file
from wallflower.audio.ffmpeg import decode_file, duration_of
from wallflower.audio.pcm import AudioError

TONE: NDArray[np.int16] = (8000 * np.sin(np.arange(32_000) * 2 * np.pi * 440 / 16_000)).astype(np.int16)


async def test_flac_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "-a.flac.part"
    await encode_file(TONE, path, Codec.FLAC)
    assert path.read_bytes()[:4] == b"fLaC"
    assert await duration_of(path) == 2.0
    decoded = np.concatenate([block async for block in decode_file(path)])
    assert np.array_equal(decoded, TONE)


async def test_opus_is_small_and_alike(tmp_path: Path) -> None:
    path = tmp_path / "a.opus.part"
    await encode_file(TONE, path, Codec.OPUS)
    assert path.read_bytes()[:4] == b"OggS"
    assert path.stat().st_size < TONE.nbytes / 4
    decoded = np.concatenate([block async for block in decode_file(path)]).astype(float)
    assert abs(len(decoded) - 32_000) < 400
    spectrum = np.abs(np.fft.rfft(decoded[:32_000]))
    assert abs(int(np.argmax(spectrum)) * 16_000 / 32_000 - 440) < 5


async def test_what_cannot_be_written_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="cannot write"):
        await encode_file(TONE, tmp_path / "nowhere" / "a.flac", Codec.FLAC)
    assert list(tmp_path.iterdir()) == []


async def test_without_ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AudioError, match="ffmpeg is not installed"):
        await encode_file(TONE, tmp_path / "a.flac", Codec.FLAC)


async def test_an_ffmpeg_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\nexec sleep 600\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr("wallflower.audio.encoding._DEADLINE_SECONDS", 0.2)
    with pytest.raises(AudioError, match="more than"):
        await encode_file(TONE, tmp_path / "a.flac", Codec.FLAC)
    task = asyncio.create_task(encode_file(TONE, tmp_path / "b.flac", Codec.FLAC))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
