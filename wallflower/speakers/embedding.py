"""Embeddings: 192 numbers that are near each other for one voice, and far for two. CAM++ on ONNX Runtime."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wallflower.engines.onnx import open_session
from wallflower.speakers.features import BANDS, HOP, filter_banks

SIZE = 192
POOLED_SAMPLES = 2 * HOP
"""Samples from one weight to the next: 20 ms."""

_FEWEST_FRAMES = 20

Embedding = NDArray[np.float32]
"""[192], of length 1."""


class Embedder:
    """The embedding model, shared by all sessions. Blocking: about 9 ms a second of sound on one thread."""

    def __init__(self, path: Path) -> None:
        """Load the graph at `path`. Raises EngineError."""
        self._session = open_session(path, threads=1)

    def embed(self, samples: NDArray[np.int16]) -> Embedding | None:
        """The embedding of who speaks in mono 16 kHz sound; None when it is shorter than 0.22 s."""
        features = filter_banks(samples)
        if len(features) < _FEWEST_FRAMES:
            return None
        pooled = -(-len(features) // 2)
        weights = np.full((1, pooled), 1 / pooled, np.float32)
        result: Embedding = self._run(features, weights)[0]
        return result

    def embed_each(self, samples: NDArray[np.int16], weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """Embeddings [speakers, 192] of several who speak in one stretch of at least 0.22 s.

        weights: [speakers, n], how much of each 20 ms is to count for whom; no row is all zero. What the
        stretch has more is left out, what it has less is cut.
        """
        features = filter_banks(samples)
        pooled = -(-len(features) // 2)
        fitted = np.zeros((len(weights), pooled), np.float32)
        shared = min(pooled, weights.shape[1])
        fitted[:, :shared] = weights[:, :shared]
        total = np.maximum(fitted.sum(axis=1, keepdims=True), np.float32(1e-6))
        return self._run(features, fitted / total)

    def _run(self, features: NDArray[np.float32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
        centred = (features - features.mean(axis=0)).reshape(1, -1, BANDS)
        (raw,) = self._session.run(None, {"features": centred, "weights": weights})
        return unit(raw)


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same directions, of length 1 along the last axis; zeros stay."""
    lengths = np.sqrt(np.add.reduce(vectors * vectors, axis=-1, keepdims=True))
    return np.asarray(vectors / np.maximum(lengths, np.float32(1e-9)), np.float32)


def similarities(vectors: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """The cosines [n, m] of vectors [n, 192] and [m, 192] of length 1. `einsum` wakes no BLAS threads."""
    return np.asarray(np.einsum("id,jd->ij", vectors, others), np.float32)
