"""People enrolled, merged, exported and imported: voiceprints made of sound, in the database.

The database is at `path`, or in the data directory `home`. Sound is mono at 16 kHz.
"""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wallflower.audio.ffmpeg import decode_file
from wallflower.audio.pcm import SAMPLE_RATE
from wallflower.speakers.diarizer import SpeakerModels
from wallflower.speakers.enrolment import LONGEST, enrolment_of
from wallflower.speakers.voiceprint import (
    MODEL,
    Voiceprint,
    VoiceprintError,
    enrolled,
    export_voices,
    from_bytes,
    import_voices,
    to_bytes,
)
from wallflower.storage.database import DATABASE_NAME, reading, writing
from wallflower.storage.errors import NoSuchSpeakerError, SpeakerNameError, StorageError
from wallflower.storage.search import find
from wallflower.storage.sounds import SOUNDS_NAME, find_sound
from wallflower.storage.speaker_names import name_of_person
from wallflower.storage.speakers import (
    StoredSpeaker,
    find_speaker,
    keep_people,
    list_speakers,
    merge_speakers,
)

_BETWEEN = np.zeros(SAMPLE_RATE // 2, np.int16)  # a pause, so that two utterances are not one turn


async def enrol(path: Path, models: SpeakerModels, name: str, sound: NDArray[np.int16]) -> StoredSpeaker:
    """Learn how a person sounds from a recording of them alone: somebody new, or once more.

    Raises EnrolmentError when nothing can be learnt from it, SpeakerNameError for what is no name or an
    automatic speaker, who must be renamed first, StorageError.
    """
    await _name_to_enrol(path, name)
    embedding = await asyncio.to_thread(enrolment_of, sound, models)
    name, before = await _name_to_enrol(path, name)
    voiceprint = enrolled(before, embedding)
    async with writing(path) as db:
        (speaker,) = await keep_people(db, {name: (MODEL, to_bytes(voiceprint))}, replace=True)
        return speaker


async def enrol_from_utterances(
    home: Path, models: SpeakerModels, name: str, ids: Sequence[int]
) -> StoredSpeaker:
    """Learn how a person sounds from what they said, where its sound was kept.

    Raises as `enrol` does, AudioError, and StorageError naming the utterances that are not there or have no
    sound.
    """
    sound = await sound_of_utterances(home, ids)
    return await enrol(home / DATABASE_NAME, models, name, sound)


async def merge(path: Path, who: str, into: str) -> StoredSpeaker:
    """Have two speakers, by name or id, be one from now on, who keeps the second's name, with both voices.

    Raises NoSuchSpeakerError, StorageError for a known person into one without a name.
    """
    async with writing(path) as db:
        one, other = await find_speaker(db, who), await find_speaker(db, into)
        if one.known and not other.known:
            raise StorageError(
                f"{one.name} has a name and {other.name} has none: merge {other.name} into {one.name}"
            )
        voiceprint = _joined(voiceprint_of(other), voiceprint_of(one))
        data = None if voiceprint is None else (voiceprint.model, to_bytes(voiceprint))
        await merge_speakers(db, one.id, other.id, data)
        return await find_speaker(db, str(other.id))


async def export_people(path: Path) -> str:
    """All who are enrolled, as the text of one file. Raises StorageError when nobody is."""
    async with reading(path) as db:
        speakers = await list_speakers(db)
    people = {
        speaker.name: voiceprint
        for speaker in speakers
        if speaker.known and (voiceprint := voiceprint_of(speaker)) is not None and voiceprint.model == MODEL
    }
    if not people:
        raise StorageError("nobody is enrolled; `wallflower speakers enrol` does it")
    return export_voices(people)


async def import_people(path: Path, text: str, *, replace: bool = False) -> tuple[StoredSpeaker, ...]:
    """Enrol all who are in a text that `export_people` made, or nobody.

    replace: give those who are here already the voiceprint of the file. Raises VoiceprintError for what is no
    such text, NameTakenError, SpeakerNameError, StorageError.
    """
    people = await asyncio.to_thread(import_voices, text)
    kept = {name: (voiceprint.model, to_bytes(voiceprint)) for name, voiceprint in people.items()}
    async with writing(path) as db:
        return await keep_people(db, kept, replace=replace)


def voiceprint_of(speaker: StoredSpeaker) -> Voiceprint | None:
    """How they sound; None when that is not known, or damaged."""
    if speaker.voiceprint is None:
        return None
    try:
        return from_bytes(speaker.model, speaker.voiceprint)
    except VoiceprintError:
        return None


async def sound_of(path: Path) -> NDArray[np.int16]:
    """The sound of a file, as much of it as is looked at. Raises AudioError."""
    blocks: list[NDArray[np.int16]] = []
    async with aclosing(decode_file(path)) as decoded:
        async for block in decoded:
            blocks.append(block)
            if sum(map(len, blocks)) >= LONGEST * SAMPLE_RATE:
                break
    return np.concatenate([np.zeros(0, np.int16), *blocks])


async def sound_of_utterances(home: Path, ids: Sequence[int]) -> NDArray[np.int16]:
    """One after the other. Raises AudioError, and StorageError naming those not there or without sound."""
    async with reading(home / DATABASE_NAME) as db:
        missing = [str(identity) for identity in ids if await find(db, identity) is None]
    if missing:
        raise StorageError(f"there is no utterance {', '.join(missing)}")
    paths = {identity: await asyncio.to_thread(find_sound, home / SOUNDS_NAME, identity) for identity in ids}
    if silent := [str(identity) for identity, path in paths.items() if path is None]:
        raise StorageError(
            f"no sound was kept of utterance {', '.join(silent)}; a source keeps it with keep_audio"
        )
    pieces = [await sound_of(path) for path in paths.values() if path is not None]
    return np.concatenate([part for piece in pieces for part in (piece, _BETWEEN)])


async def _name_to_enrol(path: Path, who: str) -> tuple[str, Voiceprint | None]:
    """The name as it is kept, and the voiceprint that is there already."""
    async with reading(path) as db:
        try:
            speaker = await find_speaker(db, who)
        except NoSuchSpeakerError:
            return name_of_person(who), None
    if not speaker.known:
        raise SpeakerNameError(f"{speaker.name} has no name yet: rename it first, then enrol the name")
    return speaker.name, voiceprint_of(speaker)


def _joined(one: Voiceprint | None, other: Voiceprint | None) -> Voiceprint | None:
    if one is None or other is None:
        return one or other
    if other.model == MODEL:
        for embedding in other.embeddings:
            one = enrolled(one, embedding)
    return one
