"""Every speaking model of the catalogue has an engine."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from wallflower.engines.base import EngineError, Request
from wallflower.engines.exclusions import FILE
from wallflower.engines.loading import SPEAKING, load_engine, load_watched
from wallflower.models.catalog import catalog, find_model
from wallflower.models.fetching import Fetcher
from wallflower.models.store import Store


@pytest.mark.parametrize(
    "name", ["moonshine-tiny-en", "whisper-base-ggml-q8_0", "whisper-base-openvino-int8"]
)
def test_each_engine_hears_the_same_words(
    model_store: Store, whisper_ggml: object, speech: NDArray[np.int16], name: str
) -> None:
    model = find_model(name)
    asyncio.run(Fetcher(model_store).ensure([model]))
    engine = load_engine(model, model_store.files(model), threads=2)
    samples = speech[: 5 * 16_000].astype(np.float32) / np.float32(32768)
    result = engine.transcribe(samples, Request("en"))
    assert result.text.lower().startswith("it was the best of times")
    assert set(model.languages) <= set(engine.languages) | {"jv"}  # Javanese has two codes
    engine.unload()


def test_every_speaking_model_has_an_engine() -> None:
    others = {"vad", "sample", "checkpoint", "embedding", "segmentation"}
    assert {model.engine for model in catalog().values()} == {*SPEAKING, *others}


def test_what_does_not_speak_is_refused(model_store: Store) -> None:
    with pytest.raises(EngineError, match="silero-vad does not turn speech into words"):
        load_engine(find_model("silero-vad"), {}, threads=1)


def test_under_a_mark_it_is_tried_before_it_is_trusted(model_store: Store, tmp_path: Path) -> None:
    model = find_model("moonshine-tiny-en")
    engine = load_watched(model, model_store.files(model), threads=1, data_dir=tmp_path, memory_bytes=1)
    assert engine.languages == ("en",)
    assert json.loads((tmp_path / FILE).read_text())["trying"] == {}


def test_too_little_memory_is_said_before_it_is_taken(model_store: Store, tmp_path: Path) -> None:
    model = find_model("moonshine-tiny-en")
    with pytest.raises(EngineError, match=r"needs about 1000000 MB, \d+ MB are free; choose a smaller model"):
        load_watched(model, {}, threads=1, data_dir=tmp_path, memory_bytes=10**12)
    assert not (tmp_path / FILE).exists()


def test_an_excluded_device_is_not_tried(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('{"excluded": {"openvino:gpu": {}}}')
    with pytest.raises(EngineError, match="wallflower hardware --allow openvino:gpu"):
        load_watched(find_model("whisper-base-openvino-int8"), {}, threads=1, data_dir=tmp_path, device="gpu")


@pytest.mark.parametrize(
    ("module", "name", "extra"),
    [
        ("openvino", "whisper-base-openvino-int8", "openvino"),
        ("_pywhispercpp", "whisper-base-ggml-q8_0", "whispercpp"),
    ],
)
def test_a_library_that_is_missing_is_told_with_what_to_install(
    every_model: Store, module: str, name: str, extra: str
) -> None:
    program = f"""
import pathlib, sys
sys.modules[{module!r}] = None  # as if it were not installed
from wallflower.engines.base import EngineError
from wallflower.engines.loading import load_engine
from wallflower.models.catalog import find_model
from wallflower.models.store import Store
model = find_model({name!r})
try:
    load_engine(model, Store(pathlib.Path(sys.argv[1])).files(model), threads=1)
except EngineError as error:
    print(error)
"""
    command = [sys.executable, "-c", program, str(every_model.root)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=True)
    assert f"wallflower[{extra}]" in done.stdout
