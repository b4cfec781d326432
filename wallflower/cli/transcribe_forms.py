"""How what `transcribe` heard looks as JSON, SubRip and WebVTT."""

import json

from wallflower.events import Utterance
from wallflower.subtitles import VTT_HEAD, srt_cue, vtt_cue


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
    return "".join(srt_cue(number, p.start, p.end, p.text) for number, p in enumerate(utterance.passages, 1))


def as_vtt(utterance: Utterance) -> str:
    """WebVTT subtitles, one for each passage."""
    return VTT_HEAD + "".join(vtt_cue(p.start, p.end, p.text) for p in utterance.passages)
