"""What the tests share: the real models, real speech, and an environment without the user's settings."""

import asyncio
import os
import wave
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import structlog
from hypothesis import settings
from numpy.typing import NDArray

from tests.made_ears import ears_of
from tests.speakers.voices import read_voice
from wallflower.audio.pcm import PcmConverter, PcmFormat
from wallflower.engines.moonshine import MoonshineEngine
from wallflower.engines.whisper_openvino import WhisperOpenVinoEngine
from wallflower.listening.ears import Ears
from wallflower.models.catalog import NEEDED_BY_DEFAULT, SPEAKER_MODELS, SUGGESTED_MODELS, find_model
from wallflower.models.conversion.checkpoint import read_checkpoint
from wallflower.models.conversion.openvino_folder import write_openvino
from wallflower.models.conversion.weight_format import WeightFormat
from wallflower.models.fetching import Fetcher
from wallflower.models.store import Store
from wallflower.speakers.diarizer import SpeakerModels
from wallflower.speakers.loading import load_speaker_models
from wallflower.speech.vad import SileroVad

settings.register_profile("any machine", deadline=None)  # timing never fails a test
settings.load_profile("any machine")

_ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No option of the person who runs the tests reaches them."""
    for name in list(os.environ):
        if name.startswith("WALLFLOWER_") or name == "SUPERVISOR_TOKEN":
            monkeypatch.delenv(name)
    yield
    structlog.contextvars.clear_contextvars()


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """A data directory that holds the models and the sample, fetched once and kept between runs."""
    path = _ROOT / ".cache" / "test-data"
    models = [find_model(name) for name in (*NEEDED_BY_DEFAULT, "sample-two-cities")]
    asyncio.run(Fetcher(Store(path / "models")).ensure(models, rehash=True))
    return path


@pytest.fixture(scope="session")
def model_store(data_dir: Path) -> Store:
    """The store in `data_dir`."""
    return Store(data_dir / "models")


@pytest.fixture(scope="session")
def every_model(model_store: Store) -> Store:
    """The store, with all models that a fresh box considers in it."""
    asyncio.run(Fetcher(model_store).ensure([find_model(name) for name in SUGGESTED_MODELS]))
    return model_store


@pytest.fixture(scope="session")
def speaker_store(model_store: Store) -> Store:
    """The store, with what tells speakers apart: made once from weights that are fetched once."""
    asyncio.run(Fetcher(model_store).ensure([find_model(name) for name in SPEAKER_MODELS]))
    return model_store


@pytest.fixture(scope="session")
def speaker_models(speaker_store: Store, vad: SileroVad) -> SpeakerModels:
    """The real models that tell speakers apart."""
    models = load_speaker_models(speaker_store, vad)
    assert models is not None
    return models


@pytest.fixture(scope="session")
def voice(two_cities: Path) -> NDArray[np.int16]:
    """44 s of one person who reads."""
    return read_voice(two_cities)


@pytest.fixture
def own_data_dir(every_model: Store, tmp_path: Path) -> Path:
    """A data directory that nobody knows anything of, with links to all models."""
    home = tmp_path / "own"
    for folder in ("blobs", "pins"):
        (home / "models" / folder).mkdir(parents=True)
        for path in (every_model.root / folder).iterdir():
            (home / "models" / folder / path.name).symlink_to(path)
    return home


@pytest.fixture(scope="session")
def whisper_ggml(model_store: Store) -> Path:
    """Whisper base for whisper.cpp, 8 bits: made once, from a checkpoint that is fetched once."""
    model = find_model("whisper-base-ggml-q8_0")
    asyncio.run(Fetcher(model_store).ensure([model, find_model("whisper-base")], rehash=True))
    return next(iter(model_store.files(model).values()))


@pytest.fixture(scope="session")
def whisper_base(model_store: Store, whisper_ggml: Path) -> dict[str, Path]:
    """The files of Whisper base's checkpoint, by name."""
    return model_store.files(find_model("whisper-base"))


@pytest.fixture(scope="session")
def two_cities(model_store: Store) -> Path:
    """The sample: 44 s of read speech, a WAV at 48 kHz."""
    return model_store.files(find_model("sample-two-cities"))["two_cities.wav"]


@pytest.fixture(scope="session")
def speech(two_cities: Path) -> NDArray[np.int16]:
    """The sample's first 13 s, mono 16 kHz: "It was the best of times … the epoch of incredulity."."""
    with wave.open(str(two_cities)) as wav:
        converter = PcmConverter(PcmFormat(wav.getframerate(), wav.getsampwidth(), wav.getnchannels()))
        return converter.feed(wav.readframes(13 * wav.getframerate()))


@pytest.fixture(scope="session")
def moonshine(model_store: Store) -> MoonshineEngine:
    """The real engine."""
    return MoonshineEngine(model_store.files(find_model("moonshine-tiny-en")), language="en", threads=2)


@pytest.fixture(scope="session")
def whisper_folder(whisper_base: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Whisper base for OpenVINO, with weights of 8 bits, converted in this run."""
    folder = tmp_path_factory.mktemp("openvino") / "whisper-base"
    write_openvino(read_checkpoint(whisper_base), folder, WeightFormat.INT8)
    return folder


@pytest.fixture(scope="session")
def whisper(whisper_folder: Path) -> WhisperOpenVinoEngine:
    """The real engine."""
    return WhisperOpenVinoEngine(whisper_folder, threads=2)


@pytest.fixture(scope="session")
def vad(model_store: Store) -> SileroVad:
    """The real VAD."""
    return SileroVad(model_store.files(find_model("silero-vad"))["silero_vad.onnx"])


@pytest.fixture
async def ears(moonshine: MoonshineEngine, vad: SileroVad) -> AsyncIterator[Ears]:
    """What sessions share, with the real engine and VAD."""
    async with ears_of(vad, moonshine) as ears:
        yield ears


@pytest.fixture
async def both_ears(
    whisper: WhisperOpenVinoEngine, moonshine: MoonshineEngine, vad: SileroVad
) -> AsyncIterator[Ears]:
    """The same, where Whisper decodes what counts and Moonshine is the quick engine."""
    async with ears_of(vad, whisper, moonshine) as ears:
        yield ears


@pytest.fixture
def log_output() -> Iterator[list[dict[str, Any]]]:
    """Every line that is logged during the test, as the logger was given it."""
    with structlog.testing.capture_logs() as lines:
        yield lines  # type: ignore[misc]  # MutableMapping, but dicts they are
