"""The real speaker models, made once from weights that are fetched once, and two real voices."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.speakers.voices import read_voice
from wallflower.models.catalog import VAD_MODEL, find_model
from wallflower.models.store import Store
from wallflower.speakers.diarizer import SpeakerModels
from wallflower.speakers.loading import load_speaker_models
from wallflower.speech.vad import SileroVad


@pytest.fixture(scope="session")
def speaker_models(speaker_store: Store) -> SpeakerModels:
    (path,) = speaker_store.files(find_model(VAD_MODEL)).values()
    models = load_speaker_models(speaker_store, SileroVad(path))
    assert models is not None
    return models


@pytest.fixture(scope="session")
def voice(two_cities: Path) -> NDArray[np.int16]:
    """44 s of one person who reads."""
    return read_voice(two_cities)
