"""What alerts tell of an utterance and of its speaker. Ids are text: JSON readers may round large numbers."""

from wallflower.alerts.raising import Detail
from wallflower.events import Heard, Partial, Speaker

_LONGEST_TEXT = 1_000


def about_speaker(speaker: Speaker | None) -> Detail:
    """speaker: None when it is not known who speaks."""
    if speaker is None:
        return {"speaker": "", "speaker_id": None, "known": None, "speaker_confidence": None}
    return {
        "speaker": speaker.name,
        "speaker_id": str(speaker.id),
        "known": speaker.known,
        "speaker_confidence": speaker.confidence,
    }


def about_words(event: Partial | Heard, text: str) -> Detail:
    """text: what of the event's words counts."""
    told: Detail = {
        "text": text[:_LONGEST_TEXT],
        "language": event.language,
        "start": event.start.isoformat(),
    }
    if isinstance(event, Heard):
        told |= {"end": event.end.isoformat(), "confidence": event.confidence, **about_speaker(event.speaker)}
    return told
