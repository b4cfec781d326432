"""Decodings that are held to the words with which the text is known to begin, on the real model."""

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from wallflower.engines import whisper_text
from wallflower.engines.base import Request
from wallflower.engines.whisper_openvino import WhisperOpenVinoEngine


@pytest.fixture
def sound(speech: NDArray[np.int16]) -> NDArray[np.float32]:
    return speech[:96_000].astype(np.float32) / np.float32(32768)


@pytest.fixture
def without_tokenizer(whisper: WhisperOpenVinoEngine, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Only what was decoded before can be a prefix."""
    monkeypatch.setattr(whisper._text, "_tokenizer", None)
    monkeypatch.setattr(whisper_text, "_open_tokenizer", None)
    yield
    monkeypatch.setattr(whisper._text, "_tokenizer", None)


@pytest.mark.usefixtures("without_tokenizer")
def test_words_decoded_before_need_no_tokenizer_and_change_nothing(
    whisper: WhisperOpenVinoEngine, sound: NDArray[np.float32]
) -> None:
    text = whisper.transcribe(sound, Request("en")).text
    words = text.split(" ")
    for count in (1, 4, len(words) - 1):
        prefix = " ".join(words[:count])
        assert whisper.transcribe(sound, Request("en", prefix=prefix)).text == text


@pytest.mark.usefixtures("without_tokenizer")
def test_words_of_a_shorter_decoding(whisper: WhisperOpenVinoEngine, sound: NDArray[np.float32]) -> None:
    prefix = " ".join(whisper.transcribe(sound[:48_000], Request("en")).text.split(" ")[:-1])
    assert prefix
    longer = whisper.transcribe(sound, Request("en", prefix=prefix)).text
    assert longer.startswith(prefix)
    assert len(longer) > len(prefix)


@pytest.mark.parametrize("prefix", ["It was, said Anna Müller", "it was the blessed of"])
def test_words_never_decoded(whisper: WhisperOpenVinoEngine, sound: NDArray[np.float32], prefix: str) -> None:
    text = whisper.transcribe(sound, Request("en", prefix=prefix)).text
    assert text.startswith(prefix)


def test_a_language_without_spaces(whisper: WhisperOpenVinoEngine, sound: NDArray[np.float32]) -> None:
    for _ in range(2):  # the second time they are remembered
        text = whisper.transcribe(sound[:32_000], Request("zh", prefix="今天天气")).text
        assert text.startswith("今天天气")


def test_nothing_may_follow(whisper: WhisperOpenVinoEngine, sound: NDArray[np.float32]) -> None:
    text = whisper.transcribe(sound, Request("en")).text
    again = whisper.transcribe(sound, Request("en", prefix=f" {text} "))
    assert again.text == text
    assert again.average_log_probability is not None


def test_with_a_prompt(whisper: WhisperOpenVinoEngine, sound: NDArray[np.float32]) -> None:
    request = Request("en", prompt="Charles Dickens wrote.", prefix="It was the", hotwords=("Wisdom",))
    assert whisper.transcribe(sound, request).text.startswith("It was the best of times")


def test_while_the_language_is_detected(whisper: WhisperOpenVinoEngine, sound: NDArray[np.float32]) -> None:
    result = whisper.transcribe(sound, Request(prefix="It was, it"))
    assert result.text.startswith("It was, it")
    assert result.language == "en"


def test_left_aside_where_times_are_wanted(
    whisper: WhisperOpenVinoEngine, sound: NDArray[np.float32]
) -> None:
    result = whisper.transcribe(sound, Request("en", prefix="Two", word_times=True))
    assert result.text.startswith("It was")
    assert " ".join(word.text for word in result.words) in {"", result.text}


def test_silence_after_a_prefix_ends(whisper: WhisperOpenVinoEngine) -> None:
    text = whisper.transcribe(np.zeros(8000, np.float32), Request("en", prefix="It was the best")).text
    assert text.startswith("It was the best")
    assert len(text) < 120
