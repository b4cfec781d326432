"""The load of a worker, on a clock of its own."""

import pytest

from wallflower.engines.lane_counts import Load
from wallflower.engines.lane_jobs import Priority


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_an_idle_worker_has_no_load() -> None:
    clock = Clock()
    load = Load(clock=clock)
    clock.now = 10
    assert (load.busy, load.partials) == (0, 0)


def test_shares_follow_what_the_worker_does_and_are_forgotten() -> None:
    clock = Clock()
    load = Load(clock=clock)
    for _ in range(400):  # of each second a half for partials, a quarter for finals
        load.begin(Priority.AMBIENT_PARTIAL)
        clock.now += 0.05
        load.end()
        load.begin(Priority.VOICE_FINAL)
        clock.now += 0.025
        load.end()
        clock.now += 0.025
    assert load.busy == pytest.approx(0.75, abs=0.01)
    assert load.partials == pytest.approx(0.5, abs=0.01)
    clock.now += 60
    assert load.busy < 0.001
    assert load.partials < 0.001


def test_a_job_under_way_counts() -> None:
    clock = Clock()
    load = Load(clock=clock)
    load.begin(Priority.BATCH)
    clock.now = 30
    assert load.busy > 0.99
    assert load.partials == 0
