"""Conversations diarized as a session does it, with a revision every 30 s."""

import asyncio
import time
from dataclasses import dataclass

from conversations import RATE, Conversation, Turn
from wallflower.config import load_options
from wallflower.config.places import data_dir
from wallflower.models.catalog import SPEAKER_MODELS, VAD_MODEL, find_model
from wallflower.models.fetching import Fetcher
from wallflower.models.store import Store
from wallflower.speakers.diarizer import Diarizer, SpeakerModels
from wallflower.speakers.loading import load_speaker_models
from wallflower.speakers.settings import Diarizing, Revising
from wallflower.speech.vad import SileroVad

_BLOCK = 4096
_REVISION_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Heard:
    """What was found in one conversation. cpu: seconds of one core."""

    online: list[Turn]
    revised: list[Turn]
    cpu: float


def load_models() -> SpeakerModels:
    """The models, fetched if they are not here."""
    store = Store(data_dir(load_options()) / "models")
    asyncio.run(Fetcher(store).ensure([find_model(name) for name in (*SPEAKER_MODELS, VAD_MODEL)]))
    models = load_speaker_models(store, SileroVad(*store.files(find_model(VAD_MODEL)).values()))
    assert models is not None
    return models


def diarized(
    conversation: Conversation,
    models: SpeakerModels,
    settings: Diarizing | None = None,
    revising: Revising | None = None,
) -> Heard:
    """What is found in one conversation."""
    began = time.process_time()
    diarizer, found, revised_at = Diarizer(models, settings, revising), [], 0.0
    for start in range(0, len(conversation.samples), _BLOCK):
        found += diarizer.feed(conversation.samples[start : start + _BLOCK])
        if start / RATE - revised_at >= _REVISION_SECONDS:
            diarizer.revise()
            revised_at = start / RATE
    found += diarizer.finish()
    revised = diarizer.revise()
    return Heard(
        [
            (turn.start, turn.end, str(turn.speaker))
            for turn in found
            if not turn.provisional and turn.speaker is not None
        ],
        [(stretch.start, stretch.end, str(stretch.speaker)) for stretch in revised],
        time.process_time() - began,
    )
