"""The models that tell speakers apart, for subcommands that need them: fetched if they are not here."""

import asyncio
import sys

from wallflower.cli.progress import fetch_progress
from wallflower.config import Options
from wallflower.models.catalog import SPEAKER_MODELS, VAD_MODEL, ModelError, find_model
from wallflower.models.fetching import fetcher_of
from wallflower.speakers.diarizer import SpeakerModels
from wallflower.speakers.loading import load_speaker_models
from wallflower.speech.vad import SileroVad


async def speaker_models(options: Options) -> SpeakerModels:
    """From the store. Raises ModelError when they can be had nowhere, EngineError."""
    needed = (VAD_MODEL, *SPEAKER_MODELS)
    with fetch_progress(sys.stderr) as progress:
        fetcher = fetcher_of(options, progress)
        try:
            await fetcher.ensure([find_model(name) for name in needed])
        except ModelError as error:
            raise ModelError(
                "the models that tell speakers apart are not here; fetch them with: wallflower models pull "
                f"{' '.join(needed)} ({error})"
            ) from error
    (vad,) = fetcher.store.files(find_model(VAD_MODEL)).values()
    models = await asyncio.to_thread(lambda: load_speaker_models(fetcher.store, SileroVad(vad)))
    if models is None:
        raise ModelError("the models that tell speakers apart were removed meanwhile; try again")
    return models
