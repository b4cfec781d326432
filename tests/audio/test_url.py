"""Addresses that may be given to ffmpeg, and the many that may not."""

import logging
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallflower.audio.ffmpeg_input import input_command
from wallflower.audio.url import SCHEMES, Credentials, SourceUrl, UrlError, parse_url


@pytest.mark.parametrize(
    ("text", "host", "port", "path"),
    [
        ("rtsp://camera.local/stream1", "camera.local", None, "/stream1"),
        ("RTSP://192.168.1.20:8554/a/b?x=1&y=2", "192.168.1.20", 8554, "/a/b?x=1&y=2"),
        ("rtsps://[fe80::1]:322/", "fe80::1", 322, "/"),
        ("http://my_camera/", "my_camera", None, "/"),
        ("https://radio.example.org/live.m3u8", "radio.example.org", None, "/live.m3u8"),
        ("rtmp://box/app/stream", "box", None, "/app/stream"),
        ("udp://@239.0.0.1:5000", "239.0.0.1", 5000, ""),
        ("udp://:5000?fifo_size=1000", "0.0.0.0", 5000, "?fifo_size=1000"),
        ("srt://box:9000?mode=listener&latency=200", "box", 9000, "?mode=listener&latency=200"),
        ("rtsp://camera", "camera", None, ""),
    ],
)
def test_what_is_allowed_comes_apart(text: str, host: str, port: int | None, path: str) -> None:
    url = parse_url(text)
    assert (url.host, url.port, url.path) == (host, port, path)
    assert url.credentials is None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "must begin with one of rtsp://"),
        ("camera.local", "must begin with"),
        ("-i", "must begin with"),
        ("-f lavfi -i anullsrc", "a space"),
        ("concat:/etc/passwd|/etc/shadow", "must begin with"),
        ("concat://a", "must begin with"),
        ("file:/etc/passwd", "must begin with"),
        ("lavfi://anullsrc", "must begin with"),
        ("subfile,,start,0,end,9,,://x", "must begin with"),
        ("tee://x", "must begin with"),
        ("rtsp://-i/", "the host must be"),
        ("rtsp://", "the host must be"),
        ("rtsp:///path", "the host must be"),
        ("rtsp://a b/", "a space"),
        ("rtsp://a\n-i/", "control character"),
        ("rtsp://a\\b/", "backslash"),
        ("rtsp://a|b/", "the host must be"),
        ("rtsp://a:0/", "1 to 65535"),
        ("rtsp://a:65536/", "1 to 65535"),
        ("rtsp://a:１２/", "1 to 65535"),
        ("rtsp://a:/", "1 to 65535"),
        ("rtsp://a:b:c/", "1 to 65535"),
        ("rtsp://[1.2.3.4]/", "no IPv6 address"),
        ("rtsp://[::1/", "comes a port or a path"),
        ("rtsp://[::1]x/", "comes a port or a path"),
        ("rtsp://u:p/w@camera/", "must be encoded"),
        ("rtsp://u:p#w@camera/", "must be encoded"),
        ("rtsp://u:p%0A@camera/", "control character"),
        ("udp://10.0.0.1", "a port is needed"),
        ("udp://10.0.0.1:5000/x", "after the port may come only"),
        ("udp://u:p@10.0.0.1:5000", "takes no user name"),
        ("srt://a:1?mode=listener&evil=1", "after the port may come only"),
        ("file://host/etc/passwd", "three slashes"),
        ("file:///etc/passwd", "outside the allowed folders (none)"),
        ("rtsp://a/" + "x" * 3000, "allowed: 2048"),
    ],
)
def test_what_is_not_allowed_is_named(text: str, complaint: str) -> None:
    with pytest.raises(UrlError, match="^.*") as error:
        parse_url(text)
    assert complaint in str(error.value)


def test_files_only_from_the_allowed_folders(tmp_path: Path) -> None:
    inside, outside = tmp_path / "sounds", tmp_path / "secret.wav"
    (inside / "deep").mkdir(parents=True)
    outside.touch()
    (inside / "a b%20.wav").touch()
    (inside / "link.wav").symlink_to(outside)
    (inside / "circle").symlink_to(inside / "circle")
    url = parse_url(f"file://{inside}/deep/../{quote('a b%20.wav')}", folders=[inside])
    assert url.file == inside / "a b%20.wav"
    assert input_command(url)[-2:] == ["-i", f"file:{inside}/a b%20.wav"]
    for name in ("../secret.wav", "link.wav", "%2e%2e/secret.wav", "circle/../../secret.wav", "x%00.wav"):
        with pytest.raises(UrlError, match=r"outside|cannot be followed|zero byte"):
            parse_url(f"file://{inside}/{name}", folders=[inside])
    with pytest.raises(UrlError, match="outside"):
        parse_url(f"file://{inside}extra/x.wav", folders=[inside])


TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Co", "Cn"]), min_size=1, max_size=30
)


@given(st.sampled_from(["rtsp", "rtsps", "http", "https", "rtmp"]), TEXT, TEXT)
def test_credentials_come_back_whole_and_are_never_shown(scheme: str, user: str, password: str) -> None:
    user, password = f"Us3r{user}", f"Pa55{password}"
    who = f"{quote(user, safe='')}:{quote(password, safe='')}"
    text = f"{scheme}://{who}@camera:99/K3y{quote(password, safe='')}?t=K3y"
    try:
        url = parse_url(text)
    except UrlError as error:  # a character that is not printable
        assert "Us3r" not in str(error)
        assert "Pa55" not in str(error)
        return
    assert url.credentials == Credentials(user, password)
    assert parse_url(url.with_secrets()) == url
    for shown in (str(url), repr(url), repr(url.credentials), f"{url}", f"{[url]}"):
        for secret in ("Us3r", "Pa55", "K3y"):
            assert secret not in shown
    assert str(url) == f"{scheme}://camera:99/…"


@given(
    st.text(max_size=80)
    | st.builds(lambda s, t: f"{s}://{t}", st.sampled_from(SCHEMES), st.text(max_size=80))
)
def test_whatever_comes_gives_one_safe_argument_or_an_error(text: str) -> None:
    try:
        url = parse_url(text)
    except UrlError as error:
        assert "\n" not in str(error)
        return
    arguments = input_command(url)
    assert arguments[-2] == "-i"
    assert arguments[-1].startswith(f"{url.scheme}://")
    assert arguments[-1].isascii()
    assert arguments[-1].isprintable()
    assert " " not in arguments[-1]
    assert not url.host.startswith("-")


def test_no_error_holds_what_was_given(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(UrlError) as error:
        parse_url("rtsp://user:hunter2@cam:era/secret")
    assert "hunter2" not in str(error.value) + caplog.text
    assert "secret" not in str(error.value)


def test_what_must_not_be_shown() -> None:
    url = parse_url("https://me:p%40ss@box/key-of-16-letters/live?token=abcdef&n=1")
    assert {"me", "p@ss", "p%40ss", "abcdef", "key-of-16-letters"} <= set(url.secrets())
    assert "1" not in url.secrets()
    assert SourceUrl("file", "", None, file=Path("/a/b")).secrets() == []
