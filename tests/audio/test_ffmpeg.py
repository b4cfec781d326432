"""Any file that the real ffmpeg reads, and many that it does not."""

import asyncio
import contextlib
import gc
import os
import subprocess
import wave
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray

from wallflower.audio.ffmpeg import decode_file, duration_of
from wallflower.audio.pcm import AudioError


def make(path: Path, *arguments: str) -> Path:
    subprocess.run(["ffmpeg", "-v", "error", "-y", *arguments, f"file:{path}"], check=True, timeout=30)
    return path


TONE = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100:duration=2")


async def decode(path: Path) -> NDArray[np.int16]:
    blocks = [block async for block in decode_file(path)]
    return np.concatenate([np.empty(0, np.int16), *blocks])


def opened(path: Path) -> AsyncGenerator[NDArray[np.int16], None]:
    return decode_file(path)


def pitch(samples: NDArray[np.int16]) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return int(spectrum.argmax()) * 16_000 / len(samples)


def children() -> list[str]:
    return [process.name() for process in psutil.Process().children(recursive=True)]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("tone.wav", ("-ac", "2", "-ar", "48000")),
        ("tone.m4a", ("-c:a", "aac")),
        ("tone.mp3", ()),
        ("tone.ogg", ()),
        ("tone.flac", ("-ac", "6")),
        ("float.wav", ("-c:a", "pcm_f32le")),
        ("-i.wav", ()),
        ("http:x.wav", ()),
        ("a name 'with' %d, ünïcode\nand lines.wav", ()),
        ("no_ending", ("-f", "ogg")),
    ],
)
async def test_sound(tmp_path: Path, name: str, arguments: tuple[str, ...]) -> None:
    path = make(tmp_path / name, *TONE, *arguments)
    samples = await decode(path)
    assert len(samples) / 16_000 == pytest.approx(2, abs=0.1)
    assert abs(pitch(samples) - 440) < 3
    assert np.abs(samples).max() > 1000
    assert await duration_of(path) == pytest.approx(2, abs=0.1)


async def test_a_relative_name_like_an_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path / "-i.wav", *TONE)
    monkeypatch.chdir(tmp_path)
    assert len(await decode(Path("-i.wav"))) == 32_000
    assert await duration_of(Path("-i.wav")) == 2


async def test_a_video(tmp_path: Path) -> None:
    picture = ("-f", "lavfi", "-i", "testsrc=duration=2:size=64x48:rate=5")
    path = make(tmp_path / "film.mkv", *picture, *TONE)
    assert abs(pitch(await decode(path)) - 440) < 3
    assert await duration_of(path) == pytest.approx(2, abs=0.2)


async def test_the_samples_are_those_of_the_file(tmp_path: Path) -> None:
    samples = np.random.default_rng(1).integers(-20_000, 20_000, 40_000).astype("<i2")
    with wave.open(str(tmp_path / "noise.wav"), "wb") as file:
        file.setframerate(16_000)
        file.setsampwidth(2)
        file.setnchannels(1)
        file.writeframes(samples.tobytes())
    np.testing.assert_array_equal(await decode(tmp_path / "noise.wav"), samples)


async def test_sound_that_breaks_off(tmp_path: Path) -> None:
    """What is there of a cut recording is heard."""
    whole = make(tmp_path / "whole.wav", *TONE).read_bytes()
    (tmp_path / "cut.wav").write_bytes(whole[: len(whole) // 2])
    assert len(await decode(tmp_path / "cut.wav")) / 16_000 == pytest.approx(1, abs=0.01)


def refused_files(folder: Path) -> dict[str, Path]:
    (folder / "words.txt").write_text("It was the best of times.\n" * 50)
    (folder / "empty.wav").touch()
    (folder / "folder").mkdir()
    (folder / "noise.bin").write_bytes(np.random.default_rng(2).bytes(20_000))
    make(folder / "picture.png", "-f", "lavfi", "-i", "testsrc=size=64x48", "-frames:v", "1")
    make(folder / "silent.mkv", "-f", "lavfi", "-i", "testsrc=duration=1:size=64x48:rate=5")
    return {path.stem: path for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("words", "cannot decode"),
        ("empty", "cannot decode"),
        ("noise", "cannot decode"),
        ("picture", "holds no sound"),
        ("silent", "holds no sound"),
        ("folder", "is not a file"),
    ],
)
async def test_no_sound_in_it(tmp_path: Path, name: str, said: str) -> None:
    path = refused_files(tmp_path)[name]
    with pytest.raises(AudioError) as caught:
        await decode(path)
    message = str(caught.value)
    assert said in message
    assert str(path) in message
    assert "\n" not in message
    assert not message.endswith(": ")
    assert children() == []


@pytest.mark.parametrize("name", ["nothing.wav", "x" * 300, "words.txt/below.wav"])
async def test_no_such_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "words.txt").write_text("words")
    with pytest.raises(AudioError) as caught:
        await decode(tmp_path / name)
    assert name in str(caught.value)


async def test_a_length_that_cannot_be_told(tmp_path: Path) -> None:
    files = refused_files(tmp_path)
    for name in ("empty", "noise", "folder", "picture"):
        assert await duration_of(files[name]) is None
    assert await duration_of(tmp_path / "nothing.wav") is None


async def test_a_pipe_without_a_writer_is_not_waited_for(tmp_path: Path) -> None:
    """Whoever opens a FIFO to read waits for its writer, maybe for ever."""
    fifo = tmp_path / "fifo.wav"
    os.mkfifo(fifo)
    try:
        async with asyncio.timeout(3):
            with contextlib.suppress(AudioError):
                assert await duration_of(fifo) is None
            with pytest.raises(AudioError):
                await decode(fifo)
        assert children() == []
    finally:
        for process in psutil.Process().children():
            process.kill()
            process.wait(5)


@pytest.fixture
async def visited() -> AsyncIterator[tuple[int, list[bytes]]]:
    """A port on this machine, and what its visitors said."""
    visits: list[bytes] = []

    async def visit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visits.append(b"somebody")
        visits.append(await reader.read(1000))
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(visit, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], visits


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{url}\n#EXT-X-ENDLIST\n"),
        ("looks_like.wav", "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{url}\n#EXT-X-ENDLIST\n"),
        ("list.ffconcat", "ffconcat version 1.0\nfile '{url}'\n"),
        ("list.pls", "[playlist]\nFile1={url}\nNumberOfEntries=1\n"),
    ],
)
@pytest.mark.parametrize("scheme", ["http", "tcp"])
async def test_a_playlist_leads_nowhere(
    tmp_path: Path, visited: tuple[int, list[bytes]], name: str, text: str, scheme: str
) -> None:
    port, visits = visited
    path = tmp_path / name
    path.write_text(text.format(url=f"{scheme}://127.0.0.1:{port}/secret.wav"))
    async with asyncio.timeout(10):
        await duration_of(path)
        with pytest.raises(AudioError):
            await decode(path)
    await asyncio.sleep(0.05)
    assert visits == []


@pytest.mark.parametrize("ask", ["decode", "duration"])
async def test_without_ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ask: str) -> None:
    path = make(tmp_path / "tone.wav", *TONE)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AudioError, match="apt-get install ffmpeg"):
        await (decode(path) if ask == "decode" else duration_of(path))


async def gone(name: str) -> bool:
    async with asyncio.timeout(5):
        while name in children():
            await asyncio.sleep(0.01)
    return True


async def test_a_cancelled_listener_leaves_no_ffmpeg(tmp_path: Path) -> None:
    path = make(tmp_path / "long.wav", "-f", "lavfi", "-i", "sine=duration=600:sample_rate=16000")
    begun = asyncio.Event()

    async def listen() -> None:
        async for _ in decode_file(path):
            begun.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(listen())
    await begun.wait()
    assert "ffmpeg" in children()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    del task
    gc.collect()
    assert await gone("ffmpeg")


async def test_a_listener_that_has_heard_enough(tmp_path: Path) -> None:
    path = make(tmp_path / "long.wav", "-f", "lavfi", "-i", "sine=duration=600:sample_rate=16000")
    descriptors = psutil.Process().num_fds()
    for _ in range(3):
        async with asyncio.timeout(5), contextlib.aclosing(opened(path)) as blocks:
            async for _ in blocks:
                break
        assert "ffmpeg" not in children()
    gc.collect()
    await asyncio.sleep(0.05)
    assert psutil.Process().num_fds() <= descriptors + 1


async def test_a_cancelled_question_leaves_no_ffprobe(tmp_path: Path) -> None:
    path = make(tmp_path / "tone.wav", *TONE)
    task = asyncio.create_task(duration_of(path))
    async with asyncio.timeout(5):
        while "ffprobe" not in children():
            await asyncio.sleep(0)
    for process in psutil.Process().children():
        process.suspend()  # it would be done too soon
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    del task
    try:
        assert await gone("ffprobe")
        gc.collect()  # whatever was not closed says so now
    finally:
        for process in psutil.Process().children():
            process.kill()
