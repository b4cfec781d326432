"""Whisper, Parakeet, Canary and others from ONNX files, through the library `onnx-asr`.

The library cannot be stopped in the middle of a segment: an abort takes effect when it is done. It tells no
language and, of Whisper, no times; where it tells nothing, nothing is given.
"""

import math
import tempfile
import threading
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from wallflower.audio.pcm import SAMPLE_RATE
from wallflower.engines.base import EngineAbortedError, EngineError, Request, Transcription, Word
from wallflower.engines.onnx import session_options
from wallflower.engines.whisper_tokens import WHISPERS_OWN
from wallflower.hardware import cuda
from wallflower.languages import UNDETERMINED

if TYPE_CHECKING:
    from onnx_asr.asr import TimestampedResult


PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
}
"""ONNX Runtime's name of each device."""

_FRAME_SECONDS = 0.08  # a token of these models covers no more: eight frames of 10 ms


class OnnxAsrEngine:
    """One model of `onnx-asr` on one device: a BatchEngine."""

    longest_seconds = 30.0
    takes_batches = True

    def __init__(
        self,
        files: Mapping[str, Path],
        *,
        kind: str,
        languages: Collection[str],
        threads: int,
        device: str = "cpu",
        quantization: str | None = None,
    ) -> None:
        """Load the model from its files, under the names that the library knows them by.

        kind: the library's name of the model type, such as nemo-conformer-tdt or whisper. device: a key of
        PROVIDERS. quantization: the part of the files' names that tells it, such as int8.
        Raises EngineError.
        """
        try:
            import onnx_asr
        except ImportError as error:
            raise EngineError(
                "the library onnx-asr is missing; install it with: pip install 'wallflower[onnx-asr]'"
            ) from error
        self.languages = tuple(languages)
        self._aborted = threading.Event()
        provider = _provider(device)
        # The store names files by their sums, the library finds them by their names.
        self._folder = tempfile.TemporaryDirectory(prefix="wallflower-")
        try:
            for name, path in files.items():
                (Path(self._folder.name) / name).symlink_to(path)
            model = onnx_asr.load_model(
                kind,
                self._folder.name,
                quantization=quantization,
                sess_options=session_options(threads=threads),
                providers=[provider],
            )
        except Exception as error:  # the library and ONNX Runtime have no common base
            self._folder.cleanup()
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise EngineError(f"cannot load the {kind} model: {reason}") from error
        self._model = model.with_timestamps()

    def transcribe(self, samples: NDArray[np.float32], request: Request) -> Transcription:
        """As Engine says. Prompt and hotwords are not taken."""
        (transcription,) = self.transcribe_batch([samples], request)
        return transcription

    def transcribe_batch(
        self, segments: Sequence[NDArray[np.float32]], request: Request
    ) -> list[Transcription]:
        """As BatchEngine says."""
        if request.language not in {None, *self.languages}:
            raise EngineError(f"this model speaks {', '.join(self.languages)}, not {request.language}")
        self._aborted.clear()
        try:
            results = self._model.recognize(
                list(segments),
                sample_rate=SAMPLE_RATE,
                language=WHISPERS_OWN.get(request.language or "", request.language),
            )
        except Exception as error:  # as above
            raise EngineError(f"onnx-asr failed to decode: {error}") from error
        if self._aborted.is_set():
            raise EngineAbortedError("decoding was aborted")
        return [
            self._transcription(result, len(samples) / SAMPLE_RATE, request)
            for result, samples in zip(results, segments, strict=True)
        ]

    def _transcription(self, result: "TimestampedResult", seconds: float, request: Request) -> Transcription:
        language = request.language or (self.languages[0] if len(self.languages) == 1 else UNDETERMINED)
        scores = result.logprobs
        return Transcription(
            result.text.strip(),
            language,
            words=_words(result, seconds) if request.word_times else (),
            average_log_probability=sum(scores) / len(scores) if scores else None,
        )

    def abort(self) -> None:
        """As Engine says, but the segment under way is decoded to its end."""
        self._aborted.set()

    def unload(self) -> None:
        """As Engine says."""
        del self._model
        self._folder.cleanup()


def _provider(device: str) -> str:
    """ONNX Runtime's provider for `device`. Raises EngineError with what there is."""
    import onnxruntime

    available = onnxruntime.get_available_providers()
    here = [name for name, provider in PROVIDERS.items() if provider in available]
    if device not in here:
        raise EngineError(f"ONNX Runtime has no device {device!r} here; there is: {', '.join(here)}")
    if device in cuda.DEVICES:
        cuda.load_libraries()
    return PROVIDERS[device]


def _words(result: "TimestampedResult", seconds: float) -> tuple[Word, ...]:
    """The words of the tokens, each from its first token until a frame after its last one began."""
    if result.tokens is None or result.timestamps is None:
        return ()
    scores: Sequence[float | None] = result.logprobs or [None] * len(result.tokens)
    words: list[Word] = []
    pieces: list[tuple[str, float, float | None]] = []
    for token, start, score in zip(result.tokens, result.timestamps, scores, strict=True):
        if token.startswith(" ") and pieces:
            words.append(_word(pieces, seconds))
            pieces = []
        pieces.append((token, start, score))
    if pieces:
        words.append(_word(pieces, seconds))
    return tuple(word for word in words if word.text)


def _word(pieces: Sequence[tuple[str, float, float | None]], seconds: float) -> Word:
    scores = [score for _, _, score in pieces if score is not None]
    return Word(
        text="".join(text for text, _, _ in pieces).strip(),
        start=min(pieces[0][1], seconds),
        end=min(pieces[-1][1] + _FRAME_SECONDS, seconds),
        confidence=math.exp(sum(scores) / len(scores)) if scores else None,
    )
