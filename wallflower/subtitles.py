"""Cues of subtitles. Times are seconds from the beginning of the sound.

Source: https://www.w3.org/TR/webvtt1/; SubRip has no standard, only the program's files.
"""

VTT_HEAD = "WEBVTT\n\n"
"""What a WebVTT file begins with."""


def srt_cue(number: int, start: float, end: float, text: str, speaker: str = "") -> str:
    """A cue of SubRip, with the speaker before the text. number: from 1."""
    said = f"{speaker}: {text}" if speaker else text
    return f"{number}\n{_times(start, end, ',')}\n{_lines(said)}\n\n"


def vtt_cue(start: float, end: float, text: str, speaker: str = "") -> str:
    """A cue of WebVTT, with the speaker as its voice."""
    voice = f"<v {_escaped(speaker)}>" if speaker else ""
    return f"{_times(start, end, '.')}\n{voice}{_lines(_escaped(text))}\n\n"


def vtt_note(text: str) -> str:
    """A comment of WebVTT."""
    return f"NOTE {_lines(_escaped(text))}\n\n"


def _times(start: float, end: float, point: str) -> str:
    return f"{_time(start, point)} --> {_time(end, point)}"


def _time(seconds: float, point: str) -> str:
    milliseconds = round(seconds * 1000)
    hours, rest = divmod(milliseconds, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    whole, thousandths = divmod(rest, 1000)
    return f"{hours:02}:{minutes:02}:{whole:02}{point}{thousandths:03}"


def _lines(text: str) -> str:
    # An empty line ends a cue.
    return "\n".join(line for line in text.splitlines() if line.strip())


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
