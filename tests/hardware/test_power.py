"""Profiles, and stepping down in time and back up without flapping."""

import itertools
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallflower.config import Options
from wallflower.hardware.heat import Reading
from wallflower.hardware.power import (
    LAST_STEP,
    PROFILES,
    HeatState,
    Limits,
    next_state,
    profile_of,
    stepped,
    threads_for,
    threads_of,
)

LIMITS = Limits(margin_celsius=7, gap_celsius=8, down_seconds=20, up_seconds=120)

# A Raspberry Pi 5 without a fan under steady load, a reading every 20 s: up to its soft limit of 85 °C.
PI_GETS_HOT = [52.1, 60.4, 66.9, 71.3, 74.6, 76.8, 78.5, 79.6, 80.1, 79.0, 77.4, 75.7, 73.9]


def steps(readings: list[Reading], *, every: float = 20.0, state: HeatState | None = None) -> list[int]:
    """The step after each reading."""
    state = state or HeatState()
    taken = []
    for index, reading in enumerate(readings):
        state = next_state(state, reading, index * every, LIMITS)
        taken.append(state.step)
    return taken


def test_a_pi_without_a_fan() -> None:
    taken = steps([Reading(celsius, 85.0) for celsius in PI_GETS_HOT])
    assert taken == [0, 0, 0, 0, 0, 0, 1, 2, 3, 3, 3, 3, 3]  # from 78 °C, before 85


def test_between_the_marks_nothing_changes() -> None:
    for step in range(LAST_STEP + 1):
        assert set(steps([Reading(74, 85)] * 50, state=HeatState(step, 0))) == {step}


def test_it_comes_back_slowly() -> None:
    taken = steps([Reading(60, 85)] * 20, state=HeatState(3, 0))
    assert taken == [3] * 6 + [2] * 6 + [1] * 6 + [0] * 2


def test_at_the_kernels_limit_it_takes_the_last_step_at_once() -> None:
    state = next_state(HeatState(0, 0), Reading(86, 85), 1.0, LIMITS)
    assert state.step == LAST_STEP
    assert state.reason == "86 °C, the limit is 85 °C"
    assert next_state(state, Reading(86, 85), 2.0, LIMITS) is state


def test_throttling_counts_without_a_temperature() -> None:
    assert steps([Reading(throttled=True)] * 4) == [1, 2, 3, 3]
    assert steps([Reading(throttled=False)] * 7, state=HeatState(1, 0))[-1] == 0
    assert "throttled" in next_state(HeatState(), Reading(40, 85, throttled=True), 0).reason


def test_a_box_that_tells_nothing_stays() -> None:
    assert steps([Reading()] * 100) == [0] * 100


def test_without_a_limit_from_the_kernel() -> None:
    assert steps([Reading(77)]) == [0]
    assert steps([Reading(78)]) == [1]


@given(st.lists(st.floats(20, 110), max_size=60))
def test_it_never_flaps(temperatures: list[float]) -> None:
    state, entered = HeatState(), float("-inf")
    for index, celsius in enumerate(temperatures):
        now = index * 5.0
        after = next_state(state, Reading(celsius, 85), now, LIMITS)
        assert 0 <= after.step <= LAST_STEP
        if after.step < state.step:
            assert after.step == state.step - 1
            assert now - entered >= LIMITS.up_seconds
        if after.step != state.step:
            entered = now
            assert after.reason
        state = after


def test_each_step_uses_less() -> None:
    for profile in PROFILES.values():
        uses = [stepped(profile, step) for step in range(LAST_STEP + 1)]
        assert uses[0] == profile
        for more, less in itertools.pairwise(uses):
            assert less.most_threads <= more.most_threads
        assert uses[1].partial_factor > profile.partial_factor
        assert uses[2].partial_factor == 0
        assert uses[2].most_threads == max(1, profile.most_threads // 2)
        assert uses[3].tier == "speed"


@pytest.mark.parametrize(
    ("cores", "performance", "balanced", "powersave"),
    [(1, 1, 1, 1), (2, 2, 2, 1), (4, 4, 4, 2), (32, 8, 4, 2)],
)
def test_threads(cores: int, performance: int, balanced: int, powersave: int) -> None:
    assert threads_for(PROFILES["performance"], cores) == performance
    assert threads_for(PROFILES["balanced"], cores) == balanced
    assert threads_for(PROFILES["powersave"], cores) == powersave


def test_threads_as_asked_else_by_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    assert threads_of(Options(threads=7)) == 7
    assert 1 <= threads_of(Options()) <= min(4, os.cpu_count() or 1)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)  # a system that tells no affinity
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert threads_of(Options()) == 4
    assert threads_of(Options(power="performance")) == 6
    assert threads_of(Options(power="powersave")) == 2
    assert threads_of(Options(), stepped(PROFILES["balanced"], 2)) == 2


def test_a_policy_that_is_named_holds_whatever_the_power() -> None:
    assert profile_of(Options(power="powersave")) == PROFILES["powersave"]
    profile = profile_of(Options(power="powersave", policy="accuracy"))
    assert (profile.tier, profile.most_threads) == ("accuracy", PROFILES["powersave"].most_threads)
    assert stepped(profile, LAST_STEP).tier == "speed"
