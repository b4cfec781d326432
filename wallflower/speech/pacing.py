"""How often the words of somebody who is still speaking are decoded: as often as the box can afford."""

from dataclasses import dataclass

SLOWEST_FACTOR = 0.25
"""An engine that takes more of the sound's length than this is too slow for partials."""
_GIVE_UP = 3
"""After so many that were too slow in a row there are none for the rest of the utterance."""


@dataclass(slots=True)
class PartialCounts:
    """Of all sessions: partials that were decoded, those put off because the lane was busy or the sound was
    ahead of the decoding, and utterances that have no more of them because the engine was too slow.
    """

    decoded: int = 0
    put_off: int = 0
    given_up: int = 0


class Pace:
    """The pace of one utterance's partials with one engine. Times are in seconds."""

    def __init__(self, *, every: float, share: float, counts: PartialCounts, forgives: bool = False) -> None:
        """every: sound between two partials. share: of the lane's time that they may take, at most.
        forgives: whether an engine that was too slow is tried again in the next segment.
        """
        self._forgives = forgives
        self._every = every
        self._share = share
        self._counts = counts
        self._last_sound = 0.0
        self._left_out = 0.0  # the length of the sound at the last one that was left out
        self._not_before = 0.0
        self._slow = 0
        self._was_put_off = False

    def may(self, *, now: float, sound: float, lane_share: float) -> bool:
        """Whether to decode now. sound: length of the segment so far. lane_share: of the lane's recent time
        that all partials took.
        """
        if self._slow >= _GIVE_UP or sound - self._last_sound < self._every:
            return False
        if now < self._not_before or lane_share > self._share:
            self._counts.put_off += not self._was_put_off
            self._was_put_off = True
            return False
        self._last_sound = sound
        self._was_put_off = False
        return True

    def leave_out(self, *, sound: float) -> None:
        """The sound is ahead of the decoding: the partial that is due, if one is, would be late at once."""
        if self._slow < _GIVE_UP and sound - max(self._last_sound, self._left_out) >= self._every:
            self._left_out = sound
            self._counts.put_off += 1

    def took(self, *, now: float, work: float, sound: float) -> None:
        """A partial of so much sound was decoded within `work`, waiting included."""
        self._counts.decoded += 1
        self._not_before = now + work * (1 / self._share - 1)
        slow = work > SLOWEST_FACTOR * max(sound, 1.0)
        self._slow = self._slow + 1 if slow else 0
        if self._slow == _GIVE_UP:
            self._counts.given_up += 1

    def restart(self) -> None:
        """A new segment begins."""
        self._last_sound = self._left_out = 0.0
        if self._forgives:
            self._slow = 0
