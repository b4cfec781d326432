"""When somebody has finished speaking, for clients that leave that to us."""

from dataclasses import dataclass
from typing import Literal

Sensitivity = Literal["relaxed", "default", "aggressive"]

SILENCE_SECONDS: dict[Sensitivity, float] = {"relaxed": 1.0, "default": 0.5, "aggressive": 0.3}
"""How long nobody must speak for the utterance to be over."""


@dataclass(frozen=True, slots=True)
class Endpointing:
    """When an utterance ends, in seconds.

    silence: after speech. nothing: when nobody spoke at all from the start. longest: at the latest.
    """

    silence: float = SILENCE_SECONDS["default"]
    nothing: float = 8.0
    longest: float = 30.0


def is_over(rules: Endpointing, *, heard: float, spoken: bool, silence: float) -> bool:
    """Whether the utterance is over. heard: seconds since its start. spoken: whether there was speech.
    silence: seconds since the last of it, or since the start.
    """
    if heard >= rules.longest:
        return True
    return silence >= (rules.silence if spoken else rules.nothing)
