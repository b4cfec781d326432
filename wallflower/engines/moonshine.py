"""Moonshine (Useful Sensors) on ONNX Runtime: greedy decoding with a key-value cache.

Source of the model: Jeffries et al., "Moonshine: Speech Recognition for Live Transcription and Voice
Commands", arXiv:2410.15608. The files are the vendor's merged graphs; no library of the vendor is used.
"""

import threading
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wallflower.audio.pcm import SAMPLE_RATE
from wallflower.engines.base import EngineAbortedError, EngineError, Request, Transcription
from wallflower.engines.onnx import open_session
from wallflower.memory import release_file_pages

ENCODER = "encoder_model.ort"
DECODER = "decoder_model_merged.ort"
TOKENIZER = "tokenizer.bin"

_BEGIN, _END = 1, 2
_TOKENS_PER_SECOND = 6.5  # the authors' own cap; speech beyond it is a runaway decoder
_SPARE_TOKENS = 4
_SHORTEST_SAMPLES = 1600  # the convolutional front end needs about 0.06 s; silence is added up to 0.1 s
_SPACE = "▁".encode()


def read_tokens(data: bytes) -> list[bytes]:
    """The vocabulary of a Moonshine `tokenizer.bin`: for each token a length (one byte, or two from
    128 on: low seven bits and high byte) and that many bytes of UTF-8.

    Raises EngineError when the data ends inside a token.
    """
    tokens = []
    at = 0
    while at < len(data):
        length = data[at]
        at += 1
        if length >= 128:
            if at >= len(data):
                raise EngineError("tokenizer.bin is damaged: it ends inside a token")
            length = data[at] * 128 + length - 128
            at += 1
        if at + length > len(data):
            raise EngineError("tokenizer.bin is damaged: it ends inside a token")
        tokens.append(data[at : at + length])
        at += length
    return tokens


class MoonshineEngine:
    """One Moonshine model on the CPU. Blocking; only one thread at a time may call `transcribe`."""

    longest_seconds = 30.0
    """Longer segments than this are outside what the model was trained on."""

    def __init__(self, files: Mapping[str, Path], *, language: str, threads: int) -> None:
        """Load the model, which speaks `language`, from its files by name. Raises EngineError."""
        self.languages = (language,)
        self._abort = threading.Event()
        self._encoder = open_session(files[ENCODER], threads=threads)
        self._decoder = open_session(files[DECODER], threads=threads)
        self._tokens = read_tokens(files[TOKENIZER].read_bytes())
        inputs = self._decoder.get_inputs()
        self._cache_names = [i.name for i in inputs if i.name.startswith("past_key_values")]
        self._output_names = [o.name for o in self._decoder.get_outputs()]
        _, self._heads, _, self._head_size = next(i.shape for i in inputs if i.name in self._cache_names)
        # Most weights were packed into memory of their own: the file's pages would stay for nothing.
        release_file_pages([files[ENCODER], files[DECODER]])

    def transcribe(self, samples: NDArray[np.float32], request: Request) -> Transcription:
        """As Engine says. The model takes no prompt and no hotwords, and gives no times."""
        (language,) = self.languages
        if request.language not in {None, language}:
            raise EngineError(f"this Moonshine model speaks {language}, not {request.language}")
        self._abort.clear()
        if len(samples) < _SHORTEST_SAMPLES:
            samples = np.pad(samples, (0, _SHORTEST_SAMPLES - len(samples)))
        try:
            tokens, log_probabilities = self._decode(samples)
        except EngineError:
            raise
        except Exception as error:  # ONNX Runtime raises a dozen types without a common base
            raise EngineError(f"Moonshine failed to decode: {error}") from error
        average = sum(log_probabilities) / len(log_probabilities) if log_probabilities else None
        return Transcription(self._text(tokens), language, average_log_probability=average)

    def abort(self) -> None:
        """As Engine says."""
        self._abort.set()

    def unload(self) -> None:
        """As Engine says."""
        del self._encoder, self._decoder

    def _decode(self, samples: NDArray[np.float32]) -> tuple[list[int], list[float]]:
        """The tokens of `samples`, and the natural logarithm of each one's probability and the end's."""
        audio = samples[np.newaxis]
        mask = np.ones(audio.shape, np.int64)  # of samples: the decoder's graph strides it itself
        (hidden,) = self._encoder.run(None, {"input_values": audio, "attention_mask": mask})
        empty = np.zeros((1, self._heads, 0, self._head_size), np.float32)
        blank = np.zeros((1, self._heads, hidden.shape[1], self._head_size), np.float32)
        feed: dict[str, NDArray[np.generic]] = {
            name: blank if ".encoder." in name else empty for name in self._cache_names
        }
        feed["encoder_hidden_states"] = hidden
        feed["encoder_attention_mask"] = mask
        feed["use_cache_branch"] = np.array([False])
        tokens: list[int] = []
        log_probabilities: list[float] = []
        last = _BEGIN
        for step in range(int(len(samples) / SAMPLE_RATE * _TOKENS_PER_SECOND) + _SPARE_TOKENS):
            if self._abort.is_set():
                raise EngineAbortedError("decoding was aborted")
            feed["input_ids"] = np.array([[last]], np.int64)
            logits, *caches = self._decoder.run(None, feed)
            scores = logits[0, -1]
            last = int(scores.argmax())
            log_probabilities.append(-float(np.log(np.exp(scores - scores[last]).sum())))
            if last == _END:
                break
            tokens.append(last)
            for name, cache in zip(self._output_names[1:], caches, strict=True):
                past = name.replace("present", "past_key_values")
                # The cross-attention's cache comes once, with the first step; later ones are empty.
                if step == 0 or ".decoder." in past:
                    feed[past] = cache
            feed["use_cache_branch"] = np.array([True])
        return tokens, log_probabilities

    def _text(self, tokens: list[int]) -> str:
        pieces = b"".join(self._tokens[token] for token in tokens if token > _END)
        return pieces.replace(_SPACE, b" ").decode("utf-8", "replace").strip()
