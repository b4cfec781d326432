"""How ffmpeg opens an address."""

import os
import stat

from wallflower.audio.source import SourceLostError
from wallflower.audio.url import SourceUrl

SOCKET_SECONDS = 10
"""How long a socket may be silent before ffmpeg gives it up."""

PACED = ("file", "http", "https")
"""Schemes of what may be had at once, and may have an end."""

# What each scheme may open in turn: an answer can lead elsewhere, never to the files of this box.
_PROTOCOLS = {
    "rtsp": "rtsp,rtp,rtcp,srtp,udp,tcp",
    "rtsps": "rtsp,rtsps,rtp,rtcp,srtp,udp,tcp,tls",
    "http": "http,https,hls,tcp,tls,crypto,httpproxy",
    "https": "http,https,hls,tcp,tls,crypto,httpproxy",
    "rtmp": "rtmp,tcp",
    "udp": "udp",
    "srt": "srt",
    "file": "file",
}
_MICROSECONDS = str(SOCKET_SECONDS * 1_000_000)


def input_command(url: SourceUrl, *, rtsp_transport: str = "tcp", paced: bool = False) -> list[str]:
    """The ffmpeg command up to its input. Holds the secrets.

    rtsp_transport: tcp, udp or http (a tunnel). paced: what could be had at once comes at its own pace.
    """
    rtsp = url.scheme in {"rtsp", "rtsps"}
    level = "level+verbose" if rtsp else "level+info"  # verbose: what a camera says that it has
    arguments = ["ffmpeg", "-nostdin", "-hide_banner", "-nostats", "-loglevel", level]
    if paced and url.scheme in PACED:
        arguments.append("-re")
    arguments += ["-protocol_whitelist", _PROTOCOLS[url.scheme]]
    if rtsp:
        # The picture is not even asked for: neither network nor processor have anything to do with it.
        arguments += [
            "-rtsp_transport",
            rtsp_transport,
            "-allowed_media_types",
            "audio",
            "-timeout",
            _MICROSECONDS,
        ]
    elif url.scheme in {"http", "https", "rtmp", "srt"}:
        arguments += ["-rw_timeout", _MICROSECONDS]
    elif url.scheme == "udp":
        arguments += ["-timeout", _MICROSECONDS]
    return [*arguments, "-i", url.with_secrets()]


def check_file(url: SourceUrl) -> None:
    """Look at a file again before it is opened: what was there when it was allowed may be another by now.

    Raises SourceLostError.
    """
    assert url.file is not None
    try:
        status = url.file.lstat()
    except OSError as error:
        raise SourceLostError(f"cannot read the file: {error.strerror}", lasting=True) from error
    if url.file.resolve() != url.file or not stat.S_ISREG(status.st_mode):
        raise SourceLostError("it is not a file", lasting=True)
    if status.st_size == 0:
        raise SourceLostError("the file is empty", lasting=True)
    if not os.access(url.file, os.R_OK):
        raise SourceLostError("the file may not be read", lasting=True)
