"""How one session has its sound decoded: by which engine, how urgently, and what of it is believed."""

from dataclasses import replace

import numpy as np
import structlog
from numpy.typing import NDArray

from wallflower.engines.base import Engine, Request, Transcription
from wallflower.engines.lane import Priority
from wallflower.languages import UNDETERMINED
from wallflower.listening.ears import Ears
from wallflower.listening.manner import Manner
from wallflower.speech.bias import expected_words
from wallflower.speech.guards import made_up
from wallflower.speech.language import SpokenLanguage
from wallflower.speech.pacing import Pace
from wallflower.speech.repair import repair_names

_LOG = structlog.get_logger(__name__)

_PARTIAL_SECONDS = 0.8
"""Sound between two decodings of what somebody is still saying, by the finals' engine."""
_GLANCE_SECONDS = 0.3
"""The same for the quick engine."""
_VOICE_SHARE, _AMBIENT_SHARE = 0.5, 0.25
"""Of the lane's time that partials may take."""


class Decoding:
    """Asks the lane on behalf of one session. key: what tells the session's jobs from those of others."""

    def __init__(self, ears: Ears, manner: Manner, *, key: object) -> None:
        self._ears = ears
        self._manner = manner
        self._key = key
        self._fixed = None if manner.detects else manner.language or ears.language
        self._spoken = SpokenLanguage(ears.last_language.code)
        self.language = self._fixed
        """ISO 639 code of what is said; None while it is not known."""
        self._names: tuple[str, ...] = ()
        self._request = Request()
        self.learn_names()

    @property
    def engine(self) -> Engine:
        """The engine whose words count."""
        decoders = self._ears.decoders
        return (self._quick or decoders.finals) if self._manner.program == "fast" else decoders.finals

    @property
    def glances(self) -> bool:
        """Whether tentative words come from decodings of their own: not where the others tell as much."""
        return self._manner.tentative and (not self._manner.streaming or self._glancer is not self.engine)

    @property
    def _glancer(self) -> Engine:
        return self._quick or self.engine

    @property
    def _quick(self) -> Engine | None:
        """The quick engine, where there is one that speaks the language, and that is known."""
        quick = self._ears.decoders.quick
        language = self._fixed or (self._spoken.known if self._spoken.settled else None)
        return quick if quick is not None and language in quick.languages else None

    @property
    def engine_name(self) -> str:
        """ENGINE:DEVICE:MODEL of the engine whose words count, as it decoded last."""
        decoders = self._ears.decoders
        quick = decoders.plan.quick
        return quick.key if quick is not None and self.engine is decoders.quick else decoders.finals.name

    def learn_names(self) -> None:
        """Take the names in the house as they are known now."""
        manner = self._manner
        house = self._ears.names()
        self._names = (*manner.names, *house)
        hotwords = expected_words(manner.names, manner.terms, house)
        self._request = Request(language=self._fixed, hotwords=hotwords)

    def pace(self) -> Pace:
        """The pace of partials by the engine whose words count."""
        return self._pace(_PARTIAL_SECONDS)

    def glancing_pace(self) -> Pace:
        """The pace of partials by the quick engine."""
        return self._pace(_GLANCE_SECONDS)

    async def decode(self, samples: NDArray[np.float32], prefix: str, final: bool) -> Transcription:
        """Decode with the engine whose words count. Raises EngineError."""
        word_times = final and self._manner.word_times
        request = replace(self._in_language(final=final), prefix=prefix, word_times=word_times)
        return await self._ask(self.engine, samples, request, final=final)

    async def glance(self, samples: NDArray[np.float32], _prefix: str, _final: bool) -> Transcription:
        """Decode with the quick engine, if there is one. Raises EngineError."""
        key = (self._key, "glance")
        request = self._in_language(final=False)
        return await self._ask(self._glancer, samples, request, final=False, key=key)

    def take(self, transcription: Transcription) -> None:
        """Learn the language from a whole segment."""
        if not transcription.text or transcription.language == UNDETERMINED:
            return
        self.language = transcription.language
        if self._fixed is None:
            self._spoken.take(transcription.language, transcription.language_probability)
            if self._spoken.settled:
                self._ears.last_language.code = self._spoken.known

    def _in_language(self, *, final: bool) -> Request:
        """The request for a segment. Its language is detected, unless one is settled and it is not whole."""
        if self._fixed is not None:
            return self._request
        known, allowed = self._spoken.known, self._ears.languages
        if self._spoken.settled and not final:
            return replace(self._request, language=known)
        return replace(self._request, languages=tuple(sorted(allowed, key=lambda code: code != known)))

    async def _ask(
        self,
        engine: Engine,
        samples: NDArray[np.float32],
        request: Request,
        *,
        final: bool,
        key: object = None,
    ) -> Transcription:
        ambient = self._manner.ambient
        if final:
            priority = Priority.AMBIENT_FINAL if ambient else Priority.VOICE_FINAL
        else:
            priority = Priority.AMBIENT_PARTIAL if ambient else Priority.VOICE_PARTIAL
        key = key or self._key
        lane = self._ears.lane
        transcription = await lane.transcribe(engine, samples, request, priority=priority, key=key)
        if self._fixed is None and transcription.text:
            heard = transcription.language, transcription.language_probability
            if final and (language := self._spoken.choose(*heard)) != heard[0]:
                request = replace(request, language=language, languages=())
                transcription = await lane.transcribe(engine, samples, request, priority=priority, key=key)
                heard = transcription.language, transcription.language_probability
            if not self._spoken.is_sure_of(*heard):  # nothing is to be committed in the wrong language
                transcription = replace(transcription, certain=0)
        if reason := made_up(transcription, samples, begun=bool(request.prefix)):
            _LOG.debug("text not believed", reason=reason, text=transcription.text)
            return replace(transcription, text="", words=())
        if self._names and transcription.text:
            return replace(transcription, text=repair_names(transcription.text, self._names))
        return transcription

    def _pace(self, every: float) -> Pace:
        factor = self._ears.decoders.profile.partial_factor
        share = _AMBIENT_SHARE if self._manner.ambient else _VOICE_SHARE
        return Pace(
            every=every * factor if factor else float("inf"),
            share=share,
            counts=self._ears.partials,
            forgives=self._manner.endless,
        )
