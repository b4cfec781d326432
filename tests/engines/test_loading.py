"""Every speaking model of the catalogue has an engine."""

import asyncio

import numpy as np
import pytest
from numpy.typing import NDArray

from wallflower.engines.base import EngineError, Request
from wallflower.engines.loading import SPEAKING, load_engine
from wallflower.models.catalog import catalog, find_model
from wallflower.models.fetching import Fetcher
from wallflower.models.store import Store


@pytest.mark.parametrize(
    "name", ["moonshine-tiny-en", "whisper-base-ggml-q8_0", "whisper-base-openvino-int8"]
)
def test_each_engine_hears_the_same_words(
    model_store: Store, whisper_ggml: object, speech: NDArray[np.int16], name: str
) -> None:
    model = find_model(name)
    asyncio.run(Fetcher(model_store).ensure([model]))
    engine = load_engine(model, model_store.files(model), threads=2)
    samples = speech[: 5 * 16_000].astype(np.float32) / np.float32(32768)
    result = engine.transcribe(samples, Request("en"))
    assert result.text.lower().startswith("it was the best of times")
    assert set(model.languages) <= set(engine.languages) | {"jv"}  # Javanese has two codes
    engine.unload()


def test_every_speaking_model_has_an_engine() -> None:
    assert {model.engine for model in catalog().values()} == {*SPEAKING, "vad", "sample", "checkpoint"}


def test_what_does_not_speak_is_refused(model_store: Store) -> None:
    with pytest.raises(EngineError, match="silero-vad does not turn speech into words"):
        load_engine(find_model("silero-vad"), {}, threads=1)
