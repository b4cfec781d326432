"""Stepping down and up again, with readings and a clock that the test sets."""

import asyncio
from collections.abc import Iterable

from wallflower.events import PowerStep
from wallflower.hardware.heat import Reading
from wallflower.hardware.power import PROFILES, Profile, stepped
from wallflower.listening.heat_watch import watch_heat

_PROFILE = PROFILES["balanced"]


async def _watched(readings: Iterable[Reading]) -> tuple[list[Profile], list[PowerStep]]:
    """What is used and told as the box gives these readings, 30 s apart, and then nothing for ten minutes."""
    used: list[Profile] = []
    told: list[PowerStep] = []
    given = iter([*readings, *[Reading()] * 20])
    now = 0.0

    def read() -> Reading:
        nonlocal now
        now += 30
        return next(given)

    async def use(profile: Profile) -> None:
        used.append(profile)

    watching = watch_heat(_PROFILE, use, told.append, read=read, clock=lambda: now, every=0)
    await asyncio.wait_for(watching, 20)
    return used, told


async def test_a_cool_box_is_left_alone() -> None:
    assert await _watched([Reading(50, 85)] * 10) == ([], [])


async def test_a_box_that_tells_nothing_is_not_watched() -> None:
    assert await _watched([]) == ([], [])


async def test_down_step_by_step_and_up_again() -> None:
    used, told = await _watched([Reading(80, 85)] * 4 + [Reading(50, 85)] * 16)
    assert [each.step for each in told] == [1, 2, 3, 2, 1, 0]
    assert used == [stepped(_PROFILE, each.step) for each in told]
    assert used[-1] == _PROFILE
    assert told[0].reason == "80 °C, the limit is 85 °C"


async def test_at_the_limit_at_once() -> None:
    used, told = await _watched([Reading(50, 85), Reading(86, 85)])
    assert (told[0].step, used[0]) == (3, stepped(_PROFILE, 3))


async def test_a_sensor_that_fails_does_not_hold_the_box_down() -> None:
    _, told = await _watched([Reading(80, 85)])
    assert [each.step for each in told] == [1, 0]
