"""A stretch of sound without a gap: its turns, whose voices they are, and what was told of it put right."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from wallflower.audio.pcm import SAMPLE_RATE
from wallflower.events import Heard, Speaker
from wallflower.listening.people import People
from wallflower.listening.splitting import most_of, words_of
from wallflower.listening.voices import Voices
from wallflower.speakers.attribution import Nearby, attribute
from wallflower.speakers.diarizer import Diarizer, SpeakerModels, SpokenTurn
from wallflower.speakers.revision import Stretch
from wallflower.speakers.settings import Diarizing

_TURNS = 200
_TOLD = 2000
_REMEMBERED_SECONDS = Diarizing().remembered


@dataclass(slots=True)
class _Voice:
    """A speaker of the run. person: None while they are not known. seconds: of speech."""

    person: Speaker | None = None
    seconds: float = 0.0


@dataclass(slots=True)
class _Told:
    """What was told. speaker: the number of who said it."""

    heard: Heard
    speaker: int | None


class SpeakerRun:
    """Lives on the event loop. Speakers are numbers here, and `person` is who they are."""

    def __init__(
        self,
        models: SpeakerModels,
        offset: float,
        *,
        voices: Voices,
        people: People,
        revised: Callable[[Heard], None],
    ) -> None:
        """offset: where in the source's sound it begins, in seconds. revised: is given what is told anew."""
        self.offset = offset
        self.samples = 0
        """That were fed."""
        self.ended = False
        self.clock = offset
        """Seconds of the source's sound up to which it is known who speaks."""
        self._diarizer = Diarizer(models)
        self._do = voices.do
        self._people = people
        self._revised = revised
        self._version = people.version
        self._voices: dict[int, _Voice] = {}
        self._turns: deque[SpokenTurn] = deque(maxlen=_TURNS)
        self._under_way: SpokenTurn | None = None
        self._told: deque[_Told] = deque(maxlen=_TOLD)
        self._open: deque[_Told] = deque(maxlen=_TURNS)  # told before it was known who speaks there

    @property
    def end(self) -> float:
        """Seconds of the source's sound that were fed."""
        return self.offset + self.samples / SAMPLE_RATE

    def person(self, number: int | None) -> Speaker | None:
        """Who this speaker is, as far as it is known."""
        voice = self._voices.get(number) if number is not None else None
        if voice is None or voice.person is None:
            return None
        now = self._people.current(voice.person.id)  # who was forgotten just now is told no more
        return None if now is None else self._people.speaker(now, voice.person.confidence)

    def stretches(self, since: float) -> list[Stretch]:
        """Who speaks when in the source's sound from about `since` on (seconds), in order of start."""
        turns = list(self._turns)
        if self._under_way is not None:  # it ends later than it says
            turns.append(replace(self._under_way, end=self.end - self.offset))
        return [
            self._moved(turn.start, turn.end, turn.speaker)
            for turn in turns
            if turn.speaker is not None and turn.end + self.offset > since - 1
        ]

    def told(self, heard: Heard, number: int | None) -> None:
        """This was told: it is told again if it turns out that somebody else said it."""
        told = _Told(heard, number)
        self._told.append(told)
        if number is None:
            self._open.append(told)

    async def feed(
        self, samples: NDArray[np.int16], *, quiet: bool = False, thrifty: bool = False
    ) -> list[SpokenTurn]:
        """Take the next sound; the turns that became known. quiet: nobody speaks in it. thrifty: there is no
        time to look closely.
        """
        self._diarizer.thrifty = thrifty
        found = await self._do(lambda: self._diarizer.feed(samples, quiet=quiet))
        self.samples += len(samples)
        await self._take(found)
        self.clock = self.offset + self._diarizer.clock
        self._close()
        while self._told and self._told[0].heard.audio_end < self.end - _REMEMBERED_SECONDS:
            self._told.popleft()
        return found

    async def finish(self) -> list[SpokenTurn]:
        """The sound has ended: the turns that it leaves."""
        self.ended = True
        found = await self._do(self._diarizer.finish)
        await self._take(found)
        self.clock = self.end
        self._close()
        return found

    async def revise(self) -> float:
        """Look again at who said what was told. Returns the seconds that it took the processor."""
        stretches, took = await self._do(self._look_again) if self._told else ([], 0.0)
        if stretches:
            await self._revise(stretches)
        return took

    def _look_again(self) -> tuple[list[Stretch], float]:
        begun = time.thread_time()
        return self._diarizer.revise(), time.thread_time() - begun

    async def _revise(self, stretches: Sequence[Stretch]) -> None:
        """stretches: who speaks when in the run."""
        for number in sorted({each.speaker for each in stretches}):
            if number not in self._voices:
                seconds = sum(each.end - each.start for each in stretches if each.speaker == number)
                self._voices[number] = _Voice(seconds=seconds)
            await self._recognise(number)
        moved = [self._moved(each.start, each.end, each.speaker) for each in stretches]
        told = [each for each in self._told if each.heard.audio_end > moved[0].start]
        found = await self._do(lambda: _speakers_of([each.heard for each in told], moved))
        for each, (speaker, overlapped) in zip(told, found, strict=True):
            self._settle(each, speaker, overlapped=overlapped)

    def _moved(self, start: float, end: float, speaker: int) -> Stretch:
        """On the clock of the source's sound."""
        return Stretch(start + self.offset, end + self.offset, speaker)

    def _close(self) -> None:
        """Who said what was told too early to know."""
        while self._open and self._open[0].heard.audio_end <= self.clock:
            told = self._open.popleft()
            if told.speaker is None:
                ((speaker, overlapped),) = _speakers_of([told.heard], self.stretches(told.heard.audio_start))
                self._settle(told, speaker, overlapped=overlapped)

    def _settle(self, told: _Told, speaker: int | None, *, overlapped: bool) -> None:
        if speaker is not None and speaker in self._voices:
            told.speaker = speaker
            self._tell_anew(told, overlapped=overlapped)

    async def _take(self, found: Sequence[SpokenTurn]) -> None:
        if self._version != self._people.version:
            self._version = self._people.version
            await self._follow_people()
        for turn in found:
            self._under_way = turn if turn.provisional else None
            if not turn.provisional:
                self._turns.append(turn)
                await self._know(turn)

    async def _know(self, turn: SpokenTurn) -> None:
        """Learn from a complete turn who its speaker is."""
        if turn.speaker is None or turn.embedding is None:
            return
        seconds = turn.end - turn.start
        voice = self._voices.setdefault(turn.speaker, _Voice())
        voice.seconds += seconds
        await self._recognise(turn.speaker)
        if voice.person is not None:
            self._people.learn(voice.person.id, turn.embedding, seconds)

    async def _recognise(self, number: int) -> None:
        voice, sound = self._voices[number], self._diarizer.voice(number)
        if sound is None:
            return
        before = voice.person
        if before is None:
            others = {each.person.id for each in self._voices.values() if each.person is not None}
            voice.person = await self._people.who_is(sound, voice.seconds, apart=others)
        else:  # who is somebody stays so, unless an enrolled voice is recognised
            voice.person = self._people.recognise(sound, voice.seconds) or before
        if voice.person is not None and (before is None or before.id != voice.person.id):
            for told in self._told:
                if told.speaker == number:
                    self._tell_anew(told, overlapped=told.heard.overlapped)

    async def _follow_people(self) -> None:
        """Somebody was named, merged or forgotten, or a voice enrolled."""
        for number, voice in list(self._voices.items()):
            if voice.person is None:
                continue
            now = self._people.current(voice.person.id)
            if now is not None:
                voice.person = self._people.speaker(now, voice.person.confidence)
                await self._recognise(number)
                continue
            del self._voices[number]
            self._turns = deque((each for each in self._turns if each.speaker != number), _TURNS)
            self._told = deque((each for each in self._told if each.speaker != number), _TOLD)
            self._open.clear()
            await self._do(partial(self._diarizer.forget, number))

    def _tell_anew(self, told: _Told, *, overlapped: bool) -> None:
        """If somebody else is found to have said it, or others spoke meanwhile."""
        before, person = told.heard, self.person(told.speaker)
        if person is None:  # what was known stays known
            return
        if before.speaker is not None and self._people.current(before.speaker.id) is None:
            return  # these words may be forgotten, too
        same = before.speaker is not None and self._people.current(before.speaker.id) == person.id
        if not same or overlapped != before.overlapped:
            revision = before.revision + 1
            told.heard = replace(before, speaker=person, overlapped=overlapped, revision=revision)
            self._revised(told.heard)


def _speakers_of(told: Sequence[Heard], stretches: Sequence[Stretch]) -> list[tuple[int | None, bool]]:
    """Who said most of each, and whether others spoke meanwhile. stretches: on the same clock, in order of
    start.
    """
    nearby = Nearby(stretches)
    found = []
    for heard in told:
        words = words_of(heard.text, heard.words, heard.audio_end - heard.audio_start)
        there = nearby.between(heard.audio_start, heard.audio_end)
        found.append(most_of(attribute(words, heard.audio_start, there)))
    return found
