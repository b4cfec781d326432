"""Streams and files through the real ffmpeg, from servers and files good and bad."""

import asyncio
import contextlib
import subprocess
from pathlib import Path

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray

from tests.audio.made_servers import Answer, content, nothing, serving, status
from wallflower.audio import stream
from wallflower.audio.source import SoundBlock, SourceState
from wallflower.audio.stream import stream_source
from wallflower.audio.url import SourceUrl, parse_url
from wallflower.events import SourceStatus

TONE = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100:duration=2")
PICTURE = ("-f", "lavfi", "-i", "testsrc=size=64x64:rate=5:duration=1")


def made(path: Path, *arguments: str) -> Path:
    subprocess.run(["ffmpeg", "-v", "error", "-y", *arguments, f"file:{path}"], check=True, timeout=30)
    return path


def address(path: Path) -> SourceUrl:
    return parse_url(f"file://{path}", folders=[path.parent])


async def listen(
    url: SourceUrl, *, until: SourceStatus = SourceStatus.PAUSED, gain: float = 0.0
) -> tuple[list[SoundBlock], list[SourceState]]:
    """What is heard and told until a state, of which there is at least one."""
    states: list[SourceState] = []
    blocks: list[SoundBlock] = []
    there = asyncio.Event()

    def on_state(state: SourceState) -> None:
        states.append(state)
        if state.status is until:
            there.set()

    source = stream_source(url, on_state, gain=gain)

    async def hear() -> None:
        async with contextlib.aclosing(source.blocks()) as sound:
            async for block in sound:
                blocks.append(block)  # noqa: PERF401  # what was heard before the end counts

    async with asyncio.timeout(60):
        hearing = asyncio.create_task(hear())
        await there.wait()
        if until is not SourceStatus.PAUSED:
            hearing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await hearing
    assert psutil.Process().children(recursive=True) == []
    return blocks, states


def joined(blocks: list[SoundBlock]) -> NDArray[np.int16]:
    return np.concatenate([block.samples for block in blocks])


def pitch(samples: NDArray[np.int16]) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return int(spectrum.argmax()) * 16_000 / len(samples)


async def test_a_file_is_heard_once_at_its_own_pace(tmp_path: Path) -> None:
    blocks, states = await listen(address(made(tmp_path / "tone.flac", *TONE)))
    assert [state.status for state in states] == ["connecting", "healthy", "paused"]
    assert states[-1].reason == "it is at its end"
    sound = joined(blocks)
    assert len(sound) == pytest.approx(2 * 16_000, abs=1600)
    assert pitch(sound) == pytest.approx(440, abs=2)
    assert [block.position for block in blocks] == [0, *np.cumsum([len(block.samples) for block in blocks])][
        :-1
    ]


async def test_one_channel_and_gain(tmp_path: Path) -> None:
    """Mono keeps its level, though it goes through stereo."""
    plain, _ = await listen(address(made(tmp_path / "mono.wav", *TONE, "-ac", "1")))
    louder, _ = await listen(address(tmp_path / "mono.wav"), gain=6)
    assert np.abs(joined(plain)[2000:-2000]).max() == pytest.approx(4096, rel=0.05)
    assert joined(louder).std() / joined(plain).std() == pytest.approx(2, rel=0.05)


@pytest.mark.parametrize("pan", ["stereo|c0=c0|c1=0*c0", "stereo|c0=0*c0|c1=c0"])
async def test_a_stereo_camera_with_a_dead_channel(tmp_path: Path, pan: str) -> None:
    blocks, _ = await listen(address(made(tmp_path / "half.wav", *TONE, "-af", f"pan={pan}")))
    assert np.abs(joined(blocks)[2000:-2000]).max() == pytest.approx(4096, rel=0.05)


async def test_a_stream_that_changes_its_rate_and_channels(tmp_path: Path) -> None:
    low = made(tmp_path / "low.mp3", *TONE, "-ar", "22050", "-ac", "1")
    high = made(tmp_path / "high.mp3", *TONE, "-ar", "48000", "-ac", "2")
    both = tmp_path / "both.mp3"
    both.write_bytes(low.read_bytes() + high.read_bytes())
    blocks, _ = await listen(address(both))
    sound = joined(blocks)
    assert len(sound) == pytest.approx(4 * 16_000, rel=0.1)
    assert pitch(sound[4000:28000]) == pytest.approx(440, abs=3)
    assert pitch(sound[-28000:-4000]) == pytest.approx(440, abs=3)


async def test_files_that_give_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()
    (tmp_path / "noise.wav").write_bytes(bytes(range(256)) * 20)
    made(tmp_path / "picture.mp4", *PICTURE)
    for name, reason in (
        ("empty.wav", "the file is empty"),
        ("noise.wav", "what it sends is no sound that ffmpeg knows"),
        ("picture.mp4", "it holds no sound"),
        ("none.wav", "cannot read the file: No such file or directory"),
    ):
        blocks, states = await listen(address(tmp_path / name), until=SourceStatus.FAILED)
        assert states[-1] == SourceState(SourceStatus.FAILED, reason)
        assert blocks == []


async def test_a_file_that_became_a_link_after_it_was_allowed(tmp_path: Path) -> None:
    path = made(tmp_path / "tone.wav", *TONE)
    url = address(path)
    path.rename(tmp_path / "other.wav")
    path.symlink_to(tmp_path / "other.wav")
    _, states = await listen(url, until=SourceStatus.FAILED)
    assert states[-1].reason == "it is not a file"


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (status("401 Unauthorized"), SourceState(SourceStatus.FAILED, "wrong user name or password")),
        (status("403 Forbidden"), SourceState(SourceStatus.FAILED, "it refuses access (403)")),
        (
            status("404 Not Found"),
            SourceState(SourceStatus.RECOVERING, "there is nothing at this path (404)"),
        ),
        (
            content("text/html", b"<html>welcome</html>"),
            SourceState(SourceStatus.RECOVERING, "what it sends is no sound that ffmpeg knows"),
        ),
    ],
    ids=["401", "403", "404", "html"],
)
async def test_servers_that_give_no_sound(answer: Answer, state: SourceState) -> None:
    async with serving(answer) as port:
        _, states = await listen(parse_url(f"http://me:hunter2@127.0.0.1:{port}/x"), until=state.status)
    assert states[-1] == state
    assert "hunter2" not in repr(states)


async def test_nobody_there() -> None:
    _, states = await listen(parse_url("rtsp://127.0.0.1:1/x"), until=SourceStatus.RECOVERING)
    assert states[-1].reason == "the connection was refused"
    _, states = await listen(parse_url("rtsp://no-such-host.invalid/x"), until=SourceStatus.RECOVERING)
    assert states[-1].reason == "the host's name cannot be found"


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
async def test_a_server_that_accepts_and_says_nothing(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "CONNECT_SECONDS", 1)
    async with serving(nothing) as port:
        _, states = await listen(parse_url(f"{scheme}://127.0.0.1:{port}/x"), until=SourceStatus.RECOVERING)
    assert states[-1].reason == "it is connected, but no sound comes"


async def test_a_stream_that_stalls_is_restarted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "STALL_SECONDS", 1)
    body = made(tmp_path / "tone.mp3", *TONE).read_bytes()
    async with serving(content("audio/mpeg", body, then_stay=True, length=False)) as port:
        blocks, states = await listen(parse_url(f"http://127.0.0.1:{port}/"), until=SourceStatus.RECOVERING)
    assert [state.status for state in states] == ["connecting", "healthy", "recovering"]
    assert states[-1].reason == "it is connected, but no sound comes"
    assert pitch(joined(blocks)[:16000]) == pytest.approx(440, abs=2)


async def test_a_file_behind_http_has_an_end_and_a_live_stream_is_asked_again(tmp_path: Path) -> None:
    body = made(tmp_path / "tone.flac", *TONE).read_bytes()
    async with serving(content("audio/flac", body)) as port:
        _, states = await listen(parse_url(f"http://127.0.0.1:{port}/a.flac"))
    assert states[-1] == SourceState(SourceStatus.PAUSED, "it is at its end")
    live = made(tmp_path / "live.aac", *TONE, "-f", "adts").read_bytes()
    async with serving(content("audio/aac", live, length=False)) as port:
        _, states = await listen(parse_url(f"http://127.0.0.1:{port}/"), until=SourceStatus.RECOVERING)
    assert states[-1].reason in {"it ended", "the connection failed"}  # as the version of ffmpeg sees it


async def test_a_playlist_leads_to_no_file_of_this_box(tmp_path: Path) -> None:
    secret = made(tmp_path / "secret.ts", *TONE, "-f", "mpegts")
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile://{secret}\n#EXT-X-ENDLIST\n".encode()
    async with serving(content("application/vnd.apple.mpegurl", playlist)) as port:
        blocks, states = await listen(
            parse_url(f"http://127.0.0.1:{port}/list.m3u8"), until=SourceStatus.FAILED
        )
    assert blocks == []
    assert states[-1].reason == "it leads to a kind of address that is not allowed"
