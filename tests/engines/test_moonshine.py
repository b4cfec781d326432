"""The engine on its real model, and what it says of damaged files."""

import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from wallflower.engines.base import EngineAbortedError, EngineError, Request
from wallflower.engines.moonshine import DECODER, ENCODER, TOKENIZER, MoonshineEngine, read_tokens
from wallflower.models.catalog import find_model
from wallflower.models.store import Store


def _floats(samples: NDArray[np.int16]) -> NDArray[np.float32]:
    return samples.astype(np.float32) / np.float32(32768)


def _pack(tokens: list[bytes]) -> bytes:
    return b"".join(
        (bytes([len(t)]) if len(t) < 128 else bytes([128 + len(t) % 128, len(t) // 128])) + t for t in tokens
    )


@given(st.lists(st.binary(max_size=400)))
def test_vocabulary_is_read_back(tokens: list[bytes]) -> None:
    assert read_tokens(_pack(tokens)) == tokens


@pytest.mark.parametrize("data", [b"\x05ab", b"\x80", b"\x81\x01ab"])
def test_vocabulary_that_ends_inside_a_token_is_damaged(data: bytes) -> None:
    with pytest.raises(EngineError, match="damaged"):
        read_tokens(data)


def test_right_words_cased_and_punctuated(moonshine: MoonshineEngine, speech: NDArray[np.int16]) -> None:
    result = moonshine.transcribe(_floats(speech), Request())
    assert result.text.startswith("It was the best of times. It was the worst of times.")
    assert result.text.endswith("It was the epoch of incredulity.")
    assert result.language == "en"


def test_other_language_is_refused(moonshine: MoonshineEngine) -> None:
    with pytest.raises(EngineError, match="speaks en, not fr"):
        moonshine.transcribe(np.zeros(16_000, np.float32), Request("fr"))


def test_certainty_is_told(moonshine: MoonshineEngine, speech: NDArray[np.int16]) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 32_000).astype(np.float32)
    clear = moonshine.transcribe(_floats(speech), Request()).average_log_probability
    unclear = moonshine.transcribe(noise, Request()).average_log_probability
    assert clear is not None
    assert unclear is not None
    assert 0 > clear > -0.5 > unclear


@pytest.mark.parametrize("length", [0, 1, 700, 1600])
def test_next_to_nothing_can_be_decoded(moonshine: MoonshineEngine, length: int) -> None:
    assert len(moonshine.transcribe(np.zeros(length, np.float32), Request()).text) < 40


def test_abort_stops_the_decoding_under_way(moonshine: MoonshineEngine, speech: NDArray[np.int16]) -> None:
    stop = threading.Event()

    def keep_aborting() -> None:
        while not stop.wait(0.002):
            moonshine.abort()

    aborter = threading.Thread(target=keep_aborting)
    aborter.start()
    try:
        with pytest.raises(EngineAbortedError):
            moonshine.transcribe(_floats(speech), Request())
    finally:
        stop.set()
        aborter.join()
    assert moonshine.transcribe(_floats(speech[:80_000]), Request("en")).text


def test_failure_of_the_library_is_an_engine_error(moonshine: MoonshineEngine) -> None:
    with pytest.raises(EngineError, match="failed to decode"):
        moonshine.transcribe(np.zeros((2, 4000), np.float32), Request())


@pytest.mark.parametrize("name", [ENCODER, DECODER, TOKENIZER])
def test_truncated_file_is_an_engine_error(model_store: Store, tmp_path: Path, name: str) -> None:
    files = dict(model_store.files(find_model("moonshine-tiny-en")))
    broken = tmp_path / name
    broken.write_bytes(files[name].read_bytes()[:100_001])
    files[name] = broken
    with pytest.raises(EngineError):
        MoonshineEngine(files, language="en", threads=1)


def test_missing_file_is_named(model_store: Store, tmp_path: Path) -> None:
    files = dict(model_store.files(find_model("moonshine-tiny-en")))
    files[ENCODER] = tmp_path / "gone"
    with pytest.raises(EngineError, match="gone"):
        MoonshineEngine(files, language="en", threads=1)
