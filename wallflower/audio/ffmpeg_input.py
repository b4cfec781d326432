"""The arguments with which ffmpeg opens an address."""

from wallflower.audio.url import SourceUrl

SOCKET_SECONDS = 10
"""How long a socket may be silent before ffmpeg gives it up."""

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


def input_arguments(url: SourceUrl, *, rtsp_transport: str = "tcp") -> list[str]:
    """What comes before and with `-i`. rtsp_transport: tcp, udp or http (a tunnel). Holds the secrets."""
    arguments = ["-protocol_whitelist", _PROTOCOLS[url.scheme]]
    if url.scheme in {"rtsp", "rtsps"}:
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
