"""What the messages hold: JSON objects with a version, as the files in `schemas/` state them.

Times are ISO 8601 with an offset, durations seconds, levels dBFS, memory MB, the load per cent. Ids are
text: they are beyond what JavaScript takes for a whole number.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from wallflower.events import (
    Alert,
    Heard,
    Partial,
    SoundLevel,
    SourceStatus,
    Speaker,
    SpeakerChanged,
    SpeechChanged,
    Unheard,
    Utterance,
)
from wallflower.interfaces.mqtt.controls import SourceCard
from wallflower.listening.person_card import PersonCard
from wallflower.listening.vitals import Vitals

VERSION = 1

ALERT_KINDS = ("keyword", "silence", "no_sound", "speech", "loud", "speaker", "source_down", "trouble")
ALERT_PHASES = ("raised", "confirmed", "withdrawn", "ended")
ALERT_TYPES = tuple(
    kind if phase == "raised" else f"{kind}_{phase}" for kind in ALERT_KINDS for phase in ALERT_PHASES
)
"""Home Assistant's event types of alerts: the kind for one that is raised, else with the phase behind it."""
UTTERANCE_TYPES = ("utterance", "revised")

Payload = Mapping[str, Any]


def encoded(payload: Payload) -> bytes:
    """As it goes over the wire."""
    return json.dumps({"version": VERSION, **payload}, ensure_ascii=False, separators=(",", ":")).encode()


def status(*, online: bool) -> Payload:
    """Whether the box is there; also its last will."""
    return {"status": "online" if online else "offline"}


def box_state(vitals: Vitals, *, listening: bool, power: str, tier: str) -> Payload:
    """How the box is."""
    factor, celsius = vitals.real_time_factor, vitals.celsius
    return {
        "software": vitals.version,
        "started": _time(vitals.started),
        "engine": vitals.engine,
        "accelerator": vitals.accelerator,
        "model": vitals.model,
        "real_time_factor": None if factor is None else round(factor, 3),
        "lane_load": round(100 * vitals.lane_load),
        "queue": vitals.queue,
        "temperature": None if celsius is None else round(celsius, 1),
        "memory": round(vitals.memory_mb),
        "trouble": vitals.trouble,
        "listening": listening,
        "power": power,
        "tier": tier,
    }


def source_state(
    card: SourceCard, source_status: SourceStatus, reason: str, *, silence: bool, at: datetime
) -> Payload:
    """How a source is. at: since when it has this status."""
    return {
        "source": card.slug,
        "name": card.name,
        "status": source_status.value,
        "reason": reason,
        "listening": card.listening,
        "silence": silence,
        "silence_minutes": round(card.silence_minutes, 1),
        "sensitivity": card.sensitivity,
        "keywords": list(card.keywords),
        "at": _time(at),
    }


def speech(event: SpeechChanged) -> Payload:
    """Whether somebody speaks."""
    return {"source": event.source, "speaking": event.speaking, "at": _time(event.at)}


def speaker(event: SpeakerChanged | Heard) -> Payload:
    """Who speaks, or spoke last; null when that is not known."""
    who = event.speaker
    return {
        "source": event.source,
        "speaker": None if who is None else who.name,
        **{name.removeprefix("speaker_"): value for name, value in _about(who).items()},
        "provisional": isinstance(event, SpeakerChanged) and event.provisional,
        "at": _time(event.end if isinstance(event, Heard) else event.at),
    }


def _about(who: Speaker | None) -> Payload:
    confidence = None if who is None else who.confidence
    return {
        "speaker_id": None if who is None else str(who.id),
        "speaker_known": None if who is None else who.known,
        "speaker_confidence": None if confidence is None else round(confidence, 3),
    }


def speakers(people: Iterable[PersonCard]) -> Payload:
    """Those whom somebody named or enrolled: of others nothing outlives the moment with the broker."""
    return {"speakers": [_person(card) for card in people if card.known]}


def _person(card: PersonCard) -> Payload:
    return {
        "id": str(card.id),
        "name": card.name,
        "known": card.known,
        "enrolled": card.enrolled,
        "colour": card.colour,
    }


def level(event: SoundLevel) -> Payload:
    """How loud it is."""
    return {
        "source": event.source,
        "rms": round(event.rms, 1),
        "peak": round(event.peak, 1),
        "at": _time(event.at),
    }


def transcript(heard: Heard) -> Payload:
    """What was said last."""
    return {
        "source": heard.source,
        "id": str(heard.id),
        "start": _time(heard.start),
        "end": _time(heard.end),
        "text": heard.text,
        "language": heard.language,
        "speaker": heard.speaker_name or None,
        **_about(heard.speaker),
        "overlapped": heard.overlapped,
        "continued": heard.continued,
        "confidence": heard.confidence,
        "engine": heard.engine,
        "revision": heard.revision,
        "words": [
            {
                "text": word.text,
                "start": round(word.start, 2),
                "end": round(word.end, 2),
                "confidence": word.confidence,
            }
            for word in heard.words
        ],
    }


def utterance(heard: Heard) -> Payload:
    """What was just said."""
    return {"event_type": UTTERANCE_TYPES[heard.revision > 0], **transcript(heard)}


def partial(event: Partial | Unheard) -> Payload:
    """What is known of what somebody is saying; withdrawn when it was nothing."""
    words = event if isinstance(event, Partial) else None
    return {
        "source": event.source,
        "id": str(event.id),
        "committed": words.committed if words else "",
        "tentative": words.tentative if words else "",
        "language": words.language if words else None,
        "withdrawn": words is None,
        "at": _time(event.at),
    }


def alert(event: Alert) -> Payload:
    """A rule's condition is met, or has ended."""
    return {
        "event_type": event.kind if event.phase == "raised" else f"{event.kind}_{event.phase}",
        "id": str(event.id),
        "rule": event.rule,
        "kind": event.kind,
        "source": event.source or None,
        "severity": event.severity,
        "phase": event.phase,
        "summary": event.summary,
        "at": _time(event.at),
        "utterance": None if event.utterance is None else str(event.utterance),
        "detail": dict(event.detail),
    }


def error(topic: str, message: str) -> Payload:
    """A command that changed nothing."""
    return {"topic": topic, "message": message}


def answer(box: str, said: Utterance) -> Payload:
    """What is said in the sound of a request."""
    return {
        "box": box,
        "text": said.text,
        "language": said.language,
        "seconds": round(said.seconds, 3),
        "passages": [
            {"start": round(p.start, 3), "end": round(p.end, 3), "text": p.text, "language": p.language}
            for p in said.passages
        ],
    }


def person_answer(box: str, action: str, person: PersonCard | None) -> Payload:
    """What became of a speaker; null when there is none left."""
    return {"box": box, "action": action, "speaker": None if person is None else _person(person)}


def refusal(box: str, code: str, message: str) -> Payload:
    """Why a request was not done."""
    return {"box": box, "error": {"code": code, "message": message}}


def _time(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")
