"""Changing who there is while the daemon listens: what MQTT asks for."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wallflower.errors import WallflowerError
from wallflower.events import Alert, Heard
from wallflower.listening import enrolling
from wallflower.listening.household import Household
from wallflower.listening.person_card import PersonCard
from wallflower.speakers.diarizer import SpeakerModels
from wallflower.storage.database import DATABASE_NAME, writing
from wallflower.storage.recorder import Recorder
from wallflower.storage.sounds import SOUNDS_NAME, Sounds, remove_sounds
from wallflower.storage.speakers import (
    StoredSpeaker,
    find_speaker,
    forget_speaker,
    rename_speaker,
    split_speaker,
)

_MODELS_SECONDS = 300.0


class DeskError(WallflowerError):
    """What was asked for cannot be done here."""


class Desk:
    """Lives on the event loop. who: a name, or an id as text. Changes raise WallflowerError."""

    def __init__(self, home: Path, household: Household, recorder: Recorder, sounds: Sounds) -> None:
        self._home = home
        self._path = home / DATABASE_NAME
        self._household = household
        self._recorder = recorder
        self._sounds = sounds

    def people(self) -> Sequence[PersonCard]:
        """Everybody who was told apart, named or not."""
        return self._household.people.cards()

    def person(self, identity: int) -> PersonCard | None:
        """Who this is now, as somebody may have been merged; None for who was forgotten."""
        people = self._household.people
        now = people.current(identity)
        try:
            return None if now is None else people.card(now)
        except KeyError:
            return None

    def words_gone(self, identity: int) -> bool:
        """Whether this person was forgotten with all they said."""
        return self._household.people.words_gone(identity)

    async def enrol(self, name: str, sound: NDArray[np.int16]) -> PersonCard:
        """Learn how a person sounds from mono 16 kHz sound with their voice alone."""
        return await self._changed(await enrolling.enrol(self._path, await self._models(), name, sound))

    async def enrol_from(self, name: str, utterances: Sequence[int]) -> PersonCard:
        """Learn how a person sounds from what they said, where its sound was kept."""
        models = await self._models()
        return await self._changed(
            await enrolling.enrol_from_utterances(self._home, models, name, utterances)
        )

    async def rename(self, who: str, name: str) -> PersonCard:
        """Give a person a name, or another one."""
        async with writing(self._path) as db:
            speaker = await rename_speaker(db, (await find_speaker(db, who)).id, name)
        return await self._changed(speaker)

    async def merge(self, who: str, into: str) -> PersonCard:
        """Both are one person: the second."""
        await self._recorder.flush()
        return await self._changed(await enrolling.merge(self._path, who, into))

    async def split(self, utterances: Sequence[int]) -> PersonCard:
        """Somebody else, of whom nothing is known yet, said these."""
        await self._recorder.flush()
        async with writing(self._path) as db:
            speaker = await split_speaker(db, utterances)
        return await self._changed(speaker)

    async def forget(self, who: str, *, words: bool) -> None:
        """Delete a person with the voiceprint. words: also what they said."""
        async with writing(self._path) as db:
            speaker = await find_speaker(db, who)

        unwritten: set[int] = set()  # whose sounds may be there before they are

        def theirs(one: Heard | Alert) -> bool:
            """Of what waits: what they said, if that is to go, and what names them."""
            if isinstance(one, Alert):
                return dict(one.detail).get("speaker_id") == str(speaker.id)
            if not words or one.speaker is None or one.speaker.id != speaker.id:
                return False
            unwritten.add(one.id)
            return True

        self._sounds.drop(theirs)
        await self._recorder.drop(theirs)
        try:
            await asyncio.to_thread(remove_sounds, self._home / SOUNDS_NAME, unwritten)
        except OSError as error:
            raise DeskError(f"a sound cannot be deleted: {error.strerror}") from error
        async with writing(self._path) as db:
            await forget_speaker(db, speaker.id, self._home / SOUNDS_NAME, words=words)
        await self._household.people.look(closely=True)

    async def _changed(self, speaker: StoredSpeaker) -> PersonCard:
        await self._household.people.look(closely=True)
        return self._household.people.card(speaker.id)

    async def _models(self) -> SpeakerModels:
        voices = self._household.voices
        try:
            async with asyncio.timeout(_MODELS_SECONDS):
                await voices.settled()
        except TimeoutError:
            raise DeskError("the models that know voices are still being fetched; try again later") from None
        if voices.models is None:
            raise DeskError(f"no voice can be learnt here: {voices.problem}")
        return voices.models
