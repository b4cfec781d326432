"""A session: one utterance listened to, from its first sample to its words, or a sound that has no end.

It owns a VAD state, a segmenter and the sound that is still needed, and nothing global. A segment goes
to the lane as soon as it is complete, so that a long utterance is mostly decoded before it ends; what
somebody is still saying is decoded as drafts.
"""

import asyncio
import secrets
from collections import defaultdict, deque
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from wallflower.audio.pcm import SAMPLE_RATE
from wallflower.engines.base import EngineError, Transcription
from wallflower.events import (
    EndlessEvent,
    Endpoint,
    Forming,
    Passage,
    PassageLost,
    Speaking,
    StreamEvent,
    Utterance,
)
from wallflower.languages import UNDETERMINED
from wallflower.listening.decoding import Decoding
from wallflower.listening.draft import SPECULATE_SECONDS, Draft
from wallflower.listening.ears import Ears
from wallflower.listening.manner import Manner
from wallflower.listening.outbox import Outbox
from wallflower.listening.passages import Passages
from wallflower.listening.sound import Sound
from wallflower.listening.transcript import Transcript
from wallflower.speech.agreement import Agreement
from wallflower.speech.endpointing import is_over
from wallflower.speech.segmenting import Segment, Segmenter
from wallflower.speech.vad import FRAME_SAMPLES, VadState

_BACKLOG_SAMPLES = 30 * SAMPLE_RATE
"""A source that is this far ahead of the VAD waits: memory stays bounded however fast it sends."""
_AHEAD_SEGMENTS = 4
"""A source with more segments than this before the lane waits, too."""
_BUSY = 0.6
"""A lane that worked for more than this share of the last seconds has enough to do."""
_BATCH_FRAMES = 64  # the VAD thread is shared: after 2 s of sound it is another session's turn
_QUIET_SECONDS = 1.0
"""Nobody speaks any more after so long without speech."""


class Session:
    """Listens to one utterance. Use: `feed` any number of times, then `finish`; `close` at any time.

    An endless one keeps nothing that was told; `skip_to` where sound is missing.
    """

    def __init__(
        self,
        ears: Ears,
        manner: Manner | None = None,
        *,
        on_passage: Callable[[Passage], None] = lambda _passage: None,
        on_event: Callable[[EndlessEvent], None] = lambda _event: None,
        on_sound: Callable[[NDArray[np.float32], float], None] = lambda _samples, _start: None,
    ) -> None:
        """on_passage: told of each passage as soon as it is decoded. on_event: told, if the manner is
        endless, what happens in the sound; passages come in their order. on_sound: given the sound of each
        passage just before that is told, and where it begins, in seconds.
        """
        self.id = secrets.token_hex(4)
        self._ears = ears
        self._manner = manner or Manner()
        self._on_passage = on_passage
        self._on_sound = on_sound
        self._on_event = on_event if self._manner.endless else None
        self._decoding = Decoding(ears, self._manner, key=self)
        self._outbox = Outbox()
        self._transcript = Transcript(self._outbox)
        self._sound = Sound()
        self._vad_state = VadState()
        self._segmenter = Segmenter(self._manner.segmenting)
        self._made = Passages()
        self._speaking = False
        self._told_of = -1  # the start of the segment in which it was told that somebody speaks
        self._forming_start = 0  # of the segment that is drafted
        self._pace = self._decoding.pace()
        self._glancing_pace = self._decoding.glancing_pace()
        self._drafts: set[Draft] = set()
        self._end: int | None = None  # the number of samples, once known
        self._heard = 0  # samples that the VAD has seen
        self._draft, self._glance = self._new_drafts()
        self._finals: deque[asyncio.Task[Passage]] = deque()
        self._passages: list[Passage] = []
        self._hearing: asyncio.Task[None] | None = None
        self.is_over = asyncio.Event()
        """Set when the speaker has finished, if the manner leaves that to us."""

    @property
    def seconds(self) -> float:
        """The length of the sound so far."""
        return self._sound.end / SAMPLE_RATE

    @property
    def silent_since(self) -> float:
        """Where in the sound the last speech ended that was heard so far, in seconds."""
        return self.heard - self._segmenter.silence

    @property
    def heard(self) -> float:
        """Seconds of the sound in which speech was looked for."""
        return self._heard / SAMPLE_RATE

    @property
    def language(self) -> str | None:
        """ISO 639 code of what is said; None while it is not known."""
        return self._decoding.language

    def events(self) -> AsyncGenerator[StreamEvent, None]:
        """What happens, as it happens; ends with the Utterance or when the session is closed."""
        return self._outbox.events()

    async def feed(self, samples: NDArray[np.int16]) -> None:
        """Add mono 16 kHz samples. Returns at once unless the source is far ahead of the decoding.

        Raises EngineError when decoding an earlier part has failed.
        """
        self._sound.append(samples)
        self._hear()
        if self._sound.end - self._heard > _BACKLOG_SAMPLES:
            await self._hearing_done()
        await self._collect(_AHEAD_SEGMENTS)

    async def skip_to(self, position: int) -> None:
        """Sound is missing: what is fed next comes from this sample on, none before the last one. Whatever is
        being said ends here. Raises EngineError.
        """
        await self._hear_the_rest()
        frame = max(self._sound.end, position) // FRAME_SAMPLES
        self._sound.skip_to(frame * FRAME_SAMPLES)
        self._heard = frame * FRAME_SAMPLES
        self._segmenter.skip_to(frame)
        self._vad_state = VadState()
        self._tell_speaking()

    async def finish(self) -> Utterance:
        """The end of the sound: what was said in all of it. Raises EngineError."""
        seconds = self.seconds
        self._end = self._sound.end  # what is added to fill the last frame is no sound
        await self._hear_the_rest()
        await self._collect(0)
        self._transcript.finish()
        utterance = Utterance(self._transcript.text, self._language(), seconds, tuple(self._passages))
        self._outbox.put(utterance)
        return utterance

    async def close(self) -> None:
        """Stop listening and decoding. After `finish`, or instead of it."""
        tasks = [*self._finals, *([self._hearing] if self._hearing else [])]
        for task in tasks:
            task.cancel()
        drafts = (draft.close() for draft in self._drafts)
        await asyncio.gather(*tasks, *drafts, return_exceptions=True)
        self._outbox.close()

    async def _hear_the_rest(self) -> None:
        """Have the VAD listen to all that there is, and end the segment under way."""
        rest = -self._sound.end % FRAME_SAMPLES
        if rest:
            self._sound.append(np.zeros(rest, np.int16))
        self._hear()
        await self._hearing_done()
        for segment in self._segmenter.finish():
            self._finalise(segment)

    def _hear(self) -> None:
        """Have the VAD listen to the complete frames that it has not seen; one task does it at a time."""
        if self._hearing is not None and self._hearing.done():
            self._hearing.result()
            self._hearing = None
        if self._hearing is None and self._sound.end - self._heard >= FRAME_SAMPLES:
            self._hearing = asyncio.create_task(self._hear_all(), name="hearing")

    async def _hearing_done(self) -> None:
        while self._hearing is not None:
            await asyncio.shield(self._hearing)
            self._hear()

    async def _hear_all(self) -> None:
        loop = asyncio.get_running_loop()
        while (count := (self._sound.end - self._heard) // FRAME_SAMPLES) > 0:
            end = self._heard + min(count, _BATCH_FRAMES) * FRAME_SAMPLES
            frames = self._sound.copy(self._heard, end).reshape(-1, FRAME_SAMPLES)
            probabilities = await loop.run_in_executor(
                self._ears.vad_thread, self._ears.vad.probabilities, frames, self._vad_state
            )
            self._heard = end
            for segment in self._segmenter.feed(probabilities.tolist()):
                self._finalise(segment)
            self._draw_up()
            self._tell_speaking()
            self._look_for_the_end()
            self._sound.drop_before(min(self._segmenter.needed_from, self._heard))

    def _draw_up(self) -> None:
        """Decode what is being said, as a draft. Nothing of it before the segments before it are done."""
        segment = self._segmenter.under_way
        if segment is None or segment.overlaps or self._end is not None:
            return
        seconds = (segment.end - segment.start) / SAMPLE_RATE
        waiting = any(not task.done() for task in self._finals)
        if waiting or self._sound.end - self._heard >= _BATCH_FRAMES * FRAME_SAMPLES:
            self._leave_out(seconds)  # a file, or a box that is too slow
            return
        lane_share = self._ears.lane.partial_share
        self._forming_start = segment.start
        if self._segmenter.silence >= SPECULATE_SECONDS:
            if not self._manner.ambient or self._has_time():
                self._draft.speculate(segment, self._samples(segment))
            return
        if self._manner.streaming:
            self._draft.listen_in(lambda: self._samples(segment), sound=seconds, lane_share=lane_share)
        if self._decoding.glances:
            self._glance.listen_in(lambda: self._samples(segment), sound=seconds, lane_share=lane_share)

    def _has_time(self) -> bool:
        """Whether words for which nobody waits may be known early; mostly they are the final ones."""
        lane = self._ears.lane
        return self._manner.streaming and not lane.waiting and lane.load < _BUSY

    def _leave_out(self, seconds: float) -> None:
        if self._manner.streaming:
            self._pace.leave_out(sound=seconds)
        if self._decoding.glances:
            self._glancing_pace.leave_out(sound=seconds)

    def _tell_speaking(self) -> None:
        if self._on_event is None:
            return
        segment, silence = self._segmenter.under_way, self._segmenter.silence
        speaking = segment is not None and silence < _QUIET_SECONDS
        if speaking and not self._speaking and segment is not None:
            begun = segment.spoken if segment.start == self._told_of else segment.start
            self._told_of = segment.start
            self._on_event(Speaking(True, begun / SAMPLE_RATE))
        elif self._speaking and silence >= _QUIET_SECONDS:
            self._on_event(Speaking(False, self._heard / SAMPLE_RATE - silence))
        else:
            return
        self._speaking = speaking

    def _look_for_the_end(self) -> None:
        rules = self._manner.endpointing
        if rules is None or self.is_over.is_set() or self._end is not None:
            return
        silence = self._segmenter.silence
        heard = self._heard / SAMPLE_RATE
        if is_over(rules, heard=heard, spoken=self._segmenter.has_spoken, silence=silence):
            self.is_over.set()
            self._outbox.put(Endpoint(silence))

    def _new_drafts(self) -> tuple[Draft, Draft]:
        """Those of the next segment: by the engine whose words count, and by the quick one."""
        agreement = Agreement()
        draft = Draft(agreement, self._decoding.decode, self._pace, self._take_hypothesis)
        glance = Draft(agreement, self._decoding.glance, self._glancing_pace, self._take_glance)
        self._drafts |= {draft, glance}
        return draft, glance

    def _take_hypothesis(self, agreement: Agreement, transcription: Transcription) -> None:
        if self._manner.streaming:
            self._transcript.hypothesis(agreement, transcription)
            self._tell_forming(transcription.language)
        elif self._manner.tentative:
            self._take_glance(agreement, transcription)

    def _take_glance(self, agreement: Agreement, transcription: Transcription) -> None:
        self._transcript.glance(agreement, transcription.text, transcription.language)
        self._tell_forming(transcription.language)

    def _tell_forming(self, language: str) -> None:
        known = self._transcript.under_way, self._transcript.tentative
        if self._on_event is not None and any(known):
            self._on_event(Forming(self._forming_start / SAMPLE_RATE, *known, language))

    def _samples(self, segment: Segment) -> NDArray[np.float32]:
        return self._sound.copy(segment.start, segment.end).astype(np.float32) / np.float32(32768)

    def _finalise(self, segment: Segment) -> None:
        """Have a complete segment decoded, while the next one may begin."""
        if self._manner.endless:
            self._decoding.learn_names()
        draft, glance = self._draft, self._glance
        self._draft, self._glance = self._new_drafts()
        before = self._finals[-1] if self._finals else None
        work = self._final(segment, self._samples(segment), draft, glance, before)
        self._finals.append(asyncio.create_task(work, name="final"))

    async def _final(
        self,
        segment: Segment,
        samples: NDArray[np.float32],
        draft: Draft,
        glance: Draft,
        before: asyncio.Task[Passage] | None,
    ) -> Passage:
        try:
            await glance.close()
            transcription = await draft.final(segment, samples)
        except EngineError as error:
            if self._on_event is None:
                raise
            transcription, lost = Transcription("", UNDETERMINED), str(error)
        else:
            lost = ""
        finally:
            await draft.close()
            self._drafts -= {draft, glance}
        self._decoding.take(transcription)
        if before is not None:
            await asyncio.wait([before])
            before.result()  # nothing is told after what was lost
        heard = transcription.text, transcription.language
        text = self._transcript.final(draft.agreement, *heard, segment)
        end = segment.end if self._end is None else min(segment.end, self._end)
        segment = replace(segment, end=end)
        engine = self._decoding.engine_name
        passage = self._made.passage(segment, text, transcription, engine, self._transcript.held)
        if self._on_event is not None:
            self._transcript.forget()
            start = segment.start / SAMPLE_RATE
            self._on_sound(samples, start)
            self._on_event(PassageLost(start, end / SAMPLE_RATE, lost) if lost else passage)
        if passage.text:
            self._on_passage(passage)
            self._outbox.put(passage)
        return passage

    def _language(self) -> str:
        """That of the most speech."""
        seconds: dict[str, float] = defaultdict(float)
        for passage in self._passages:
            seconds[passage.language] += passage.end - passage.start
        return max(seconds, key=seconds.__getitem__, default=self._decoding.language or UNDETERMINED)

    async def _collect(self, most: int) -> None:
        """Take the words of decoded segments, in order, until at most `most` are still undecoded."""
        while self._finals and (self._finals[0].done() or len(self._finals) > most):
            passage = await asyncio.shield(self._finals[0])
            self._finals.popleft()
            if passage.text and not self._manner.endless:
                self._passages.append(passage)
