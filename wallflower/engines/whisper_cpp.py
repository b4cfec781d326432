"""Whisper on whisper.cpp, through the `pywhispercpp` binding's own functions.

Its `Model` class is not used: it prints, cannot free, and holds no more than what is needed here.
"""

import atexit
import re
import threading
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wallflower.audio.pcm import SAMPLE_RATE
from wallflower.engines.base import EngineAbortedError, EngineError, Request, Transcription
from wallflower.engines.ggml_file import check_ggml
from wallflower.engines.repetition import before_circle
from wallflower.engines.whisper_prompt import PROMPT_TOKENS, prompt_text
from wallflower.engines.whisper_tokens import WHISPERS_OWN
from wallflower.engines.words import TimedToken, words_of

_SHORT_SECONDS = 12.0
_SHORT_CONTEXT = (
    768  # encoder frames: half the work; a clip needs some silence inside it, and less is not safe
)
_SHORTEST_SAMPLES = SAMPLE_RATE // 5  # whisper.cpp refuses less than 0.1 s
_TOKENS_PER_SECOND = 25  # twice as many as the densest scripts need; what goes beyond is a runaway decoder
_SPARE_TOKENS = 16
_MOST_TOKENS = 220  # what the decoder has room for beside a full prompt
_ERROR_LEVEL = 4  # of ggml's log
_VOCABULARY_WITHOUT_LANGUAGES = 51766
_DETECTED = re.compile(r"auto-detected language: \w+ \(p = ([0-9.]+)\)")
_ONLY_A_NOTE = re.compile(r"[\[(*♪][^\])]*[\])*♪]|♪*")


class _Log(threading.local):
    """What whisper.cpp said in this thread since it was last cleared."""

    def __init__(self) -> None:
        self.lines: list[tuple[int, str]] = []


_log = _Log()


@cache
def _library() -> Any:
    """The binding, made silent. Raises EngineError when it is not installed."""
    try:
        import _pywhispercpp as library
    except ImportError as error:
        raise EngineError(
            f"whisper.cpp cannot be loaded ({error}); install it with: pip install 'wallflower[whispercpp]'"
        ) from error
    library.whisper_log_set(lambda level, text: _log.lines.append((level, text)))
    # The binding would release our function after the interpreter's end, which aborts the process.
    atexit.register(library.whisper_log_set, None)
    return library


class WhisperCppEngine:
    """One Whisper model in ggml format, on what the installed build of whisper.cpp offers.

    Greedy, without fallback temperatures: a segment costs one pass. Gives no no-speech probability: the
    binding does not hand it on.
    """

    longest_seconds = 30.0

    def __init__(self, path: Path, *, threads: int, gpu: bool = True) -> None:
        """Load the model. gpu: use a GPU if the library was built for one. Raises EngineError."""
        self._library = _library()
        check_ggml(path)
        settings = self._library.whisper_context_default_params()
        settings.use_gpu = gpu
        _log.lines.clear()
        try:
            context = self._library.whisper_init_from_file_with_params(str(path), settings)
        except Exception as error:  # the binding hands on what C++ threw
            raise EngineError(f"whisper.cpp cannot load {path}: {error}") from error
        # A model that cannot be loaded leaves a null pointer, which Python cannot see: the log tells.
        if errors := [text.strip() for level, text in _log.lines if level == _ERROR_LEVEL]:
            raise EngineError(f"whisper.cpp cannot load {path}: {errors[0]}; try: wallflower models verify")
        self._context: Any = context
        self._threads = threads
        self._turn = threading.Lock()  # two threads in one context abort the process
        self._abort = threading.Event()
        self._end_of_text: int = self._library.whisper_token_eot(context)
        self.languages = self._known_languages()

    def transcribe(self, samples: NDArray[np.float32], request: Request) -> Transcription:
        """As Engine says. Hotwords go into the prompt, which loses its beginning when it is too long."""
        if request.language is not None and request.language not in self.languages:
            raise EngineError(f"this Whisper model does not speak {request.language!r}")
        if samples.ndim != 1:
            raise EngineError(f"whisper.cpp takes one channel; the sound has the shape {samples.shape}")
        seconds = len(samples) / SAMPLE_RATE
        if len(samples) < _SHORTEST_SAMPLES:
            samples = np.pad(samples, (0, _SHORTEST_SAMPLES - len(samples)))
        samples = np.ascontiguousarray(samples, np.float32)
        with self._turn:
            if self._context is None:
                raise EngineError("the model was unloaded")
            self._abort.clear()
            _log.lines.clear()
            result = self._decoded(samples, request, seconds)
            allowed = [code for code in request.languages if code in self.languages]
            if request.language is None and allowed and result.language not in allowed:
                _log.lines.clear()  # what was detected says nothing of the language that is used instead
                result = self._decoded(samples, replace(request, language=allowed[0]), seconds)
            return result

    def _decoded(self, samples: NDArray[np.float32], request: Request, seconds: float) -> Transcription:
        parameters = self._parameters(request, seconds)
        try:
            code = self._library.whisper_full(self._context, parameters, samples, len(samples))
        except Exception as error:  # the binding hands on what C++ threw
            raise EngineError(f"whisper.cpp failed to decode: {error}") from error
        if self._abort.is_set():
            raise EngineAbortedError("decoding was aborted")
        if code != 0:
            said = "; ".join(text.strip() for _, text in _log.lines[-1:])
            raise EngineError(f"whisper.cpp failed to decode (code {code}): {said}")
        return self._result(request, seconds)

    def abort(self) -> None:
        """As Engine says; a step is the encoder's pass or one token."""
        self._abort.set()

    def unload(self) -> None:
        """As Engine says."""
        with self._turn:
            if self._context is not None:
                self._library.whisper_free(self._context)
                self._context = None

    def _known_languages(self) -> tuple[str, ...]:
        if not self._library.whisper_is_multilingual(self._context):
            return ("en",)
        count = self._library.whisper_n_vocab(self._context) - _VOCABULARY_WITHOUT_LANGUAGES
        return tuple(self._iso(number) for number in range(count))

    def _iso(self, number: int) -> str:
        code: str = self._library.whisper_lang_str(number)
        return next((iso for iso, own in WHISPERS_OWN.items() if own == code), code)

    def _parameters(self, request: Request, seconds: float) -> Any:
        greedy = self._library.whisper_sampling_strategy.WHISPER_SAMPLING_GREEDY
        parameters = self._library.whisper_full_default_params(greedy)
        language = request.language or ("auto" if len(self.languages) > 1 else "en")
        parameters.language = WHISPERS_OWN.get(language, language)
        parameters.initial_prompt = prompt_text(request).encode("utf-8", "replace").decode()
        parameters.n_max_text_ctx = PROMPT_TOKENS
        parameters.n_threads = self._threads
        parameters.audio_ctx = _SHORT_CONTEXT if seconds <= _SHORT_SECONDS else 0
        parameters.max_tokens = min(_MOST_TOKENS, int(seconds * _TOKENS_PER_SECOND) + _SPARE_TOKENS)
        parameters.no_timestamps = not request.word_times
        parameters.token_timestamps = request.word_times
        parameters.single_segment = True
        parameters.no_context = True
        parameters.temperature_inc = 0.0
        parameters.print_progress = False
        self._library.assign_abort_callback(parameters, self._abort.is_set)
        return parameters

    def _result(self, request: Request, seconds: float) -> Transcription:
        tokens = self._tokens()
        text = b"".join(token.spelling for token in tokens).decode("utf-8", "replace").strip()
        if _ONLY_A_NOTE.fullmatch(text):  # "[BLANK_AUDIO]", "(wind blowing)": nobody said that
            text, tokens = "", []
        language = request.language or self._iso(self._library.whisper_full_lang_id(self._context))
        chances = [float(match[1]) for _, line in _log.lines if (match := _DETECTED.search(line))]
        average = sum(token.log_probability for token in tokens) / len(tokens) if tokens else None
        return Transcription(
            text,
            language,
            words=words_of(tokens, language=language, seconds=seconds) if request.word_times else (),
            average_log_probability=average,
            language_probability=chances[-1] if chances else None,
        )

    def _tokens(self) -> list[TimedToken]:
        """The tokens of text, without the end and the time marks, up to where they go round in circles."""
        library, context = self._library, self._context
        tokens: list[TimedToken] = []
        ids: list[int] = []
        for segment in range(library.whisper_full_n_segments(context)):
            for place in range(library.whisper_full_n_tokens(context, segment)):
                data = library.whisper_full_get_token_data(context, segment, place)
                if data.id < self._end_of_text:
                    spelling = library.whisper_token_to_bytes(context, data.id)
                    tokens.append(TimedToken(spelling, data.t0 / 100, data.t1 / 100, data.plog))
                    ids.append(data.id)
        return tokens[: before_circle(ids)]
