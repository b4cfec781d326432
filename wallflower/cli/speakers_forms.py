"""Speakers as `wallflower speakers` prints them."""

from typing import Any

from wallflower.listening.enrolling import voiceprint_of
from wallflower.listening.identifying import Candidate, Identified
from wallflower.speakers.recognition import Verdict
from wallflower.storage.speakers import SpeakerCount, StoredSpeaker


def counted(speaker: StoredSpeaker) -> str:
    """Of how many recordings the voiceprint is, as people say it."""
    number = recordings(speaker)
    return f"{number} recording" if number == 1 else f"{number} recordings"


def recordings(speaker: StoredSpeaker) -> int:
    """How many the voiceprint was learnt from; of many recordings, how many are kept."""
    voiceprint = voiceprint_of(speaker)
    return 0 if voiceprint is None else len(voiceprint.embeddings)


def as_line(speaker: StoredSpeaker, count: SpeakerCount | None) -> str:
    """Id, name, how much was said, when last (in the box's time zone), and of how many recordings the voice
    is known.
    """
    said = "" if count is None else f"{count.utterances} said, last {count.last.astimezone():%Y-%m-%d %H:%M}"
    voice = counted(speaker) if speaker.voiceprint is not None else ""
    return f"{speaker.id:>4}  {speaker.name:<24}  {said:<36}  {voice}".rstrip()


def as_object(speaker: StoredSpeaker, count: SpeakerCount | None) -> dict[str, Any]:
    """For JSON: times in UTC, ISO 8601 to the millisecond."""
    return {
        "id": speaker.id,
        "name": speaker.name,
        "known": speaker.known,
        "enrolled": speaker.voiceprint is not None,
        "recordings": recordings(speaker),
        "colour": speaker.colour,
        "created": speaker.created.isoformat(timespec="milliseconds"),
        "utterances": 0 if count is None else count.utterances,
        "last": None if count is None else count.last.isoformat(timespec="milliseconds"),
    }


def identified_as_object(found: Identified, best: Candidate | None, verdict: Verdict) -> dict[str, Any]:
    """For JSON. best: who it is or is most like, or who was asked about: named only when it is them."""
    return {
        "verdict": verdict.value,
        "speaker": best.speaker.name if best is not None and verdict is Verdict.KNOWN else None,
        "seconds": round(found.seconds, 2),
        "people": found.people,
        "candidates": [
            {
                "id": each.speaker.id,
                "name": each.speaker.name,
                "verdict": each.recognition.verdict.value,
                "score": round(each.recognition.score, 2),
                "confidence": round(each.recognition.confidence, 3),
            }
            for each in found.candidates
        ],
    }


def identified_as_line(best: Candidate | None, verdict: Verdict) -> str:
    """The verdict, and about whom."""
    if best is None:
        return f"{verdict.value}: nobody is enrolled"
    likeness = f"confidence {best.recognition.confidence:.2f}, score {best.recognition.score:.1f}"
    if verdict is Verdict.KNOWN:
        return f"{verdict.value}: {best.speaker.name} ({likeness})"
    return f"{verdict.value}: nearest is {best.speaker.name} ({likeness})"
