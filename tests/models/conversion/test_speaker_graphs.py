"""The graphs that tell speakers apart, made from the real weights: without torch, and without the network."""

import asyncio
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.speakers.voices import played, read_voice, seconds
from wallflower.models.catalog import (
    EMBEDDING_MODEL,
    SEGMENTATION_MODEL,
    SPEAKER_MODELS,
    ModelError,
    find_model,
)
from wallflower.models.fetching import Fetcher
from wallflower.models.store import Store
from wallflower.speakers.embedding import Embedder, similarities
from wallflower.speakers.segmentation import LOCAL_SPEAKERS, Segmentation

CHECKPOINTS = ("campplus-checkpoint", "pyannote-segmentation-checkpoint")


@pytest.fixture(scope="module")
def made(model_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store of a box that has nothing but the weights, and no network."""
    asyncio.run(Fetcher(model_store).ensure([find_model(name) for name in CHECKPOINTS]))
    store = Store(tmp_path_factory.mktemp("box") / "models")
    (store.root / "blobs").mkdir(parents=True)
    for name in CHECKPOINTS:
        (weights,) = model_store.files(find_model(name)).values()
        (store.root / "blobs" / weights.name).symlink_to(weights)
    asyncio.run(Fetcher(store, offline=True).ensure([find_model(name) for name in SPEAKER_MODELS]))
    return store


@pytest.fixture(scope="module")
def speech(two_cities: Path) -> NDArray[np.int16]:
    return read_voice(two_cities)


def test_one_voice_is_near_itself_and_far_from_another(made: Store, speech: NDArray[np.int16]) -> None:
    embedder = Embedder(*made.files(find_model(EMBEDDING_MODEL)).values())
    sounds = (seconds(speech, 0, 6), seconds(speech, 10, 16), played(seconds(speech, 0, 9), 1.35))
    found = [embedder.embed(sound) for sound in sounds]
    one, again, other = (each for each in found if each is not None)
    likeness = similarities(np.stack([again, other]), one[np.newaxis])[:, 0]
    assert likeness[0] > 0.6
    assert likeness[1] < 0.4


def test_frames_that_do_not_count_change_little(made: Store, speech: NDArray[np.int16]) -> None:
    embedder = Embedder(*made.files(find_model(EMBEDDING_MODEL)).values())
    both = np.concatenate([seconds(speech, 0, 5), played(seconds(speech, 10, 17), 1.35)])
    weights = np.zeros((2, len(both) // 320), np.float32)
    weights[0, :240], weights[1, 260:] = 1, 1
    one, other = embedder.embed_each(both, weights)
    alone = embedder.embed(seconds(speech, 0, 5))
    assert alone is not None
    assert one @ alone > 0.6 > other @ alone


def test_segmentation_hears_one_who_speaks(made: Store, speech: NDArray[np.int16]) -> None:
    segmentation = Segmentation(*made.files(find_model(SEGMENTATION_MODEL)).values())
    sound = np.concatenate([np.zeros(4 * 16_000, np.int16), seconds(speech, 0, 6)])
    activity, alone = segmentation.activity(sound)
    assert activity.shape == alone.shape == (589, LOCAL_SPEAKERS)
    assert activity[:200].max() < 0.2
    assert (activity[260:].max(axis=1) > 0.5).mean() > 0.7
    assert (activity[260:] > 0.5).any(axis=0).sum() == 1


def test_without_weights_and_network_there_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="campplus"):
        asyncio.run(Fetcher(Store(tmp_path), offline=True).ensure([find_model(EMBEDDING_MODEL)]))


def test_no_torch_and_no_onnx_is_needed() -> None:
    code = (
        "import sys, wallflower.models.conversion.speaker_graphs, wallflower.speakers.loading;"
        "print({'torch', 'onnx', 'torchaudio', 'scipy'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
