"""Loading the models that tell speakers apart from the store, if they are there."""

from wallflower.models.catalog import EMBEDDING_MODEL, SEGMENTATION_MODEL, find_model
from wallflower.models.store import Store
from wallflower.speakers.diarizer import SpeakerModels
from wallflower.speakers.embedding import Embedder
from wallflower.speakers.segmentation import Segmentation
from wallflower.speech.vad import SileroVad


def load_speaker_models(store: Store, vad: SileroVad) -> SpeakerModels | None:
    """The models in `store`; None without the embedding model, which turns diarization off. Without the
    segmentation model speakers are told, but not looked at again. Blocking. Raises EngineError.
    """
    embedding, segmentation = find_model(EMBEDDING_MODEL), find_model(SEGMENTATION_MODEL)
    if not store.is_here(embedding):
        return None
    (graph,) = store.files(embedding).values()
    embedder = Embedder(graph)
    if not store.is_here(segmentation):
        return SpeakerModels(vad, embedder)
    (graph,) = store.files(segmentation).values()
    return SpeakerModels(vad, embedder, Segmentation(graph))
