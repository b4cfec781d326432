from pathlib import Path

import pytest

from wallflower.models.catalog import EMBEDDING_MODEL, VAD_MODEL, find_model
from wallflower.models.store import Store
from wallflower.speakers.loading import load_speaker_models
from wallflower.speech.vad import SileroVad


@pytest.fixture
def vad(model_store: Store) -> SileroVad:
    (path,) = model_store.files(find_model(VAD_MODEL)).values()
    return SileroVad(path)


def test_nothing_here(vad: SileroVad, tmp_path: Path) -> None:
    assert load_speaker_models(Store(tmp_path), vad) is None


def test_without_segmentation_speakers_are_told(vad: SileroVad, speaker_store: Store, tmp_path: Path) -> None:
    (graph,) = speaker_store.files(find_model(EMBEDDING_MODEL)).values()
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs" / graph.name).symlink_to(graph)
    (tmp_path / "pins").symlink_to(speaker_store.root / "pins")
    models = load_speaker_models(Store(tmp_path), vad)
    assert models is not None
    assert models.segmentation is None
