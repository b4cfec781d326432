"""How much of the box to use: a profile that the user chooses, and steps down from it as the box gets hot."""

import os
from dataclasses import dataclass, replace
from typing import Literal

from wallflower.config import Options
from wallflower.hardware.heat import Reading

ProfileName = Literal["performance", "balanced", "powersave"]
Tier = Literal["accuracy", "balanced", "speed"]

LAST_STEP = 3
_DEFAULT_LIMIT_CELSIUS = 85.0


@dataclass(frozen=True, slots=True)
class Profile:
    """How much of the box to use.

    most_threads: threads for a model, at most. of_cores: and this share of the cores, at least one thread.
    partial_factor: by how much partials come less often than they could; 0: no partials. tier: the policy by
    which models are chosen when the user names none.
    """

    most_threads: int
    of_cores: float
    partial_factor: float
    tier: Tier


PROFILES: dict[ProfileName, Profile] = {
    "performance": Profile(most_threads=8, of_cores=1.0, partial_factor=1.0, tier="accuracy"),
    "balanced": Profile(most_threads=4, of_cores=1.0, partial_factor=1.0, tier="balanced"),
    "powersave": Profile(most_threads=2, of_cores=0.5, partial_factor=3.0, tier="speed"),
}


@dataclass(frozen=True, slots=True)
class Limits:
    """When to step.

    margin_celsius: this far below the kernel's limit it is too hot. gap_celsius: this far below that it is
    cool again; between the two nothing changes. down_seconds, up_seconds: how long a step is given to show
    its effect before the next one down, or back up.
    """

    margin_celsius: float = 7.0
    gap_celsius: float = 8.0
    down_seconds: float = 20.0
    up_seconds: float = 120.0


_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class HeatState:
    """Where we are.

    step: 0 is all that the profile allows, LAST_STEP is the least. since: when it was entered, in seconds of
    any clock that only goes forward. reason: why, for people; empty at the start.
    """

    step: int = 0
    since: float = float("-inf")
    reason: str = ""


def next_state(state: HeatState, reading: Reading, now: float, limits: Limits = _LIMITS) -> HeatState:
    """The state that follows from a reading at `now`; the same one where nothing is to change.

    One step at a time, so that each can take effect; but the last one at once when the kernel's own limit is
    reached. Without a temperature only the throttling counts, without either nothing does.
    """
    limit = _DEFAULT_LIMIT_CELSIUS if reading.limit_celsius is None else reading.limit_celsius
    hot = limit - limits.margin_celsius
    celsius = reading.celsius
    slowed = bool(reading.throttled)
    in_step = now - state.since
    if celsius is not None and celsius >= limit and state.step < LAST_STEP:
        return HeatState(LAST_STEP, now, f"{celsius:.0f} °C, the limit is {limit:.0f} °C")
    if slowed or (celsius is not None and celsius >= hot):
        if state.step >= LAST_STEP or in_step < limits.down_seconds:
            return state
        reason = "the processor is throttled" if slowed else f"{celsius:.0f} °C, the limit is {limit:.0f} °C"
        return HeatState(state.step + 1, now, reason)
    cool = celsius is None or celsius <= hot - limits.gap_celsius
    if state.step and cool and in_step >= limits.up_seconds:
        reason = "no longer throttled" if celsius is None else f"{celsius:.0f} °C, cool again"
        return HeatState(state.step - 1, now, reason)
    return state


def stepped(profile: Profile, step: int) -> Profile:
    """What is left of a profile at a step: first fewer partials, then none and half the threads, then the
    quickest model, too.
    """
    if step <= 0:
        return profile
    if step == 1:
        return replace(profile, partial_factor=profile.partial_factor * 2)
    halved = replace(profile, most_threads=max(1, profile.most_threads // 2), partial_factor=0.0)
    return halved if step < LAST_STEP else replace(halved, tier="speed")


def threads_for(profile: Profile, usable_cores: int) -> int:
    """Threads for a model on a box where this process may use so many cores; at least one."""
    return max(1, min(profile.most_threads, int(usable_cores * profile.of_cores)))


def profile_of(options: Options) -> Profile:
    """How much of the box the options allow; a policy that they name takes the place of the profile's own."""
    profile = next(profile for name, profile in PROFILES.items() if name == options.power)
    named: dict[str, Tier] = {each.tier: each.tier for each in PROFILES.values()}
    return replace(profile, tier=named.get(options.policy, profile.tier))


def threads_of(options: Options, profile: Profile | None = None) -> int:
    """Threads for a model: as the options say; else as `profile` has it, or the one that the options name."""
    if options.threads:
        return options.threads
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return threads_for(profile or profile_of(options), usable)
