"""Audio clock and wall clock over days of bad networks and bad cameras, in simulated time."""

import random
from dataclasses import dataclass

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wallflower.audio.clock import CLOSING_SECONDS, AudioClock
from wallflower.audio.pcm import SAMPLE_RATE

BLOCK = 3200
HOUR = 3600.0
SETTLING = 2.5
"""How long after a loss that nobody tells of sound may be placed too early: it could have been a stall."""


@dataclass(frozen=True)
class Weather:
    """What happens to a camera. drift: how much faster its clock is. Rates: times an hour."""

    drift: float = 0.0
    jitter: float = 0.0
    stalls: float = 0.0
    stall_seconds: float = 3.0
    outages: float = 0.0
    outage_seconds: float = 60.0
    losses: float = 0.0


@dataclass
class Outcome:
    """The largest errors in seconds: of the place of any sound; of the clock where the network is quiet."""

    placed: float = 0.0
    clock: float = 0.0
    overlaps: int = 0
    silence: float = 0.0
    cut: float = 0.0


def simulate(weather: Weather, hours: float, seed: int) -> Outcome:
    chance = random.Random(seed)
    clock, outcome = AudioClock(), Outcome()
    real = BLOCK / SAMPLE_RATE / (1 + weather.drift)  # how long a block of the camera takes in truth
    recorded, held_until, down_until, unsettled_until = 0.0, 0.0, 0.0, 0.0
    origin, end = None, 0
    while recorded < hours * HOUR:
        recorded += real
        if chance.random() < weather.losses * real / HOUR:  # sound that nobody tells to be missing
            recorded += chance.uniform(0, 5)
            unsettled_until = max(recorded, held_until) + SETTLING
        # The first sound of a connection comes at once: nothing could tell otherwise.
        if end and recorded - real >= down_until and chance.random() < weather.stalls * real / HOUR:
            held_until = max(held_until, recorded + chance.uniform(0, weather.stall_seconds))
            if recorded < unsettled_until:  # a loss may be told from a stall only when the sound flows
                unsettled_until = held_until + SETTLING
        if recorded >= max(down_until, held_until) and chance.random() < weather.outages * real / HOUR:
            down_until = recorded + chance.uniform(0, weather.outage_seconds)
            clock.break_off()
        if recorded < down_until:
            if placed := clock.idle(recorded):
                outcome.overlaps += placed.gap < end
                end = placed.gap + placed.silence
                outcome.silence += placed.silence / SAMPLE_RATE
            continue
        now = max(recorded + chance.uniform(0, weather.jitter), held_until)
        placed = clock.arrive(BLOCK, now)
        origin = now - BLOCK / SAMPLE_RATE if origin is None else origin
        outcome.overlaps += placed.gap < end or placed.position < placed.gap + placed.silence
        end = placed.position + BLOCK - placed.cut
        outcome.silence += placed.silence / SAMPLE_RATE
        outcome.cut += placed.cut / SAMPLE_RATE
        assert end == clock.position
        if recorded > unsettled_until and placed.cut < BLOCK:
            outcome.placed = max(outcome.placed, abs(origin + end / SAMPLE_RATE - recorded))
            if held_until < recorded:
                outcome.clock = max(outcome.clock, abs(clock.lag(now)))
    return outcome


@pytest.mark.parametrize(
    "weather",
    [
        Weather(),
        Weather(jitter=0.1),
        Weather(drift=0.001, jitter=0.05),
        Weather(drift=-0.001, jitter=0.05),
        Weather(jitter=0.1, stalls=60, stall_seconds=8),
        Weather(jitter=0.1, outages=10),
        Weather(drift=2e-4, jitter=0.1, stalls=30, outages=5, outage_seconds=600, losses=10),
    ],
    ids=["calm", "jitter", "fast", "slow", "stalls and bursts", "outages", "all of it"],
)
def test_within_half_a_second_over_24_hours(weather: Weather) -> None:
    outcome = simulate(weather, 24, seed=5)
    assert outcome.placed <= 0.5
    assert outcome.clock <= 0.5
    assert outcome.overlaps == 0


@example(Weather(drift=-0.001953125, stalls=2.0, stall_seconds=0.0, losses=13.0), 706281)
@settings(max_examples=30)
@given(
    st.builds(
        Weather,
        drift=st.floats(-0.003, 0.003),
        jitter=st.floats(0, 0.1),
        stalls=st.floats(0, 120),
        stall_seconds=st.floats(0, 10),
        outages=st.floats(0, 60),
        outage_seconds=st.floats(0, 300),
        losses=st.floats(0, 30),
    ),
    st.integers(0, 2**32),
)
def test_within_half_a_second_in_any_weather(weather: Weather, seed: int) -> None:
    outcome = simulate(weather, 0.5, seed)
    assert outcome.placed <= 0.5
    assert outcome.clock <= 0.5
    assert outcome.overlaps == 0


def test_a_burst_after_a_stall_loses_nothing() -> None:
    outcome = simulate(Weather(stalls=60, stall_seconds=8), 2, seed=1)
    assert outcome.cut == 0
    assert outcome.silence == 0


def test_a_lost_connection_is_followed_by_two_seconds_of_silence_and_no_more() -> None:
    clock = AudioClock()
    clock.arrive(SAMPLE_RATE, 1.0)
    assert clock.idle(10.0) is None  # late, but not lost
    clock.break_off()
    silences = [placed for tenth in range(100) if (placed := clock.idle(1.0 + tenth / 10))]
    assert sum(placed.silence for placed in silences) == CLOSING_SECONDS * SAMPLE_RATE
    assert silences[0].gap == SAMPLE_RATE
    placed = clock.arrive(BLOCK, 61.0)
    assert (placed.position, placed.silence) == (61 * SAMPLE_RATE - BLOCK, 0)
    assert clock.missing == 60 * SAMPLE_RATE - BLOCK


def test_a_short_break_is_filled_whole() -> None:
    clock = AudioClock()
    clock.arrive(SAMPLE_RATE, 1.0)
    clock.break_off()
    placed = clock.arrive(BLOCK, 1.6)
    assert (placed.gap, placed.silence, placed.position) == (16000, 6400, 22400)


def test_before_the_first_sound_there_is_no_time() -> None:
    clock = AudioClock()
    clock.break_off()
    assert clock.idle(5.0) is None
    assert (clock.lag(5.0), clock.origin) == (0.0, None)
