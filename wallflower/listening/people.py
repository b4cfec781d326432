"""The people of this house: whose voices are enrolled, and who was heard and has no name yet.

How a stranger sounds is in memory alone, so that the same person is known again at another source, and has a
voiceprint as soon as somebody names them. Nothing of it is stored before that.
"""

import asyncio
import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import structlog

from wallflower.events import BusEvent, Speaker, SpeakersChanged
from wallflower.listening.person_card import PersonCard
from wallflower.speakers.embedding import Embedding
from wallflower.speakers.recognition import Recogniser, Recognition, Verdict
from wallflower.speakers.voiceprint import (
    MODEL,
    Voiceprint,
    VoiceprintError,
    enrolled,
    from_bytes,
    to_bytes,
    updated,
)
from wallflower.storage.database import reading, writing
from wallflower.storage.errors import StorageError
from wallflower.storage.speaker_names import automatic_name
from wallflower.storage.speakers import (
    FormerSpeaker,
    StoredSpeaker,
    add_speaker,
    former_speakers,
    list_speakers,
    set_voiceprint,
    speakers_version,
)

_LOG = structlog.get_logger(__name__)

_MEETING_SECONDS = 2.0
"""Of less speech nobody is made a new acquaintance."""
_LEARNING_SECONDS = 2.0
"""A shorter turn teaches nothing of how somebody sounds."""
_BEYOND_DOUBT = 1.5
"""So much above the threshold a turn changes the voiceprint."""
_MOST_STRANGERS = 200
_LOOK_SECONDS = 2.0
_STORE_SECONDS = 300.0


class People:
    """Lives on the event loop. `version` changes with who there is. tell: hears of that."""

    def __init__(self, path: Path, tell: Callable[[BusEvent], None], *, keeps: bool = True) -> None:
        """path: of the database; it need not be there. keeps: whether anything may be written to it."""
        self.version = 0
        self._path = path
        self._tell = tell
        self._keeps = keeps
        self._stored: dict[int, StoredSpeaker] = {}
        self._former: Mapping[int, FormerSpeaker] = {}
        self._voiceprints: dict[int, Voiceprint] = {}
        self._moved: set[int] = set()  # voiceprints that were updated and not yet stored
        self._unusable: dict[int, bytes] = {}  # voiceprints of which that was said
        self._recogniser = Recogniser({}, MODEL)
        self._strangers: OrderedDict[int, Voiceprint] = OrderedDict()
        self._joining: list[tuple[int, Voiceprint]] = []  # strangers who are somebody enrolled after all
        self._likeness: Recogniser | None = None  # of the strangers; None when it is to be made anew
        self._loading = asyncio.Lock()
        self._meeting = asyncio.Lock()
        self._seen: object = None  # by which a change of the database is seen
        self._loaded = -1

    @property
    def anybody_enrolled(self) -> bool:
        """Whether there is a voice to be recognised."""
        return bool(self._voiceprints)

    def cards(self) -> list[PersonCard]:
        """Everybody, those without a name too."""
        return [self.card(identity) for identity in self._stored]

    def card(self, identity: int) -> PersonCard:
        """Somebody who is there. Raises KeyError when they are not."""
        stored = self._stored[identity]
        enrolled_ = identity in self._voiceprints
        return PersonCard(identity, stored.name, known=stored.known, enrolled=enrolled_, colour=stored.colour)

    def current(self, identity: int) -> int | None:
        """Who this is now, as somebody may have been merged; None for who was forgotten."""
        now: int | None = identity
        while now is not None and now in self._former:
            now = self._former[now].now
        return now

    def words_gone(self, identity: int) -> bool:
        """Whether this person was forgotten with all they said."""
        return identity in self._former and self._former[identity].words_gone

    def speaker(self, identity: int, confidence: float | None = None) -> Speaker:
        """As events name them."""
        stored = self._stored.get(identity)
        if stored is None:
            return Speaker(identity, automatic_name(identity))
        return Speaker(identity, stored.name, stored.known, confidence if stored.known else None)

    def recognise(self, embedding: Embedding, seconds: float) -> Speaker | None:
        """The enrolled person who this is, if any."""
        found = self._recogniser.identify(embedding, seconds)
        return self.speaker(found.person, found.confidence) if found.verdict is Verdict.KNOWN else None

    async def who_is(
        self, embedding: Embedding, seconds: float, *, apart: Collection[int] = ()
    ) -> Speaker | None:
        """Who speaks; somebody new if nobody known does, and None when that cannot be told yet.

        seconds: of speech that the embedding is made of. apart: who this is not, as they speak there too;
        enrolled people may be found all the same.
        """
        if (known := self.recognise(embedding, seconds)) is not None:
            return known
        if seconds < _MEETING_SECONDS:
            return None
        async with self._meeting:
            found = self._like_a_stranger(embedding, seconds)
            if found is not None and found.person not in apart:
                return self.speaker(found.person, found.confidence)
            return await self._meet(embedding)

    def learn(self, identity: int, embedding: Embedding, seconds: float) -> None:
        """This turn was theirs: who has no name is remembered, and a voiceprint follows slowly."""
        if seconds < _LEARNING_SECONDS or self.current(identity) != identity:
            return
        if (voiceprint := self._voiceprints.get(identity)) is None:
            self._remember(identity, embedding)
        elif self._is_beyond_doubt(self._recogniser.verify(embedding, seconds, identity)):
            self._voiceprints[identity] = updated(voiceprint, embedding)
            self._moved.add(identity)

    async def follow(self) -> None:
        """Look every 2 s whether others have changed who there is. Until cancelled; then what was learnt of
        enrolled voices is stored.
        """
        stored_at = asyncio.get_running_loop().time()
        try:
            while True:
                await self.look()
                if asyncio.get_running_loop().time() - stored_at > _STORE_SECONDS:
                    stored_at = asyncio.get_running_loop().time()
                    await self._store_moved()
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            await self._store_moved()

    async def look(self, *, closely: bool = False) -> None:
        """See what has changed in the database; closely: though no file looks like it."""
        async with self._loading:
            seen = await asyncio.to_thread(self._trace)
            if seen is None or (seen == self._seen and not closely):
                return
            try:
                async with reading(self._path) as db:
                    version = await speakers_version(db)
                    if version == self._loaded:
                        self._seen = seen
                        return
                    stored, former = await list_speakers(db), await former_speakers(db)
            except (sqlite3.Error, StorageError) as error:
                _LOG.debug("speakers not read", reason=str(error))
                return
            await self._take(stored, former)
            self._seen, self._loaded = seen, version
            await self._enrol_the_named()
            self.version += 1
        self._tell(SpeakersChanged())

    def _trace(self) -> object:
        """What differs when something was written: size and time of the log beside the database."""
        for name in (f"{self._path.name}-wal", self._path.name):
            try:
                state = self._path.with_name(name).stat()
            except OSError:
                continue
            return state.st_ino, state.st_size, state.st_mtime_ns
        return None

    async def _take(self, stored: Collection[StoredSpeaker], former: Mapping[int, FormerSpeaker]) -> None:
        before, self._stored = self._stored, {each.id: each for each in stored}
        self._former = former
        voiceprints = {each.id: print_ for each in stored if (print_ := self._usable(each)) is not None}
        await self._know(voiceprints, before)
        for identity in list(self._strangers):
            now = self.current(identity)
            if now != identity or identity in self._voiceprints:
                sounds = self._strangers.pop(identity)
                if now is not None and now not in self._voiceprints:
                    self._strangers.setdefault(now, sounds)
                elif now is not None and now != identity:
                    self._joining.append((now, sounds))
        self._likeness = None

    async def _know(self, voiceprints: dict[int, Voiceprint], before: Mapping[int, StoredSpeaker]) -> None:
        """Recognise these from now on. Of a voice that was not enrolled anew, what was learnt of it stays."""
        learnt = {
            identity
            for identity in self._moved & voiceprints.keys() & before.keys()
            if before[identity].voiceprint == self._stored[identity].voiceprint
        }
        voiceprints |= {identity: self._voiceprints[identity] for identity in learnt}
        recogniser = await asyncio.to_thread(Recogniser, voiceprints, MODEL)
        # All at once: `learn` may be asked meanwhile.
        self._voiceprints, self._moved, self._recogniser = voiceprints, learnt, recogniser

    async def _enrol_the_named(self) -> None:
        """Who was given a name, and was heard, has a voiceprint from now on; who was merged into somebody
        enrolled sounds like that, too. If it cannot be stored now, after the next change.
        """
        named: dict[int, Voiceprint] = {}
        for identity, voiceprint in list(self._strangers.items()):
            stored = self._stored.get(identity)
            if stored is not None and stored.known and await self._store(identity, voiceprint):
                named[identity] = voiceprint
        joining, self._joining = self._joining, []
        for identity, sounds in joining:
            now = self.current(identity)
            joined = named.get(identity) or self._voiceprints.get(identity)
            if now != identity or joined is None:
                continue
            for embedding in sounds.embeddings:
                joined = enrolled(joined, embedding)
            if await self._store(identity, joined):
                named[identity] = joined
                self._moved.discard(identity)
            else:
                self._joining.append((identity, sounds))
        if named:
            await self._know(self._voiceprints | named, self._stored)
            for identity in named:
                self._strangers.pop(identity, None)
            self._likeness = None

    def _like_a_stranger(self, embedding: Embedding, seconds: float) -> Recognition | None:
        if self._likeness is None:
            self._likeness = Recogniser(self._strangers, MODEL)
        found = self._likeness.identify(embedding, seconds)
        return found if found.verdict is Verdict.KNOWN else None

    async def _meet(self, embedding: Embedding) -> Speaker | None:
        if not self._keeps:
            identity = max([0, *self._stored, *self._strangers]) + 1
            self._remember(identity, embedding)
            return self.speaker(identity)
        try:
            async with writing(self._path) as db:
                stored = await add_speaker(db, None, datetime.now(UTC))
        except (sqlite3.Error, StorageError) as error:
            _LOG.debug("no new speaker", reason=str(error))
            return None
        self._stored[stored.id] = stored
        self._remember(stored.id, embedding)
        return self.speaker(stored.id)

    def _remember(self, identity: int, embedding: Embedding) -> None:
        self._strangers[identity] = enrolled(self._strangers.get(identity), embedding)
        self._strangers.move_to_end(identity)
        self._likeness = None
        if len(self._strangers) > _MOST_STRANGERS:
            self._strangers.popitem(last=False)

    def _is_beyond_doubt(self, found: Recognition) -> bool:
        return found.verdict is Verdict.KNOWN and found.score >= self._recogniser.threshold + _BEYOND_DOUBT

    async def _store_moved(self) -> None:
        for identity in list(self._moved):
            voiceprint = self._voiceprints.get(identity)
            if voiceprint is not None and await self._store(identity, voiceprint):
                self._moved.discard(identity)

    async def _store(self, identity: int, voiceprint: Voiceprint) -> bool:
        """Whether it is stored, as far as anything may be."""
        if not self._keeps:
            return True
        data = to_bytes(voiceprint)
        try:
            async with writing(self._path) as db:
                if (
                    await speakers_version(db) != self._loaded
                ):  # somebody may have enrolled them anew just now
                    return False
                await set_voiceprint(db, identity, voiceprint.model, data)
                self._loaded = await speakers_version(db)
        except (sqlite3.Error, StorageError) as error:
            _LOG.warning("voiceprint not stored", speaker=identity, reason=str(error))
            return False
        if (stored := self._stored.get(identity)) is not None:
            self._stored[identity] = replace(stored, model=voiceprint.model, voiceprint=data)
        return True

    def _usable(self, stored: StoredSpeaker) -> Voiceprint | None:
        """The voiceprint; None when there is none that can be used, which is said once."""
        if stored.voiceprint is None:
            return None
        try:
            if stored.model == MODEL:
                return from_bytes(stored.model, stored.voiceprint)
            event, about = "voiceprint of another model: enrol anew", {"model": stored.model}
        except VoiceprintError as error:
            event, about = "voiceprint cannot be used: enrol anew", {"reason": str(error)}
        if stored.voiceprint != self._unusable.get(stored.id):
            self._unusable[stored.id] = stored.voiceprint
            _LOG.warning(event, speaker=stored.id, **about)
        return None
