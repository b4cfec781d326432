"""Addresses of sound, checked before any process sees them, with their secrets apart."""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote

from wallflower.audio.pcm import AudioError

SCHEMES = ("rtsp", "rtsps", "http", "https", "rtmp", "udp", "srt", "file")

_LONGEST = 2048
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252}[A-Za-z0-9_.])?")
_PORT = re.compile(r"[0-9]{1,5}")
_NEEDS_PORT = ("udp", "srt")
# ffmpeg takes options of these two from the query: only those that tune the transport.
_QUERY_NAMES = {
    "udp": {"fifo_size", "overrun_nonfatal", "buffer_size", "pkt_size", "reuse"},
    "srt": {"mode", "latency", "passphrase", "pbkeylen", "streamid"},
}
_WITH_CREDENTIALS = ("rtsp", "rtsps", "http", "https", "rtmp")


class UrlError(AudioError):
    """An address that is not allowed. The message holds nothing of it but the scheme."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who may listen. Neither is shown."""

    user: str = field(repr=False)
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SourceUrl:
    """An address that passed the checks. Its text is for logs: no path, which may be the secret itself.

    host: name or IP address, without brackets; empty for files. port: None for the scheme's own. path: with
    the query, encoded. file: for the scheme `file`, resolved.
    """

    scheme: str
    host: str
    port: int | None
    path: str = field(default="", repr=False)
    credentials: Credentials | None = field(default=None, repr=False)
    file: Path | None = None

    def __str__(self) -> str:
        """The address without secrets."""
        if self.file is not None:
            return f"file://{self.file}"
        return f"{self.scheme}://{self._place()}" + ("/…" if self.path.strip("/") else self.path)

    def with_secrets(self) -> str:
        """The whole address, as ffmpeg takes it. For its arguments only."""
        if self.file is not None:
            return f"file:{self.file}"
        who = ""
        if self.credentials:
            who = f"{quote(self.credentials.user, safe='')}:{quote(self.credentials.password, safe='')}@"
        return f"{self.scheme}://{who}{self._place()}{self.path}"

    def secrets(self) -> list[str]:
        """All that must not be shown, the longest first: credentials, and what of the path may be a key."""
        found: set[str] = set()
        if self.file is None:
            path, _, query = self.path.partition("?")
            parts = {self.path.strip("/"), path.strip("/"), query, *(value for _, value in parse_qsl(query))}
            parts |= {part for part in path.split("/") if len(part) >= 16}
            found = {part for part in parts if len(part) >= 4}
        if self.credentials:
            for text in (self.credentials.user, self.credentials.password):
                found |= {text, quote(text, safe="")}
        return sorted(found - {""}, key=len, reverse=True)

    def _place(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"


def parse_url(text: str, *, folders: Iterable[Path] = ()) -> SourceUrl:
    """`text` as an address that may be given to ffmpeg. folders: where files may lie.

    Touches the disk for the scheme `file`. Raises UrlError.
    """
    if len(text) > _LONGEST:
        raise UrlError(f"the address has {len(text)} characters; allowed: {_LONGEST}")
    if not text.isprintable() or " " in text or "\\" in text:
        raise UrlError(
            "the address holds a space, a backslash or a control character; write them as %20, %5C …"
        )
    scheme, separator, rest = text.partition("://")
    scheme = scheme.lower()
    if not separator or scheme not in SCHEMES:
        raise UrlError(f"the address must begin with one of {', '.join(f'{each}://' for each in SCHEMES)}")
    end = next((index for index, letter in enumerate(rest) if letter in "/?#"), len(rest))
    authority, path = rest[:end], rest[end:]
    if scheme == "file":
        return _file(authority, path, folders)
    if "#" in path or ("@" in path and "@" not in authority):
        raise UrlError(
            f"{scheme}: special characters in user name, password or path must be encoded, such as %23 for #"
        )
    who, at, place = authority.rpartition("@")
    host, port = _host_and_port(scheme, place)
    if who and scheme not in _WITH_CREDENTIALS:
        raise UrlError(f"{scheme}:// takes no user name and password")
    credentials = None
    if at and who:
        user, _, password = who.partition(":")
        credentials = Credentials(unquote(user), unquote(password))
        if not (credentials.user + credentials.password).isprintable():
            raise UrlError(f"{scheme}: a control character or a broken encoding in user name or password")
    return SourceUrl(scheme, host, port, _path(scheme, path), credentials)


def _host_and_port(scheme: str, place: str) -> tuple[str, int | None]:
    if place.startswith("["):
        host, closed, rest = place[1:].partition("]")
        try:
            ipaddress.IPv6Address(host)
        except ValueError:
            raise UrlError(f"{scheme}: what stands in brackets is no IPv6 address") from None
        if not closed or (rest and not rest.startswith(":")):
            raise UrlError(f"{scheme}: after [an IPv6 address] comes a port or a path")
    else:
        host, _, rest = place.partition(":")
        rest = place[len(host) :]
        if not host and scheme == "udp":
            host = "0.0.0.0"  # to receive on all interfaces is what udp://:PORT asks for
        if not _HOST.fullmatch(host):
            raise UrlError(f"{scheme}: the host must be a name (letters, digits, '-', '.') or an IP address")
    if not rest:
        if scheme in _NEEDS_PORT:
            raise UrlError(f"{scheme}: a port is needed: {scheme}://HOST:PORT")
        return host, None
    digits = rest[1:]
    if not _PORT.fullmatch(digits) or not 1 <= int(digits) <= 65535:
        raise UrlError(f"{scheme}: the port must be a number from 1 to 65535")
    return host, int(digits)


def _path(scheme: str, path: str) -> str:
    allowed = _QUERY_NAMES.get(scheme)
    if allowed is not None:
        names = {part.partition("=")[0] for part in path.partition("?")[2].split("&") if part}
        if path.partition("?")[0] not in {"", "/"} or not names <= allowed:
            raise UrlError(f"{scheme}: after the port may come only ? and {', '.join(sorted(allowed))}")
    return quote(path, safe="/?:@!$&'()*+,;=%[]~._-")


def _file(authority: str, path: str, folders: Iterable[Path]) -> SourceUrl:
    if authority not in {"", "localhost"}:
        raise UrlError("file: an address of a file has three slashes: file:///FOLDER/NAME")
    name = unquote(path)
    if not path.startswith("/") or "\0" in name:
        raise UrlError("file: the path must begin with / and hold no zero byte")
    allowed = [folder.resolve() for folder in folders]
    try:
        file = Path(name).resolve()
    except (OSError, RuntimeError):  # RuntimeError: links that lead in a circle
        raise UrlError("file: the path cannot be followed") from None
    if not any(file.is_relative_to(folder) for folder in allowed):
        places = ", ".join(map(str, allowed)) or "none"
        raise UrlError(f"file: it lies outside the allowed folders ({places})")
    return SourceUrl("file", "", None, file=file)
