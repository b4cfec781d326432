"""What ffmpeg said on its way, and what of it a user should know."""

import re
from collections import deque
from dataclasses import dataclass

from wallflower.audio.url import SourceUrl

KEPT_LINES = 50

_LONGEST_LINE = 500
_ADDRESS = re.compile(r"\b(\w{1,20}://)(?:[^\s/]*@)?([^\s/@?'\"]*)[^\s'\"]*")
_POINTER = re.compile(r"^\[[^\]]* @ 0x[0-9a-f]+\]\s*")
_ERROR = re.compile(r"^\[(?:error|fatal|panic)\]\s*")
_DESCRIPTION = re.compile(r"^\[verbose\]\s*SDP:")
_STREAM = re.compile(r"^\[info\]\s*Stream #")
_FINITE = re.compile(r"^\[info\]\s*Duration: \d")


@dataclass(frozen=True, slots=True)
class Complaint:
    """Why there is no sound. lasting: trying again soon would not help."""

    reason: str
    lasting: bool = False


# The first that is found anywhere counts.
_KNOWN = (
    (
        r"401 Unauthorized|error 401|\b401\b.*(authorization failed|Unauthorized)",
        "wrong user name or password",
        True,
    ),
    (r"403 Forbidden|error 403", "it refuses access (403)", True),
    (r"404 Not Found|error 404|404 Stream Not Found", "there is nothing at this path (404)", False),
    (r"Failed to resolve hostname", "the host's name cannot be found", False),
    (r"Connection refused", "the connection was refused", False),
    (r"No route to host|Network is unreachable", "there is no way to the host", False),
    (r"Connection timed out|Operation timed out", "it gave no answer", False),
    (r"does not contain any stream|matches no streams|Stream map .* matches no", "it holds no sound", True),
    (r"Permission denied", "it may not be read", True),
    (r"No such file or directory", "there is no such file", True),
    (r"not on whitelist", "it leads to a kind of address that is not allowed", True),
    (r"rtsps?://.*Invalid data found", "it gave no answer", False),
    (r"Invalid data found when processing input", "what it sends is no sound that ffmpeg knows", False),
    (r"Input/output error", "the connection failed", False),
)


class Complaints:
    """The last 50 lines of one ffmpeg that was run by `input_command`, without secrets."""

    def __init__(self, url: SourceUrl) -> None:
        self.lines: deque[str] = deque(maxlen=KEPT_LINES)
        self.finite = False
        """Whether what is at the address has an end, as a file has."""
        self.has_streams = False
        """Whether ffmpeg found anything, sound or picture."""
        self._secrets = re.compile("|".join(map(re.escape, url.secrets())) or r"(?!)")
        self._with_password = url.credentials is not None
        self._found: set[int] = set()
        self._last_error = ""
        self._described = False  # whether a camera said what it has
        self._sound_described = False

    def add(self, line: bytes) -> None:
        """One line of standard error."""
        text = _POINTER.sub("", line.decode("utf-8", "replace")).strip()
        if not text:
            return
        self._found |= {index for index, (pattern, _, _) in enumerate(_KNOWN) if re.search(pattern, text)}
        self._described = self._described or _DESCRIPTION.match(text) is not None
        self._sound_described = self._sound_described or text.startswith("m=audio")
        self.finite = self.finite or _FINITE.match(text) is not None
        self.has_streams = self.has_streams or _STREAM.match(text) is not None
        shown = self._secrets.sub("***", _ADDRESS.sub(r"\1\2/…", text))[:_LONGEST_LINE]
        self.lines.append(shown)
        if _ERROR.match(shown):
            self._last_error = _ERROR.sub("", shown)

    def complaint(self) -> Complaint | None:
        """Why ffmpeg ended, if it said anything."""
        if self._described and not self._sound_described:
            return Complaint("it holds no sound", lasting=True)
        if not self._found:
            return Complaint(self._last_error) if self._last_error else None
        index = min(self._found)
        _, reason, lasting = _KNOWN[index]
        if index == 0 and not self._with_password:
            reason = "it asks for a user name and a password"
        return Complaint(reason, lasting)
