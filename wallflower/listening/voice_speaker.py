"""Who gives a voice command: an enrolled person or nobody, known by the time the words are or not at all."""

import asyncio
from functools import partial

import numpy as np
import structlog
from numpy.typing import NDArray

from wallflower.audio.pcm import SAMPLE_RATE
from wallflower.events import Speaker
from wallflower.listening.household import Household
from wallflower.speakers.diarizer import SpeakerModels
from wallflower.speakers.embedding import Embedding
from wallflower.speech.vad import FRAME_SAMPLES, VadState

_LOG = structlog.get_logger(__name__)

_LOOK_SAMPLES = SAMPLE_RATE
"""It is looked at again after so much more speech."""
_MOST_SAMPLES = 8 * SAMPLE_RATE
"""Of speech; more makes no one surer."""
_SPEECH = 0.5


class VoiceSpeaker:
    """Takes the sound of one command. Nobody ever waits for it; a sound too many is left out."""

    def __init__(self, household: Household) -> None:
        self.speaker: Speaker | None = None
        """Who it is, as far as it is known now."""
        self._household = household
        self._waiting: list[NDArray[np.int16]] = []
        self._vad = VadState()
        self._rest = np.zeros(0, np.int16)
        self._speech = np.zeros(0, np.int16)
        self._looked_at = 0
        self._looking: asyncio.Task[None] | None = None

    def feed(self, samples: NDArray[np.int16]) -> None:
        """Take the next mono 16 kHz sound. Returns at once."""
        household = self._household
        if not household.wanted or not household.people.anybody_enrolled:
            return
        household.voices.want()
        if household.voices.models is None or len(self._speech) >= _MOST_SAMPLES:
            return
        self._waiting.append(samples)
        if sum(map(len, self._waiting)) > 2 * _MOST_SAMPLES:
            self._waiting.pop(0)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(household.voices.models), name="voice speaker")

    async def close(self) -> None:
        """Stop looking."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def _look(self, models: SpeakerModels) -> None:
        voices, people = self._household.voices, self._household.people
        try:
            while self._waiting:
                sound = np.concatenate([self._rest, *self._waiting])
                self._waiting.clear()
                voice = await voices.do(partial(self._hear, models, sound))
                if voice is not None:
                    self.speaker = people.recognise(voice, len(self._speech) / SAMPLE_RATE) or self.speaker
        except Exception as error:  # noqa: BLE001  # the words come without it
            _LOG.debug("no speaker of a command", reason=str(error))

    def _hear(self, models: SpeakerModels, sound: NDArray[np.int16]) -> Embedding | None:
        """Add the speech in this sound to the rest; its voice when there is enough that is new."""
        whole = len(sound) // FRAME_SAMPLES * FRAME_SAMPLES
        self._rest = sound[whole:]
        frames = sound[:whole].reshape(-1, FRAME_SAMPLES)
        spoken = models.vad.probabilities(frames, self._vad) >= _SPEECH
        self._speech = np.concatenate([self._speech, frames[spoken].reshape(-1)])
        if len(self._speech) - self._looked_at < _LOOK_SAMPLES:
            return None
        self._looked_at = len(self._speech)
        return models.embedder.embed(self._speech[:_MOST_SAMPLES])
