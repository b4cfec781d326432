"""What is at an address, asked of the real ffmpeg."""

import subprocess
from pathlib import Path

import pytest

from tests.audio.made_servers import nothing, serving
from wallflower.audio.pcm import AudioError
from wallflower.audio.probe import Sound, channels_of, probe
from wallflower.audio.url import parse_url


def made(path: Path, *arguments: str) -> str:
    subprocess.run(["ffmpeg", "-v", "error", "-y", *arguments, f"file:{path}"], check=True, timeout=30)
    return f"file://{path}"


TONE = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100:duration=1")
PICTURE = ("-f", "lavfi", "-i", "testsrc=size=64x64:rate=5:duration=1")


@pytest.mark.parametrize(
    ("name", "arguments", "sound"),
    [
        ("a.wav", (*TONE, "-ac", "1"), Sound("pcm_s16le", 1, 44100, True)),
        ("a.flac", (*TONE, "-ac", "2", "-ar", "48000"), Sound("flac", 2, 48000, True)),
        ("a.m4a", (*TONE, "-ac", "6", "-c:a", "aac"), Sound("aac", 6, 44100, True)),
        ("a.mkv", (*PICTURE, *TONE, "-shortest"), Sound("vorbis", 1, 44100, True)),
    ],
)
async def test_codec_channels_and_rate(
    tmp_path: Path, name: str, arguments: tuple[str, ...], sound: Sound
) -> None:
    url = parse_url(made(tmp_path / name, *arguments), folders=[tmp_path])
    assert await probe(url, 20) == sound


async def test_a_picture_alone_and_files_without_anything(tmp_path: Path) -> None:
    picture = parse_url(made(tmp_path / "picture.mp4", *PICTURE), folders=[tmp_path])
    (tmp_path / "empty.wav").touch()
    (tmp_path / "noise.wav").write_bytes(bytes(range(256)) * 20)
    (tmp_path / "folder").mkdir()
    with pytest.raises(AudioError, match="it holds no sound"):
        await probe(picture, 20)
    for name, complaint in (
        ("empty.wav", "the file is empty"),
        ("noise.wav", "no sound that ffmpeg knows"),
        ("none.wav", "No such file"),
        ("folder", "not a file"),
    ):
        with pytest.raises(AudioError, match=complaint):
            await probe(parse_url(f"file://{tmp_path}/{name}", folders=[tmp_path]), 20)


async def test_a_server_that_says_nothing_is_left_at_the_deadline() -> None:
    async with serving(nothing) as port:
        with pytest.raises(
            AudioError, match=r"rtsp://127.0.0.1:\d+/…: it gave no answer within 0.5 s"
        ) as error:
            await probe(parse_url(f"rtsp://me:hunter2@127.0.0.1:{port}/secret"), 0.5)
    assert "hunter2" not in str(error.value)


async def test_nobody_there() -> None:
    with pytest.raises(AudioError, match="the connection was refused"):
        await probe(parse_url("http://127.0.0.1:1/x"), 20)
    with pytest.raises(AudioError, match="the host's name cannot be found"):
        await probe(parse_url("rtsp://no-such-host.invalid/x"), 30)


@pytest.mark.parametrize(
    ("layout", "channels"),
    [
        ("mono", 1),
        ("stereo", 2),
        ("5.1(side)", 6),
        ("7.1", 8),
        ("3 channels", 3),
        ("quad", 4),
        ("hexagonal", 0),
    ],
)
def test_names_of_layouts(layout: str, channels: int) -> None:
    assert channels_of(layout) == channels
