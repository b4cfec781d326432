"""Making a source of sound of its settings."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from wallflower.audio.pcm import SAMPLE_RATE, AudioError, PcmFormat
from wallflower.audio.probe import Sound, probe
from wallflower.audio.source import OnState, Source
from wallflower.audio.stream import stream_source
from wallflower.audio.url import parse_url
from wallflower.config import Options
from wallflower.config.sources import MICROPHONE, PUSH, SourceSettings
from wallflower.redaction import redact

PUSHED = PcmFormat(SAMPLE_RATE, 2, 1)
"""What a client brings to a source of `push`."""

PROBE_SECONDS = 15.0

_ADDON_FOLDERS = ("/media", "/share")


def open_source(settings: SourceSettings, on_state: OnState, *, folders: Sequence[Path]) -> Source:
    """The source, which does nothing yet. folders: where files may lie. Raises AudioError."""
    kind, _, device = settings.url.partition(":")
    if kind == MICROPHONE:
        from wallflower.audio.microphone import microphone_source

        return microphone_source(int(device) if device.isdigit() else device or None, on_state)
    if kind == PUSH:
        from wallflower.audio.push import PushSource

        return PushSource(PUSHED, on_state)
    return stream_source(parse_url(settings.url, folders=folders), on_state)


async def probe_place(place: str, *, folders: Sequence[Path]) -> Sound:
    """What can be heard at an address. Raises AudioError with the reason, for the user."""
    if "://" not in place:
        raise AudioError("only an address can be looked at, such as rtsp://HOST/PATH")
    return await probe(parse_url(place, folders=folders), PROBE_SECONDS)


def allowed_folders(options: Options, environment: Mapping[str, str] = os.environ) -> tuple[Path, ...]:
    """Where the files of sources may lie."""
    named = options.source_folders or (_ADDON_FOLDERS if environment.get("SUPERVISOR_TOKEN") else ())
    return tuple(Path(each).expanduser() for each in named)


def shown_url(settings: SourceSettings) -> str:
    """Where the sound comes from, without secrets."""
    scheme, separator, rest = settings.url.partition("://")
    if not separator or scheme == "file":
        return settings.url
    place = redact(settings.url).partition("://")[2].split("/")[0].split("?")[0].rpartition("@")[2]
    return f"{scheme}://{place}" + ("/…" if "/" in rest.rstrip("/") else "")
