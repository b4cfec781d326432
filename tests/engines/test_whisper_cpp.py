"""whisper.cpp on Whisper base and real speech, and what it says of damage."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from wallflower.engines import whisper_cpp
from wallflower.engines.base import EngineAbortedError, EngineError, Request
from wallflower.engines.whisper_cpp import WhisperCppEngine


@pytest.fixture(scope="module")
def engine(whisper_ggml: Path) -> Iterator[WhisperCppEngine]:
    engine = WhisperCppEngine(whisper_ggml, threads=2)
    yield engine
    engine.unload()


@pytest.fixture(scope="module")
def passage(speech: NDArray[np.int16]) -> NDArray[np.float32]:
    """13 s of real speech: longer than what the encoder's window is cut for."""
    return speech.astype(np.float32) / np.float32(32768)


@pytest.fixture(scope="module")
def phrase(passage: NDArray[np.float32]) -> NDArray[np.float32]:
    """Its first 3 s."""
    return passage[:48_000]


def test_right_words_and_their_times(engine: WhisperCppEngine, passage: NDArray[np.float32]) -> None:
    result = engine.transcribe(passage, Request("en", word_times=True))
    assert result.text.startswith("It was the best of times, it was the worst of times.")
    assert result.text.endswith("it was the epoch of incredulity.")
    assert " ".join(word.text for word in result.words) == result.text
    marks = [0.0, *(time for word in result.words for time in (word.start, word.end)), 13.0]
    assert marks == sorted(marks)
    assert all(word.confidence is not None and 0 < word.confidence <= 1 for word in result.words)
    (wisdom,) = [word for word in result.words if word.text.startswith("wisdom")]
    assert 5.0 < wisdom.start < wisdom.end < 8.5


def test_language_is_detected(engine: WhisperCppEngine, phrase: NDArray[np.float32]) -> None:
    result = engine.transcribe(phrase, Request())
    assert result.text == "It was the best of times."
    assert result.language == "en"
    assert result.language_probability is not None
    assert 0.8 < result.language_probability <= 1
    assert result.words == ()
    assert result.no_speech is None


def test_only_allowed_languages_are_used(engine: WhisperCppEngine, phrase: NDArray[np.float32]) -> None:
    kept = engine.transcribe(phrase, Request(languages=("de", "en")))
    assert (kept.text, kept.language) == ("It was the best of times.", "en")
    other = engine.transcribe(phrase, Request(languages=("de", "fr")))
    assert (other.language, other.language_probability) == ("de", None)
    assert engine.transcribe(phrase, Request(languages=("tlh",))).language == "en"


def test_language_may_be_given(engine: WhisperCppEngine, phrase: NDArray[np.float32]) -> None:
    result = engine.transcribe(phrase, Request("de"))
    assert result.language == "de"
    assert result.language_probability is None
    assert "de" in engine.languages
    assert "jv" in engine.languages  # ISO's code, where Whisper has its own
    assert engine.transcribe(phrase, Request("jv")).language == "jv"
    assert len(engine.languages) == 99
    with pytest.raises(EngineError, match="does not speak 'tlh'"):
        engine.transcribe(phrase, Request("tlh"))


def test_hotwords_stand_at_the_end_of_the_prompt(
    engine: WhisperCppEngine, phrase: NDArray[np.float32]
) -> None:
    request = Request("en", prompt=" Once. ", hotwords=("Küche", "Dickens"))
    assert engine._parameters(request, 3.0).initial_prompt == " Once. Küche, Dickens."
    assert engine._parameters(Request("en"), 3.0).initial_prompt == ""
    odd = Request("en", prompt="and so on, " * 400, hotwords=("it WAS", "the BEST", "of TIMES"))
    assert engine.transcribe(phrase, odd).text.lower().startswith("it was the best of times")


def test_circles_are_cut(
    engine: WhisperCppEngine, phrase: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same guard as OpenVINO's; here it is told that the fourth token begins a circle."""
    monkeypatch.setattr(whisper_cpp, "before_circle", lambda ids: 3)
    assert engine.transcribe(phrase, Request("en")).text == "It was the"


def test_prompt_sets_the_style(engine: WhisperCppEngine, phrase: NDArray[np.float32]) -> None:
    plain = engine.transcribe(phrase, Request("en"))
    told = engine.transcribe(phrase, Request("en", prompt="the turn of the year, the best of times " * 60))
    odd = engine.transcribe(phrase, Request("en", prompt="Kü\udc80che \0 台所"))
    assert plain.average_log_probability != told.average_log_probability
    assert "best of times" in told.text.lower()
    assert "best of times" in odd.text.lower()
    assert engine.transcribe(phrase, Request("en")) == plain  # nothing stays behind


def test_certainty_is_told(engine: WhisperCppEngine, phrase: NDArray[np.float32]) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 32_000).astype(np.float32)
    clear = engine.transcribe(phrase, Request("en")).average_log_probability
    unclear = engine.transcribe(noise, Request("en"))
    assert clear is not None
    assert 0 > clear > -0.5
    assert unclear.average_log_probability is None or unclear.average_log_probability < -0.5


@pytest.mark.parametrize("length", [0, 1, 700, 1600, 16_000])
def test_next_to_nothing_can_be_decoded(engine: WhisperCppEngine, length: int) -> None:
    assert len(engine.transcribe(np.zeros(length, np.float32), Request("en", word_times=True)).text) < 40


def test_the_window_is_cut_for_short_sound(engine: WhisperCppEngine, passage: NDArray[np.float32]) -> None:
    def seconds(samples: NDArray[np.float32]) -> float:
        begun = time.process_time()
        engine.transcribe(samples, Request("en"))
        return time.process_time() - begun

    silence = np.zeros_like(passage)  # all the time is the encoder's
    # A busy box makes it slower, never quicker.
    assert min(seconds(silence[:48_000]) for _ in range(3)) < 0.8 * seconds(silence)


def test_abort_stops_the_decoding_under_way(engine: WhisperCppEngine, passage: NDArray[np.float32]) -> None:
    threading.Timer(0.1, engine.abort).start()
    with pytest.raises(EngineAbortedError):
        engine.transcribe(passage, Request("en"))
    assert engine.transcribe(passage[:48_000], Request("en")).text == "It was the best of times."


def test_two_threads_take_turns(engine: WhisperCppEngine, phrase: NDArray[np.float32]) -> None:
    texts: list[str] = []
    threads = [
        threading.Thread(target=lambda: texts.append(engine.transcribe(phrase, Request("en")).text))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert texts == ["It was the best of times."] * 2


def test_unloaded_is_an_error(whisper_ggml: Path, phrase: NDArray[np.float32]) -> None:
    engine = WhisperCppEngine(whisper_ggml, threads=1)
    engine.unload()
    engine.unload()
    with pytest.raises(EngineError, match="unloaded"):
        engine.transcribe(phrase, Request("en"))


def test_two_channels_are_refused(engine: WhisperCppEngine) -> None:
    with pytest.raises(EngineError, match="one channel"):
        engine.transcribe(np.zeros((2, 4000), np.float32), Request("en"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"decoder.ln.weight", b"decoder.ln.weighs"),  # a tensor that no Whisper has
        ((51865).to_bytes(4, "little"), (51864).to_bytes(4, "little")),  # another shape
    ],
)
def test_damage_that_only_the_library_sees(
    whisper_ggml: Path, tmp_path: Path, old: bytes, new: bytes
) -> None:
    broken = tmp_path / "ggml.bin"
    broken.write_bytes(whisper_ggml.read_bytes().replace(old, new, 1))
    with pytest.raises(EngineError, match=r"whisper\.cpp cannot load .*models verify"):
        WhisperCppEngine(broken, threads=1)


def test_what_the_library_throws_is_an_engine_error(whisper_ggml: Path, tmp_path: Path) -> None:
    """A vocabulary without the space, which whisper.cpp looks for when it decodes."""
    broken = tmp_path / "ggml.bin"
    token = (1).to_bytes(4, "little")
    broken.write_bytes(whisper_ggml.read_bytes().replace(token + b" ", token + b"\xff", 1))
    engine = WhisperCppEngine(broken, threads=1)
    with pytest.raises(EngineError, match="failed to decode"):
        engine.transcribe(np.zeros(16_000, np.float32), Request("en"))
    engine.unload()


def test_truncated_file(whisper_ggml: Path, tmp_path: Path) -> None:
    broken = tmp_path / "ggml.bin"
    broken.write_bytes(whisper_ggml.read_bytes()[:1_000_000])
    with pytest.raises(EngineError, match="truncated"):
        WhisperCppEngine(broken, threads=1)


def test_without_the_library(whisper_ggml: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "_pywhispercpp", None)
    whisper_cpp._library.cache_clear()
    try:
        with pytest.raises(EngineError, match=r"pip install 'wallflower\[whispercpp\]'"):
            WhisperCppEngine(whisper_ggml, threads=1)
    finally:
        whisper_cpp._library.cache_clear()


def test_a_process_says_nothing_and_ends_well(whisper_ggml: Path) -> None:
    """The library prints a page when it loads, and its binding aborts at the end if it keeps our function."""
    code = (
        "import sys, numpy, pathlib\n"
        "from wallflower.engines.base import Request\n"
        "from wallflower.engines.whisper_cpp import WhisperCppEngine\n"
        "engine = WhisperCppEngine(pathlib.Path(sys.argv[1]), threads=1)\n"
        "engine.transcribe(numpy.zeros(1600, numpy.float32), Request('en'))\n"
    )
    ended = subprocess.run([sys.executable, "-c", code, whisper_ggml], capture_output=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")
