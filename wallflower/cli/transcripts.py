"""How a transcript looks as JSON, SubRip and WebVTT."""

import json

from wallflower.events import Utterance


def as_json(name: str, utterance: Utterance) -> str:
    """One line of JSON. Times are seconds from the start of the file."""
    return json.dumps(
        {
            "file": name,
            "text": utterance.text,
            "language": utterance.language,
            "seconds": round(utterance.seconds, 3),
            "passages": [
                {"start": round(p.start, 3), "end": round(p.end, 3), "text": p.text, "language": p.language}
                for p in utterance.passages
            ],
        },
        ensure_ascii=False,
    )


def as_srt(utterance: Utterance) -> str:
    """SubRip subtitles, one for each passage."""
    return "".join(
        f"{number}\n{_time(p.start, ',')} --> {_time(p.end, ',')}\n{p.text}\n\n"
        for number, p in enumerate(utterance.passages, 1)
    )


def as_vtt(utterance: Utterance) -> str:
    """WebVTT subtitles, one for each passage. Source: https://www.w3.org/TR/webvtt1/"""
    return "WEBVTT\n\n" + "".join(
        f"{_time(p.start, '.')} --> {_time(p.end, '.')}\n{_escaped(p.text)}\n\n" for p in utterance.passages
    )


def _time(seconds: float, point: str) -> str:
    milliseconds = round(seconds * 1000)
    hours, rest = divmod(milliseconds, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    whole, thousandths = divmod(rest, 1000)
    return f"{hours:02}:{minutes:02}:{whole:02}{point}{thousandths:03}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
