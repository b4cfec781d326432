"""What may be asked of the running daemon, and what comes of it."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from wallflower.config import Options
from wallflower.config.chosen import with_choices
from wallflower.config.identity import Identity
from wallflower.controls import ControlError, Running, controls_of
from wallflower.engines.timings import FILE
from wallflower.interfaces.mqtt.controls import Controls
from wallflower.listening.bulletin import Bulletin
from wallflower.listening.ears import Ears
from wallflower.listening.manner import Manner
from wallflower.listening.session import Session


def _controls(home: Path, ears: Ears, restarted: asyncio.Event, **options: str) -> Controls:
    given = Options(**options)  # type: ignore[arg-type]
    bulletin = Bulletin(home)
    bulletin.about(ears.decoders)
    identity, now = Identity("0123abcd", "Box"), datetime.now(UTC)
    return controls_of(Running(given, given, home, identity, ears, bulletin, now, restarted.set))


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


async def test_no_sources_yet(tmp_path: Path, ears: Ears) -> None:
    controls = _controls(tmp_path, ears, asyncio.Event())
    assert controls.sources() == ()
    with pytest.raises(ControlError):
        await controls.listen(True)


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
