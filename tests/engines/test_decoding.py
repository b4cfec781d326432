"""Models decode clips in processes of their own."""

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallflower.audio.pcm import SAMPLE_RATE
from wallflower.engines.base import EngineError
from wallflower.engines.decoding import PROBE, Clip, check_memory, decode_apart
from wallflower.engines.decoding_child import pieces
from wallflower.models.catalog import find_model
from wallflower.models.store import Store

MOONSHINE = find_model("moonshine-tiny-en")


def test_clips_are_decoded_in_order(model_store: Store, two_cities: Path) -> None:
    seen: list[int] = []
    decoded = asyncio.run(
        decode_apart(
            MOONSHINE,
            model_store.files(MOONSHINE),
            [Clip(two_cities), PROBE, Clip(longest_seconds=8)],
            threads=1,
            on_text=seen.append,
        )
    )
    whole, probe, cut = decoded.texts
    assert seen == [1, 2, 3]
    assert decoded.languages == ("en",)
    assert len(whole) > len(probe)  # 44 s, in two pieces
    assert probe.startswith("It was the best of times")
    assert "age of wisdom" in cut
    assert decoded.load_seconds > 0
    assert decoded.seconds > 0
    assert decoded.peak_bytes > 50_000_000


def test_a_language_that_the_model_does_not_speak(model_store: Store) -> None:
    with pytest.raises(EngineError, match="does not speak 'de', only en"):
        asyncio.run(decode_apart(MOONSHINE, model_store.files(MOONSHINE), [PROBE], threads=1, language="de"))


def test_sound_that_cannot_be_read(model_store: Store, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="there is no file"):
        asyncio.run(
            decode_apart(MOONSHINE, model_store.files(MOONSHINE), [Clip(tmp_path / "gone.wav")], threads=1)
        )


def test_damaged_files_are_an_error(model_store: Store, tmp_path: Path) -> None:
    files = dict(model_store.files(MOONSHINE))
    files["encoder_model.ort"] = tmp_path / "x"
    files["encoder_model.ort"].write_bytes(b"this was never a graph")
    with pytest.raises(EngineError, match="cannot load"):
        asyncio.run(decode_apart(MOONSHINE, files, [PROBE], threads=1))


@pytest.mark.parametrize("program", ["", 'print(\'{"text": "a"}\')', "print('{}'); print('{}'); print('{}')"])
def test_a_process_that_ends_early(program: str) -> None:
    with pytest.raises(EngineError, match="ended before it had decoded everything"):
        asyncio.run(decode_apart(MOONSHINE, {}, [PROBE], threads=1, command=[sys.executable, "-c", program]))


def test_a_crash_is_an_error() -> None:
    command = [sys.executable, "-c", "import os; os.kill(os.getpid(), 11)"]
    with pytest.raises(EngineError, match="ended by signal 11"):
        asyncio.run(decode_apart(replace(MOONSHINE, engine="x"), {}, [PROBE], threads=1, command=command))


def test_too_little_memory_is_said_before_loading() -> None:
    with pytest.raises(
        EngineError, match="not enough memory for mine: it needs about 363 MB, 200 MB are free"
    ):
        check_memory("mine", "whispercpp", 150_000_000, free_bytes=200_000_000)
    check_memory("mine", "whispercpp", 150_000_000, free_bytes=400_000_000)
    with pytest.raises(EngineError, match="not enough memory"):
        check_memory("mine", "openvino", 1 << 60)


@given(st.integers(0, 400_000), st.sampled_from([0.03, 1.0, 7.5, 28.0]))
def test_pieces_are_all_of_the_sound(length: int, longest: float) -> None:
    samples = np.arange(length, dtype=np.float32)
    found = list(pieces(samples, longest))
    assert np.array_equal(np.concatenate(found), samples)
    assert all(0 < len(piece) <= longest * SAMPLE_RATE for piece in found) or not length


def test_pieces_end_where_it_is_quiet() -> None:
    samples = np.random.default_rng(3).normal(0, 0.1, 20 * SAMPLE_RATE).astype(np.float32)
    samples[7 * SAMPLE_RATE : 7 * SAMPLE_RATE + 1600] = 0
    first, *_ = pieces(samples, 10.0)
    assert 7 * SAMPLE_RATE <= len(first) <= 7 * SAMPLE_RATE + 1600
