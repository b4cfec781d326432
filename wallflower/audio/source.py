"""What a source of sound gives: blocks with their place in time, and a state with its reason."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from wallflower.audio.pcm import SAMPLE_RATE, AudioError
from wallflower.events import SourceStatus


@dataclass(frozen=True, slots=True)
class SourceState:
    """How a source is, and why. reason: for the user, without secrets; may be empty."""

    status: SourceStatus
    reason: str = ""


OnState = Callable[[SourceState], None]
"""Told of each state that differs from the one before, on the loop. Must return at once."""


@dataclass(frozen=True, slots=True)
class SoundBlock:
    """A piece of sound. position: samples since the source's first sound, gaps included. samples: mono 16 kHz
    int16.

    Blocks do not overlap. Where one begins after the end of the one before, sound is missing in between.
    """

    position: int
    samples: NDArray[np.int16]

    @property
    def start(self) -> float:
        """Seconds since the source's first sound."""
        return self.position / SAMPLE_RATE

    @property
    def end(self) -> float:
        """Seconds since the source's first sound."""
        return (self.position + len(self.samples)) / SAMPLE_RATE


class SourceLostError(AudioError):
    """The sound broke off, or never began. lasting: trying again soon would not help."""

    def __init__(self, reason: str, *, lasting: bool = False) -> None:
        super().__init__(reason)
        self.lasting = lasting


class Source(Protocol):
    """A source of sound that is being listened to: a stream, a microphone, a client that brings its sound."""

    @property
    def state(self) -> SourceState:
        """How it is now."""
        ...

    @property
    def started_at(self) -> datetime | None:
        """When position 0 was, in UTC; None before the first sound.

        It follows the box's clock: when that is set anew, so is this. So add a block's start to it as soon
        as the block is here.
        """
        ...

    def blocks(self) -> AsyncGenerator[SoundBlock, None]:
        """The sound from now on, for one listener, who closes it (`contextlib.aclosing`).

        Nothing runs before, and nothing after. It outlives failures and pauses; it ends when the source has
        no more to give, such as a file at its end, whose state is then PAUSED. It may be called again after
        that. Where the sound breaks off, up to 2 s of silence follow, so that what was being said ends.
        """
        ...

    def pause(self, reason: str) -> None:
        """Stop listening until `resume`: the blocks wait meanwhile. reason: what the state will say."""
        ...

    def resume(self) -> None:
        """Listen again, if paused."""
        ...
