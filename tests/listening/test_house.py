"""All of it together: a real RTSP server, the real engine, the bus and the database."""

import asyncio
import contextlib
import dataclasses
import shutil
import socket
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.households import household_of, nobody
from wallflower.bus import Bus
from wallflower.config import Options
from wallflower.errors import WallflowerError
from wallflower.events import BusEvent, Heard, SourceChanged, SourceStatus, SpeakerChanged
from wallflower.listening.desk import Desk
from wallflower.listening.ears import Ears
from wallflower.listening.house import House, open_house
from wallflower.listening.household import open_household
from wallflower.listening.source_states import kept_states
from wallflower.listening.voices import Voices
from wallflower.models.fetching import Fetcher
from wallflower.models.store import Store
from wallflower.speakers.diarizer import SpeakerModels
from wallflower.speech.vad import SileroVad
from wallflower.storage.database import DATABASE_NAME, reading
from wallflower.storage.recorder import Recorder
from wallflower.storage.search import Query, stream
from wallflower.storage.sounds import SOUNDS_NAME, Sounds

_PYTHON = "/usr/bin/python3"  # the system's has GStreamer's bindings
_SERVER = Path(__file__).parents[1] / "audio" / "rtsp_server.py"

T = TypeVar("T")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def talk(speech: NDArray[np.int16], tmp_path: Path) -> Path:
    """A second of silence, five of speech, and silence after it."""
    path = tmp_path / "talk.wav"
    pause = np.zeros(16_000, np.int16)
    with wave.open(str(path), "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(16_000)
        wav.writeframes(np.concatenate([pause, speech[: 5 * 16_000], *[pause] * 30]).tobytes())
    return path


@asynccontextmanager
async def _camera(port: int, talk: Path) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        _PYTHON, str(_SERVER), str(port), f"door={talk}",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    if (await process.stdout.readline()).strip() != b"ready":
        pytest.skip("there is no RTSP server here")
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


class Watch:
    """What the bus carried."""

    def __init__(self, events: AsyncIterator[BusEvent]) -> None:
        self.seen: list[BusEvent] = []
        self._events = events

    async def next(self, kind: type[T], status: SourceStatus | None = None) -> T:
        """The next event of this kind."""
        async with asyncio.timeout(120):
            async for event in self._events:
                self.seen.append(event)
                if isinstance(event, kind) and (status is None or getattr(event, "status", None) is status):
                    return event
        raise AssertionError


@asynccontextmanager
async def _house(ears: Ears, home: Path, **options: object) -> AsyncIterator[tuple[House, Watch]]:
    bus = Bus()
    with bus.subscribe("test") as subscription:
        events = subscription.events()
        async with open_house(Options(**options), home, ears, bus, nobody(), bus.publish) as house:  # type: ignore[arg-type]
            yield house, Watch(events)


async def _stored(home: Path) -> list[tuple[int, str]]:
    async with reading(home / DATABASE_NAME) as db:
        rows = await db.execute_fetchall("SELECT id, text FROM utterances ORDER BY id")
        return [(row[0], row[1]) for row in rows]


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="there is no ffmpeg here")
async def test_words_of_a_camera_that_goes_and_comes_back(ears: Ears, talk: Path, tmp_path: Path) -> None:
    port = _free_port()
    door = {"name": "Door", "url": f"rtsp://127.0.0.1:{port}/door"}
    heard: list[Heard] = []
    after: list[timedelta] = []

    async def words(watch: Watch) -> None:
        """From the connection to the first words."""
        begun: datetime = (await watch.next(SourceChanged, SourceStatus.HEALTHY)).at
        heard.append(await watch.next(Heard))
        after.append(heard[-1].start - begun)

    async with _house(ears, tmp_path, sources=[door]) as (house, watch):
        async with _camera(port, talk):
            await words(watch)
        lost = await watch.next(SourceChanged)
        assert lost.status is not SourceStatus.HEALTHY
        async with _camera(port, talk):
            await house.sources.restart("door")  # or it would be tried after a pause
            await words(watch)
            await house.recorder.flush()
    first, second = heard
    assert all("best of times" in each.text for each in heard)
    assert abs(after[0] - after[1]) < timedelta(seconds=1.5)
    assert timedelta(seconds=3) < first.end - first.start < timedelta(seconds=6)
    assert second.start > first.end
    assert await _stored(tmp_path) == [(each.id, each.text) for each in heard]


async def test_sound_that_a_client_brings(ears: Ears, speech: NDArray[np.int16], tmp_path: Path) -> None:
    async with _house(ears, tmp_path, sources=[{"name": "Phone", "url": "push"}]) as (house, watch):
        for _ in range(500):  # until it listens
            if house.sources.get("phone").state.status is not SourceStatus.PAUSED:
                break
            await asyncio.sleep(0.01)
        for start in range(0, 5 * 16_000, 8000):
            await house.sources.push("phone", speech[start : start + 8000].tobytes())
        heard = await watch.next(Heard)
        assert "best of times" in heard.text
    assert await _stored(tmp_path) == [(heard.id, heard.text)]


async def test_where_nothing_is_to_be_kept_nothing_is(
    ears: Ears, speech: NDArray[np.int16], tmp_path: Path
) -> None:
    sources = [{"name": "Phone", "url": "push"}]
    async with _house(ears, tmp_path, sources=sources, keep_transcripts=False) as (house, watch):
        await asyncio.sleep(0.1)
        for start in range(0, 5 * 16_000, 8000):
            await house.sources.push("phone", speech[start : start + 8000].tobytes())
        await watch.next(Heard)
    assert await _stored(tmp_path) == []


async def test_how_the_sources_are_can_be_seen_from_outside(ears: Ears, tmp_path: Path) -> None:
    off = {"name": "Off", "url": "mic", "enabled": False}
    async with _house(ears, tmp_path, sources=[off]):
        for _ in range(500):
            if (states := kept_states(tmp_path)) is not None:
                break
            await asyncio.sleep(0.01)
        assert states is not None
        assert states["off"]["status"] == "paused"
    assert kept_states(tmp_path) is None


async def test_a_disk_that_cannot_be_written_does_not_end_the_listening(ears: Ears, tmp_path: Path) -> None:
    (tmp_path / DATABASE_NAME).mkdir()
    off = {"name": "Off", "url": "mic", "enabled": False}
    async with _house(ears, tmp_path, sources=[off]) as (house, _watch):
        assert house.recorder.condition.failing
        assert [view.configured.slug for view in house.sources.list()] == ["off"]


async def test_a_file_outside_the_folders_is_no_source(ears: Ears, talk: Path, tmp_path: Path) -> None:
    talk_ = {"name": "Talk", "url": talk.as_uri()}
    async with _house(ears, tmp_path, sources=[talk_]) as (house, _watch):
        state = house.sources.get("talk").state
        assert state.status is SourceStatus.FAILED
        assert "outside the allowed folders" in state.reason
    async with _house(ears, tmp_path, sources=[talk_], source_folders=[str(talk.parent)]) as (house, _watch):
        assert (
            dataclasses.replace(house.sources.get("talk").state, reason="").status is not SourceStatus.FAILED
        )


async def _stored_speakers(home: Path) -> list[tuple[str, str]]:
    async with reading(home / DATABASE_NAME) as db:
        return [(each.text, each.speaker_name) async for each in stream(db, Query())]


async def test_who_speaks_is_kept_with_the_words(
    ears: Ears, voice: NDArray[np.int16], tmp_path: Path, speaker_models: SpeakerModels
) -> None:
    bus = Bus()
    household = household_of(tmp_path / DATABASE_NAME, speaker_models, bus.publish)
    options = Options(sources=[{"name": "Phone", "url": "push"}])
    with bus.subscribe("test") as subscription:
        watch = Watch(subscription.events())
        async with open_house(options, tmp_path, ears, bus, household, bus.publish) as house:
            await asyncio.sleep(0.1)
            sound = np.concatenate([voice[: 7 * 16_000], np.zeros(40_000, np.int16)])
            for start in range(0, len(sound), 8000):
                await house.sources.push("phone", sound[start : start + 8000].tobytes())
            heard = await watch.next(Heard)
            changed = await watch.next(SpeakerChanged) if heard.speaker is None else None
    assert await _stored_speakers(tmp_path) == [(heard.text, "Speaker 1")]
    assert changed is None or changed.source == "phone"


async def test_the_models_are_fetched_when_a_source_wants_them(
    ears: Ears, speaker_store: Store, voice: NDArray[np.int16], tmp_path: Path
) -> None:
    bus = Bus()
    options = Options(
        sources=[{"name": "Phone", "url": "push"}], data_dir=str(speaker_store.root.parent), offline=True
    )
    async with open_household(options, tmp_path, ears, bus.publish) as household:
        await asyncio.sleep(0.05)
        assert household.voices.models is None
        async with open_house(options, tmp_path, ears, bus, household, bus.publish) as house:
            await asyncio.sleep(0.1)
            await house.sources.push("phone", voice[:16_000].tobytes())
            async with asyncio.timeout(60):
                while household.voices.models is None:
                    await asyncio.sleep(0.05)


async def test_without_any_model_that_is_said_once(
    ears: Ears, tmp_path: Path, log_output: list[dict[str, Any]]
) -> None:
    options = Options(data_dir=str(tmp_path), offline=True)
    async with open_household(options, tmp_path, ears, lambda _event: None) as household:
        await household.voices.settled()
        await household.voices.settled()
        assert household.voices.models is None
        assert "offline" in household.voices.problem
        recorder = Recorder(tmp_path / DATABASE_NAME, lambda _happening: None)
        await recorder.flush()
        with pytest.raises(WallflowerError, match="no voice can be learnt here"):
            await Desk(tmp_path, household, recorder, Sounds(tmp_path / SOUNDS_NAME)).enrol(
                "Anna", np.zeros(16_000, np.int16)
            )
    said = [line for line in log_output if line["event"] == "speakers are not told apart"]
    assert len(said) == 1


async def test_models_that_could_not_be_had_are_tried_again(
    vad: SileroVad, speaker_store: Store, tmp_path: Path, log_output: list[dict[str, Any]]
) -> None:
    voices = Voices()
    store = Store(tmp_path / "models")
    loading = asyncio.create_task(voices.load(Fetcher(store, offline=True), vad, first_pause=0.05))
    await voices.settled()
    at_first = voices.models
    assert at_first is None
    await asyncio.sleep(0.2)
    shutil.rmtree(store.root, ignore_errors=True)
    store.root.symlink_to(speaker_store.root)
    async with asyncio.timeout(30):
        await loading
    assert voices.models is not None
    assert voices.problem == ""
    said = [line["event"] for line in log_output if "told apart" in line["event"]]
    assert said == ["speakers are not told apart", "speakers are told apart"]
    voices.close()
