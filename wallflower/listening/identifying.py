"""Who it is that speaks in a recording, among those who are enrolled."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wallflower.audio.pcm import SAMPLE_RATE
from wallflower.errors import ExitCode, WallflowerError
from wallflower.listening.enrolling import voiceprint_of
from wallflower.speakers.diarizer import Diarizer, SpeakerModels
from wallflower.speakers.embedding import Embedding
from wallflower.speakers.recognition import Recogniser, Recognition
from wallflower.speakers.voiceprint import MODEL
from wallflower.storage.database import reading
from wallflower.storage.errors import NoSuchSpeakerError
from wallflower.storage.speakers import StoredSpeaker, find_speaker, list_speakers


class NoVoiceError(WallflowerError):
    """A recording in which nobody speaks."""

    exit_code = ExitCode.AUDIO


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who is enrolled, and how much it sounds like them."""

    speaker: StoredSpeaker
    recognition: Recognition


@dataclass(frozen=True, slots=True)
class Identified:
    """seconds: of speech, of whom speaks the longest. people: how many seem to speak. candidates: all who are
    enrolled, the likeliest first. left_out: whose voiceprint is damaged or of another model.
    """

    seconds: float
    people: int
    candidates: tuple[Candidate, ...]
    left_out: tuple[StoredSpeaker, ...]


async def identify(path: Path, models: SpeakerModels, sound: NDArray[np.int16]) -> Identified:
    """Who speaks in mono 16 kHz `sound`: of several people, who does it the longest.

    Raises NoVoiceError, StorageError.
    """
    async with reading(path) as db:
        speakers = [speaker for speaker in await list_speakers(db) if speaker.voiceprint is not None]
    embedding, seconds, people = await asyncio.to_thread(_voice, sound, models)
    voiceprints = {
        speaker.id: voiceprint
        for speaker in speakers
        if (voiceprint := voiceprint_of(speaker)) is not None and voiceprint.model == MODEL
    }
    recogniser = Recogniser(voiceprints, MODEL)
    candidates = [
        Candidate(speaker, recogniser.verify(embedding, seconds, speaker.id))
        for speaker in speakers
        if speaker.id in voiceprints
    ]
    return Identified(
        seconds,
        people,
        tuple(sorted(candidates, key=lambda each: -each.recognition.score)),
        tuple(speaker for speaker in speakers if speaker.id not in voiceprints),
    )


async def check_enrolled(path: Path, who: str) -> StoredSpeaker:
    """Who has this name or id. Raises NoSuchSpeakerError, also when they have no voiceprint, StorageError."""
    async with reading(path) as db:
        speaker = await find_speaker(db, who)
    if voiceprint_of(speaker) is None:
        raise NoSuchSpeakerError(f"{speaker.name} is not enrolled; `wallflower speakers enrol` does it")
    return speaker


def _voice(sound: NDArray[np.int16], models: SpeakerModels) -> tuple[Embedding, float, int]:
    """The embedding of who speaks the longest, how many seconds that is, and how many people speak."""
    diarizer = Diarizer(SpeakerModels(models.vad, models.embedder))
    diarizer.feed(sound)
    diarizer.finish()
    stretches: dict[int | None, list[NDArray[np.int16]]] = {}
    for turn in diarizer.spoken:
        piece = sound[int(turn.start * SAMPLE_RATE) : int(turn.end * SAMPLE_RATE)]
        stretches.setdefault(turn.speaker, []).append(piece)
    if not stretches:
        raise NoVoiceError("nobody speaks in it")
    # Turns too short to tell who it is are nobody's, unless there are no others.
    told = [speaker for speaker in stretches if speaker is not None]
    longest = max(told or stretches, key=lambda speaker: sum(map(len, stretches[speaker])))
    speech = np.concatenate(stretches[longest])
    embedding = models.embedder.embed(speech)
    if embedding is None:
        raise NoVoiceError("somebody speaks, but not for long enough to tell who it is")
    return embedding, len(speech) / SAMPLE_RATE, max(1, len(told))
