"""The settings of a source of sound, stated once: the options and all who show or change them follow."""

import dataclasses
import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal, cast

import voluptuous as vol

from wallflower.config import checks
from wallflower.config.stating import ExplainedInvalid, flat_mapping, stated

Sensitivity = Literal["relaxed", "default", "aggressive"]

MICROPHONE, PUSH = "mic", "push"

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
_LONGEST_SLUG = 48


def _place(value: Any) -> str:
    """Where sound comes from. What exactly an address may be is the business of who opens it."""
    text = checks.one_line(value).strip()
    if text in {MICROPHONE, PUSH} or text.startswith(f"{MICROPHONE}:") or _ADDRESS.fullmatch(text):
        return text
    raise vol.Invalid("expected an address, mic or push")


@dataclass(frozen=True, kw_only=True)
class SourceSettings:
    """One source of sound."""

    name: str = stated(
        "",
        vol.All(str, vol.Length(min=1, max=63), checks.one_line),
        "one line of 1 to 63 characters, of which no two sources have the same",
        "What the source is called; names of entities and files are made of it.",
    )
    url: str = stated(
        "",
        _place,
        "an address (rtsp, rtsps, http, https, rtmp, udp, srt, file), `mic`, `mic:DEVICE` or `push`",
        "Where the sound comes from: an address, the microphone, or a client that brings it.",
        secret=True,
    )
    enabled: bool = stated(True, checks.boolean, "true or false", "Whether it is listened to.")
    language: str = stated(
        "",
        vol.Any("", checks.language_or_auto),
        "a language code such as en or en-GB, or auto; empty: as the option `language`",
        "The language that is spoken there; auto: it is detected.",
    )
    program: str = stated(
        "accurate",
        checks.one_of("accurate", "fast"),
        "accurate or fast",
        "Which model tier decodes: the best chosen for this box, or the quick one where there is one.",
    )
    gain: float = stated(
        0.0, checks.number(-40, 40), "a number of dB from -40 to 40", "How much louder to make the sound."
    )
    sensitivity: str = stated(
        "default",
        checks.one_of("relaxed", "default", "aggressive"),
        "relaxed, default or aggressive",
        "Relaxed hears faint speech too, and waits longer for it to go on; aggressive neither.",
    )
    speakers: bool = stated(
        True, checks.boolean, "true or false", "Whether it is told who speaks there, where that can be told."
    )
    keep_transcripts: bool = stated(
        True, checks.boolean, "true or false", "Whether what is said there is kept in the database."
    )
    keep_audio: bool = stated(
        False, checks.boolean, "true or false", "Whether the sound of what is said there is kept."
    )


SOURCE_FIELDS: dict[str, "dataclasses.Field[Any]"] = {
    field.name: field for field in dataclasses.fields(SourceSettings)
}
"""The settings by name."""

_source = flat_mapping(SourceSettings, "source")


def source(value: Any) -> dict[str, Any]:
    """What is stated of a source, checked. Raises vol.Invalid."""
    checked = _source(value)
    if "url" not in checked:
        raise ExplainedInvalid(f"source {checked['name']!r} has no 'url'; each needs one")
    return checked


def sources(value: Any) -> list[dict[str, Any]]:
    """Sources, no two of the same name. Raises vol.Invalid."""
    checked = cast("list[dict[str, Any]]", checks.list_of(source)(value))
    names = [each["name"].casefold() for each in checked]
    for name in names:
        if names.count(name) > 1:
            raise ExplainedInvalid(f"two sources are called {name!r}")
    return checked


def slug_of(name: str, taken: Collection[str] = ()) -> str:
    """A short name of small letters, digits and underscores, that is not among the taken ones."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    base = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:_LONGEST_SLUG] or "source"
    slug, number = base, 1
    while slug in taken:
        number += 1
        slug = f"{base}_{number}"
    return slug
