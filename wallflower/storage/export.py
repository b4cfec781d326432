"""Transcripts as files: SubRip, WebVTT, JSON and plain text, a piece at a time."""

import json
from collections.abc import AsyncIterable, AsyncIterator
from datetime import datetime, tzinfo
from enum import StrEnum
from typing import Any

from wallflower.events import Heard
from wallflower.subtitles import VTT_HEAD, srt_cue, vtt_cue, vtt_note

_LEAST = 0.001  # seconds; a cue that ends when it begins is no cue


class Form(StrEnum):
    """What a transcript can be exported as."""

    SRT = "srt"
    VTT = "vtt"
    JSON = "json"
    TEXT = "text"


async def export(
    utterances: AsyncIterable[Heard],
    form: Form,
    *,
    begin: datetime | None = None,
    zone: tzinfo | None = None,
) -> AsyncIterator[str]:
    """The pieces of the file, in order; one utterance is in memory at a time.

    utterances: oldest first. begin: where the times of subtitles count from, aware; the first utterance's
    start by default. zone: of the times in plain text; the box's own by default. JSON has UTC.
    """
    match form:
        case Form.SRT | Form.VTT:
            pieces = _subtitles(utterances, form, begin)
        case Form.JSON:
            pieces = _json(utterances)
        case Form.TEXT:
            pieces = _text(utterances, zone)
    async for piece in pieces:
        yield piece


def as_object(heard: Heard) -> dict[str, Any]:
    """For JSON: times in UTC, ISO 8601 to the millisecond; the id as text, too long a number for some.

    Words are [text, start, end, confidence], seconds from the utterance's start.
    """
    return {
        "id": str(heard.id),
        "source": heard.source,
        "start": heard.start.isoformat(timespec="milliseconds"),
        "end": heard.end.isoformat(timespec="milliseconds"),
        "text": heard.text,
        "language": heard.language,
        "speaker": heard.speaker_name,
        "speaker_id": None if heard.speaker is None else heard.speaker.id,
        "speaker_confidence": None if heard.speaker is None else heard.speaker.confidence,
        "overlapped": heard.overlapped,
        "confidence": heard.confidence,
        "engine": heard.engine,
        "revision": heard.revision,
        "audio_start": round(heard.audio_start, 3),
        "audio_end": round(heard.audio_end, 3),
        "words": [[word.text, word.start, word.end, word.confidence] for word in heard.words],
    }


def as_line(heard: Heard, zone: tzinfo | None = None) -> str:
    """When, with the offset from UTC (an hour comes twice when summer time ends), where, who and what."""
    when = heard.start.astimezone(zone).isoformat(" ", "seconds")
    who = f" {heard.speaker_name}" if heard.speaker else ""
    return f"{when} {heard.source}{who}: {heard.text}"


async def _subtitles(
    utterances: AsyncIterable[Heard], form: Form, begin: datetime | None
) -> AsyncIterator[str]:
    number = 0
    if form is Form.VTT:
        yield VTT_HEAD
    async for heard in utterances:
        if begin is None:
            begin = heard.start
        if number == 0 and form is Form.VTT:
            yield vtt_note(f"0 is {begin.isoformat(timespec='milliseconds')}")
        number += 1
        # Differences of aware times in one zone are of the clock on the wall: so both in UTC's time line.
        start = heard.start.timestamp() - begin.timestamp()
        end = max(heard.end.timestamp() - begin.timestamp(), start + _LEAST)
        yield (
            srt_cue(number, start, end, heard.text, heard.speaker_name)
            if form is Form.SRT
            else vtt_cue(start, end, heard.text, heard.speaker_name)
        )


async def _json(utterances: AsyncIterable[Heard]) -> AsyncIterator[str]:
    before = "[\n"
    async for heard in utterances:
        yield before + json.dumps(as_object(heard), ensure_ascii=False)
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


async def _text(utterances: AsyncIterable[Heard], zone: tzinfo | None) -> AsyncIterator[str]:
    async for heard in utterances:
        yield as_line(heard, zone) + "\n"
