"""What may be asked of the running daemon, and what comes of it."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.alerts.post_office import Memory
from tests.households import nobody
from tests.listening.made_sources import MadeSources
from wallflower.alerts.book import Book
from wallflower.audio.probe import Sound
from wallflower.bus import Bus
from wallflower.config import Options
from wallflower.config.chosen import with_choices
from wallflower.config.identity import Identity
from wallflower.controls import ControlError, Running, controls_of
from wallflower.engines.timings import FILE
from wallflower.errors import WallflowerError
from wallflower.events import SourceStatus
from wallflower.interfaces.mqtt.controls import Controls, SourceCard
from wallflower.listening.bulletin import Bulletin
from wallflower.listening.ears import Ears
from wallflower.listening.manner import Manner
from wallflower.listening.session import Session
from wallflower.listening.sources import Sources, opened


async def _unprobed(_url: str) -> Sound:
    return Sound("", 1, 16_000, finite=False)


def _keep_not(_heard: object) -> None:
    pass


async def _keep(_heard: object, _samples: object) -> None:
    pass


def _running(
    home: Path, ears: Ears, restarted: asyncio.Event, *sources: dict[str, str], **options: str
) -> Running:
    given = Options(**options)  # type: ignore[arg-type]
    bulletin = Bulletin(home)
    bulletin.about(ears.decoders)
    service = Sources(
        sources,
        ears=ears,
        bus=Bus(),
        keep=_keep,
        revise=_keep_not,
        household=nobody(),
        memory=Memory(),
        open_source=MadeSources(),
        probe=_unprobed,
    )
    rules = Book({}, Memory(), lambda _rules: None)
    identity, now = Identity("0123abcd", "Box"), datetime.now(UTC)
    return Running(given, given, home, identity, ears, bulletin, service, rules, now, restarted.set)


def _controls(home: Path, ears: Ears, restarted: asyncio.Event, **options: str) -> Controls:
    return controls_of(_running(home, ears, restarted, **options))


async def test_another_tier_is_kept_and_used_after_a_restart(tmp_path: Path, ears: Ears) -> None:
    restarted = asyncio.Event()
    controls = _controls(tmp_path, ears, restarted, policy="speed")
    assert controls.tier() == "speed"
    await controls.choose_tier("by power")
    await asyncio.wait_for(restarted.wait(), 10)
    assert with_choices(Options(policy="speed"), tmp_path).policy == ""


async def test_what_holds_already_restarts_nothing(tmp_path: Path, ears: Ears) -> None:
    restarted = asyncio.Event()
    await _controls(tmp_path, ears, restarted).choose_power("balanced")
    await asyncio.sleep(0.7)
    assert not restarted.is_set()


async def test_calibration_forgets_the_figures_and_restarts(tmp_path: Path, ears: Ears) -> None:
    (tmp_path / FILE).write_text('{"print": {"facts": {}}}')
    restarted = asyncio.Event()
    await _controls(tmp_path, ears, restarted).calibrate()
    await asyncio.wait_for(restarted.wait(), 10)
    assert (tmp_path / FILE).read_text() == "{}"


async def test_sources_and_their_alerts_are_seen_and_changed(tmp_path: Path, ears: Ears) -> None:
    running = _running(tmp_path, ears, asyncio.Event(), {"name": "Door", "url": "rtsp://camera/1"})
    controls = controls_of(running)
    async with opened(running.sources):
        assert controls.sources() == [SourceCard("door", "Door")]
        await controls.change_source("door", "silence_minutes", 2.5)
        await controls.change_source("door", "keywords", ("help", "fire, fire"))
        await controls.change_source("door", "sensitivity", "relaxed")
        await controls.change_source("door", "listening", False)
        assert controls.sources() == [
            SourceCard(
                "door",
                "Door",
                listening=False,
                silence_minutes=2.5,
                sensitivity="relaxed",
                keywords=("help", "fire, fire"),
            )
        ]
        assert controls.state("door") == (SourceStatus.PAUSED, "it is disabled")
        await controls.change_source("door", "silence_minutes", 0.0)
        await controls.change_source("door", "keywords", ())
        await controls.listen(True)
        assert controls.sources() == [SourceCard("door", "Door", sensitivity="relaxed")]
        assert running.rules.entries == {}


@pytest.mark.parametrize("everywhere", [True, False])
async def test_whether_a_sources_transcripts_are_kept(tmp_path: Path, ears: Ears, everywhere: bool) -> None:
    running = _running(tmp_path, ears, asyncio.Event(), {"name": "Door", "url": "rtsp://camera/1"})
    running = replace(running, options=replace(running.options, keep_transcripts=everywhere))
    async with opened(running.sources):
        (card,) = controls_of(running).sources()
        assert card.kept is everywhere


async def test_a_source_that_is_not_there_and_a_value_that_is_refused_change_nothing(
    tmp_path: Path, ears: Ears
) -> None:
    running = _running(tmp_path, ears, asyncio.Event(), {"name": "Door", "url": "rtsp://camera/1"})
    controls = controls_of(running)
    async with opened(running.sources):
        for slug, field, value in (
            ("hall", "silence_minutes", 1.0),
            ("door", "silence_minutes", -1.0),
            ("door", "keywords", ("",)),
            ("door", "sensitivity", "loud"),
        ):
            with pytest.raises(WallflowerError):
                await controls.change_source(slug, field, value)
        assert controls.sources() == [SourceCard("door", "Door")]


async def test_without_sources_there_is_nothing_to_listen_to(tmp_path: Path, ears: Ears) -> None:
    with pytest.raises(ControlError, match="no sources"):
        await _controls(tmp_path, ears, asyncio.Event()).listen(True)


async def test_a_named_model_is_not_measured(tmp_path: Path, ears: Ears) -> None:
    with pytest.raises(ControlError, match="moonshine-tiny-en"):
        await _controls(tmp_path, ears, asyncio.Event(), model="moonshine-tiny-en").calibrate()


async def test_the_vitals_know_how_quick_the_box_is(
    tmp_path: Path, ears: Ears, speech: NDArray[np.int16]
) -> None:
    controls = _controls(tmp_path, ears, asyncio.Event())
    before = await controls.vitals()
    assert before.real_time_factor is None
    session = Session(ears, Manner())
    await session.feed(speech[:64_000])
    await session.finish()
    await session.close()
    vitals = await controls.vitals()
    assert vitals.real_time_factor is not None
    assert 0 < vitals.real_time_factor < 5
    assert (vitals.engine, vitals.accelerator, vitals.model) == ("moonshine", "cpu", "moonshine-tiny-en")
    assert vitals.memory_mb > 20
