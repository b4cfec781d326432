"""Whisper on OpenVINO: our own graphs and greedy loop.

Source of the method: Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision",
arXiv:2212.04356, and github.com/openai/whisper.
"""

import contextlib
import json
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wallflower.audio.pcm import SAMPLE_RATE
from wallflower.engines.base import EngineAbortedError, EngineError, Request, Transcription, Word
from wallflower.engines.log_mel import LogMel
from wallflower.engines.repetition import repeated_tokens
from wallflower.engines.spellings import Spellings
from wallflower.engines.whisper_graphs import Step, WhisperGraphs, model_files
from wallflower.engines.whisper_prompt import PROMPT_TOKENS, prompt_text
from wallflower.engines.whisper_text import WhisperText
from wallflower.engines.word_times import POSITION_SECONDS, align, split_words, timed_words
from wallflower.languages import WITHOUT_SPACES
from wallflower.memory import give_back

SHORT_WINDOW = 768
"""Positions of the encoder for a short segment, 15.36 s: half the work. The words get no worse, unlike with
less: Whisper wants silence after the speech, and without it goes round in circles."""

SHORT_SECONDS = 12.0
"""Up to here a segment is short, so that there is silence enough."""

REST_SECONDS = 10.0
"""After this pause the memory for work is given back, and the next segment takes 18 CPU ms more."""

_TOKENS_PER_SECOND = 30  # in languages whose letters are tokens; speech in English has 4 to 6
_SPARE_TOKENS = 16
_DOUBT = -0.7  # even odds, as a natural logarithm
_FULL_WINDOW = 1500
_TEXT_POSITIONS = 448


@dataclass(slots=True)
class _Decoded:
    """What the loop gathers. rows: attention [heads, 1, positions] for each token and the end."""

    tokens: list[int] = field(default_factory=list)
    log_probabilities: list[float] = field(default_factory=list)
    rows: list[NDArray[np.float32]] = field(default_factory=list)


class WhisperOpenVinoEngine:
    """One Whisper model on one device of OpenVINO, with requests of its own.

    Blocking; only one thread at a time may call `transcribe`. Several engines run side by side.
    """

    def __init__(
        self,
        model: Path | Mapping[str, Path],
        *,
        device: str = "CPU",
        threads: int = 0,
        cache_dir: Path | None = None,
    ) -> None:
        """Load the model from its folder, or from its files by name.

        device: as OpenVINO names it: CPU, GPU, NPU. threads: on the CPU; 0 leaves it to OpenVINO.
        cache_dir: keeps what was compiled for GPU or NPU. Raises EngineError.
        """
        files = model_files(model) if isinstance(model, Path) else model
        window, self._text_positions = _sizes(files)
        windows = (min(SHORT_WINDOW, window), window)
        if "tokenizer.json" not in files:
            raise EngineError("the model has no tokenizer.json; fetch or convert it again")
        self._text = WhisperText(files["tokenizer.json"])
        self._tokens = self._text.tokens
        graphs = WhisperGraphs(files, device=device, threads=threads, windows=windows, cache_dir=cache_dir)
        self._graphs: WhisperGraphs | None = graphs
        self._short, self._full = graphs.windows[0], graphs.windows[-1]
        self.languages = tuple(self._tokens.languages) or ("en",)
        self.longest_seconds = self._full * POSITION_SECONDS
        self._mel = LogMel(graphs.bands)
        self._allowed = np.zeros(graphs.vocabulary, np.float32)  # added to the logits
        self._allowed[[*self._tokens.suppressed]] = -np.inf
        self._allowed[self._tokens.end + 1 :] = -np.inf
        self._allowed_first = self._allowed.copy()
        self._allowed_first[[*self._tokens.suppressed_first]] = -np.inf
        self._abort = threading.Event()
        self._spellings = Spellings(self._text.decode)
        self._lock = threading.Lock()  # around the graphs: they work, or rest
        self._resting: threading.Timer | None = None

    def transcribe(self, samples: NDArray[np.float32], request: Request) -> Transcription:
        """As Engine says. Hotwords go into the prompt, which loses its beginning when it is too long."""
        if request.language not in {None, *self.languages}:
            raise EngineError(f"this Whisper model does not know the language {request.language}")
        seconds = samples.size / SAMPLE_RATE
        if seconds > self.longest_seconds:
            raise EngineError(
                f"a segment of {seconds:.1f} s is over the model's {self.longest_seconds:.0f} s"
            )
        self._abort.clear()
        self._stay_awake()
        with self._lock:
            if self._graphs is None:
                raise EngineError("the model was unloaded")
            try:
                return self._transcribe(self._graphs, samples, request, seconds)
            except EngineError:
                raise
            except Exception as error:  # OpenVINO raises RuntimeError and what pybind makes of C++'s
                raise EngineError(f"Whisper failed to decode: {error}") from error
            finally:
                self._resting = threading.Timer(REST_SECONDS, self._rest)
                self._resting.daemon = True
                self._resting.start()

    def abort(self) -> None:
        """As Engine says."""
        self._abort.set()

    def unload(self) -> None:
        """As Engine says."""
        resting = self._stay_awake()
        if resting is not None and resting.is_alive():
            resting.join()  # or it gives back what is unmapped by then
        with self._lock:
            self._graphs = None

    def _stay_awake(self) -> threading.Timer | None:
        if self._resting is not None:
            self._resting.cancel()
        return self._resting

    def _rest(self) -> None:
        with self._lock, contextlib.suppress(RuntimeError):  # then the next segment will tell
            if self._graphs is not None and threading.current_thread() is self._resting:
                self._graphs.rest()
        give_back()

    def _transcribe(
        self, graphs: WhisperGraphs, samples: NDArray[np.float32], request: Request, seconds: float
    ) -> Transcription:
        tokens = self._tokens
        window = self._short if seconds <= SHORT_SECONDS else self._full
        self._check_abort()
        graphs.encode(self._mel(samples, 2 * window))
        self._check_abort()
        wants_times = request.word_times and graphs.gives_alignment
        prompt = self._prompt(request)
        prefix: list[int] = []
        if request.language is None and tokens.languages:
            first = graphs.decode([tokens.start])
            language, probability = self._language(first.logits[0], request.languages)
            if not wants_times:
                prefix = self._prefix(request.prefix, language)
            no_speech = _softmax(first.logits[0])[tokens.no_speech]
            if prompt:  # it would have swayed the language; so begin again with it
                graphs.forget()
                first = graphs.decode([*prompt, tokens.start, *tokens.head(language), *prefix])
            else:
                first = graphs.decode([*tokens.head(language), *prefix])
        else:
            language = request.language or "en"
            if not wants_times:
                prefix = self._prefix(request.prefix, language)
            first = graphs.decode(
                [*prompt, tokens.start, *tokens.head(language), *prefix], rows=(len(prompt), -1)
            )
            _, probability = self._language(first.logits[0], (language,))
            no_speech = _softmax(first.logits[0])[tokens.no_speech]
        limit = int(seconds * _TOKENS_PER_SECOND) + _SPARE_TOKENS
        limit = max(0, min(self._text_positions // 2 - 4, limit) - len(prefix))
        decoded = self._decode(graphs, first, limit, keep_rows=wants_times, begun=bool(prefix))
        scores = decoded.log_probabilities
        self._spellings.remember(decoded.tokens, spaces=language not in WITHOUT_SPACES)
        return Transcription(
            self._text.decode([*prefix, *decoded.tokens]).strip(),
            language,
            self._words(decoded, language, seconds) if wants_times else (),
            sum(scores) / len(scores),
            float(no_speech),
            probability,
            certain=self._certain(prefix, decoded),
        )

    def _decode(
        self, graphs: WhisperGraphs, step: Step, limit: int, *, keep_rows: bool, begun: bool
    ) -> _Decoded:
        """Take the likeliest token, again and again, until the end, the limit or a circle.

        begun: whether the text has words already.
        """
        decoded = _Decoded()
        allowed = self._allowed if begun else self._allowed_first
        while True:
            scores = step.logits[-1] + allowed
            allowed = self._allowed
            token = int(scores.argmax())
            if keep_rows and step.alignment is not None:
                decoded.rows.append(step.alignment[:, -1:].copy())
            best = scores[token]
            decoded.log_probabilities.append(-float(np.log(np.exp(scores - best).sum())))
            if token == self._tokens.end or len(decoded.tokens) >= limit:
                return decoded
            decoded.tokens.append(token)
            if excess := repeated_tokens(decoded.tokens):
                del decoded.tokens[-excess:]
                return decoded
            self._check_abort()
            step = graphs.decode([token])

    def _prompt(self, request: Request) -> list[int]:
        text = prompt_text(request)
        if not text:
            return []
        budget = min(PROMPT_TOKENS, self._text_positions // 2 - 1)
        return [self._tokens.previous, *self._text.encode(text)[-budget:]]

    def _prefix(self, prefix: str, language: str) -> list[int]:
        """The tokens of the words that a text is known to begin with. As a rule they were decoded before; the
        tokenizer is large and slow to load.
        """
        prefix = prefix.strip()
        if not prefix:
            return []
        text = prefix if language in WITHOUT_SPACES else f" {prefix}"
        tokens = self._spellings.tokens_of(text) or self._text.encode(text)
        return tokens[: self._text_positions // 4]

    def _certain(self, prefix: list[int], decoded: _Decoded) -> int:
        """How many characters at the beginning of the text stand before the first doubtful token."""
        doubts = (at for at, score in enumerate(decoded.log_probabilities) if score < _DOUBT)
        sure = decoded.tokens[: next(doubts, None)]
        return len(self._text.decode([*prefix, *sure]).strip())

    def _language(self, logits: NDArray[np.float32], allowed: Collection[str]) -> tuple[str, float | None]:
        """The likeliest of the allowed languages, or of all; its probability is that among all."""
        if not self._tokens.languages:
            return "en", None
        codes, ids = zip(*self._tokens.languages.items(), strict=True)
        probabilities = _softmax(logits[list(ids)])
        places = [at for at, code in enumerate(codes) if code in allowed] or range(len(codes))
        at = max(places, key=probabilities.__getitem__)
        return codes[at], float(probabilities[at])

    def _words(self, decoded: _Decoded, language: str, seconds: float) -> tuple[Word, ...]:
        if not decoded.tokens:
            return ()
        attention = np.concatenate(decoded.rows[: len(decoded.tokens) + 1], axis=1)
        sounding = max(1, min(attention.shape[-1], int(np.ceil(seconds / POSITION_SECONDS))))
        words = split_words(decoded.tokens, self._text.decode, spaces=language not in WITHOUT_SPACES)
        probabilities = [float(np.exp(score)) for score in decoded.log_probabilities]
        return timed_words(words, align(attention, sounding), probabilities, seconds)

    def _check_abort(self) -> None:
        if self._abort.is_set():
            raise EngineAbortedError("decoding was aborted")


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    exponentials = np.exp(logits - logits.max())
    return np.asarray(exponentials / exponentials.sum(), np.float32)


def _sizes(files: Mapping[str, Path]) -> tuple[int, int]:
    """Positions of sound and of text; those of OpenAI's models where there is no description."""
    path = files.get("wallflower.json")
    if path is None:
        return _FULL_WINDOW, _TEXT_POSITIONS
    try:
        description = json.loads(path.read_text("utf-8"))
        shape = description["shape"]
        if description["format"] > 1:
            raise EngineError(f"{path} is of a newer Wallflower; convert the model again")
        return int(shape["audio_positions"]), int(shape["text_positions"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EngineError(f"{path} is damaged: {error}; convert the model again") from error
