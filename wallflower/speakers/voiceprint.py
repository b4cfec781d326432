"""Voiceprints: what is kept of how a person sounds, as records that a database or a file can hold."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wallflower.errors import WallflowerError
from wallflower.speakers.embedding import SIZE, Embedding, unit

MODEL = "campplus-1.0"
"""The model that embeddings of this version are made by: others are not comparable with them."""

MOST_EMBEDDINGS = 10
_FORMAT = "wallflower-voices"
_VERSION = 1
_LARGEST_NAME = 100
_MOST_PEOPLE = 10_000
_SLOWLY = np.float32(0.05)


class VoiceprintError(WallflowerError):
    """A voiceprint that is damaged, or of another model."""


@dataclass(frozen=True, slots=True)
class Voiceprint:
    """How a person sounds. model: that made it. embeddings: [n, 192], each of length 1, n from 1 to 10."""

    model: str
    embeddings: NDArray[np.float32]


def enrolled(before: Voiceprint | None, embedding: Embedding) -> Voiceprint:
    """With one more recording of the person; of too many the one most like the others goes, so that what is
    kept stays varied. A voiceprint of another model is replaced.
    """
    if before is None or before.model != MODEL:
        return Voiceprint(MODEL, unit(embedding[np.newaxis]))
    embeddings = np.concatenate([before.embeddings, unit(embedding[np.newaxis])])
    if len(embeddings) > MOST_EMBEDDINGS:
        likeness = np.einsum("id,jd->i", embeddings, embeddings)
        embeddings = np.delete(embeddings, int(likeness[:-1].argmax()), axis=0)
    return Voiceprint(MODEL, embeddings)


def updated(before: Voiceprint, embedding: Embedding) -> Voiceprint:
    """Moved a little towards how the person sounds now: only the embedding that is nearest, by a twentieth.
    To be called for a turn that was recognised beyond doubt.
    """
    if before.model != MODEL:
        return before
    embeddings = before.embeddings.copy()
    nearest = int(np.einsum("id,d->i", embeddings, embedding).argmax())
    embeddings[nearest] = unit((1 - _SLOWLY) * embeddings[nearest] + _SLOWLY * embedding)
    return Voiceprint(before.model, embeddings)


def to_bytes(voiceprint: Voiceprint) -> bytes:
    """The embeddings as a database keeps them, beside the model's name: 384 bytes each."""
    return voiceprint.embeddings.astype("<f2").tobytes()


def from_bytes(model: str, data: bytes) -> Voiceprint:
    """What `to_bytes` wrote. Raises VoiceprintError when it is damaged."""
    if not data or len(data) % (2 * SIZE) or len(data) > 2 * SIZE * MOST_EMBEDDINGS:
        raise VoiceprintError(f"a voiceprint of {len(data)} bytes is damaged: each embedding has {2 * SIZE}")
    stored = np.frombuffer(data, "<f2").reshape(-1, SIZE)
    if not np.isfinite(stored).all() or np.abs(stored).max() > 1:
        raise VoiceprintError("a voiceprint is damaged: its numbers are no embedding")
    embeddings = stored.astype(np.float32)
    if (np.abs((embeddings * embeddings).sum(axis=1) - 1) > 0.05).any():
        raise VoiceprintError("a voiceprint is damaged: its numbers are no embedding")
    return Voiceprint(model, unit(embeddings))


def export_voices(people: Mapping[str, Voiceprint]) -> str:
    """The voiceprints of people by name as one JSON file."""
    voices = [
        {"name": name, "model": each.model, "embeddings": base64.b64encode(to_bytes(each)).decode()}
        for name, each in people.items()
    ]
    return json.dumps(
        {"format": _FORMAT, "version": _VERSION, "voices": voices}, ensure_ascii=False, indent=1
    )


def import_voices(text: str) -> dict[str, Voiceprint]:
    """What `export_voices` wrote, whole or not at all. Raises VoiceprintError: no such file, a later version,
    another model, a damaged voice, a name twice.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise VoiceprintError(f"this is no file of voices: {error}") from error
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise VoiceprintError("this is no file of voices that wallflower exported")
    if content.get("version") != _VERSION:
        raise VoiceprintError(
            f"the file is of version {content.get('version')!r}, and this Wallflower knows {_VERSION}"
        )
    voices = content.get("voices")
    if not isinstance(voices, list) or len(voices) > _MOST_PEOPLE:
        raise VoiceprintError(f"the file has no list of voices, or one of more than {_MOST_PEOPLE}")
    people: dict[str, Voiceprint] = {}
    for number, voice in enumerate(voices, 1):
        name, voiceprint = _voice(number, voice)
        if name in people:
            raise VoiceprintError(f"voice {number} of the file has a name that another has")
        people[name] = voiceprint
    return people


def _voice(number: int, voice: Any) -> tuple[str, Voiceprint]:
    where = f"voice {number} of the file"
    if not isinstance(voice, dict) or not all(
        isinstance(voice.get(key), str) for key in ("name", "model", "embeddings")
    ):
        raise VoiceprintError(f"{where} lacks a name, a model or embeddings")
    name = voice["name"].strip()
    if not name or len(name) > _LARGEST_NAME or not name.isprintable():
        raise VoiceprintError(f"{where} has no printable name of at most {_LARGEST_NAME} characters")
    if voice["model"] != MODEL:
        raise VoiceprintError(f"{where} was made by model {voice['model']!r}, not {MODEL}: enrol anew")
    try:
        return name, from_bytes(MODEL, base64.b64decode(voice["embeddings"], validate=True))
    except binascii.Error as error:
        raise VoiceprintError(f"{where} is damaged: {error}") from error
    except VoiceprintError as error:
        raise VoiceprintError(f"{where}: {error}") from error
