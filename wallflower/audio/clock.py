"""The audio clock of a live source, held to the wall clock: gaps are counted, what is too much is cut."""

from collections import deque
from dataclasses import dataclass

from wallflower.audio.pcm import SAMPLE_RATE

TOLERANCE_SECONDS = 0.35
"""How far the audio clock may be off before something is done: so it is never off by more than 0.5 s."""

CLOSING_SECONDS = 2.0
"""How much of a gap is filled with silence: enough for an utterance to end. The rest of it is skipped."""

_TOLERANCE = round(TOLERANCE_SECONDS * SAMPLE_RATE)
_CLOSING = round(CLOSING_SECONDS * SAMPLE_RATE)
_WINDOW_SECONDS = 2.0  # sound that was held up comes in a burst, which is over within that time


@dataclass(frozen=True, slots=True)
class Placed:
    """Where samples go, in samples since the first sound.

    silence: samples of silence at `gap`, before them. cut: samples to leave out, from their beginning.
    position: of what is left of them.
    """

    position: int
    gap: int = 0
    silence: int = 0
    cut: int = 0


class AudioClock:
    """Counts the samples of one source, at 16 kHz, from its first sound on. Its times are monotonic seconds.

    Sound that comes late is not yet missing: a network holds it up, and then gives all of it in a burst. What
    was late for all of the last 2 s is: by the least lateness in them, the clock is put forward. Sound that
    comes before it can have been recorded shows a fast camera (or twice the same sound), and is cut. After a
    connection was lost, what comes is placed by the wall clock at once.
    """

    def __init__(self) -> None:
        self.position = 0
        """Samples since the first sound: heard, filled and skipped."""
        self.missing = 0
        """Samples that were filled and skipped so far."""
        self.cut = 0
        """Samples that were left out so far."""
        self.origin: float | None = None
        """When position 0 was; None before the first sound."""
        self.broken = True
        """Whether there is no connection."""
        self._filled = 0  # samples of silence in the gap under way
        self._full_at = 0.0  # when the window under way will be as long as it must be
        self._lates: deque[tuple[float, int]] = deque()  # in it, in samples; before a lesser one, none
        self._late = 0  # the last

    def lag(self, now: float) -> float:
        """Seconds by which the audio clock is behind the wall clock; negative when it is ahead."""
        return 0.0 if self.origin is None else now - self.origin - self.position / SAMPLE_RATE

    def arrive(self, count: int, now: float) -> Placed:
        """What becomes of the next `count` samples, the last of which was recorded by now."""
        if self.origin is None:
            self.origin = now - count / SAMPLE_RATE
            self.broken = False
            self._begin_window(now, late=0)
        late = round(self.lag(now) * SAMPLE_RATE) - count
        gap, silence, cut = self.position, 0, 0
        if self.broken:
            silence = self._put_forward(max(0, late))
            late = min(0, late)
            self.broken = False
            self._begin_window(now, late)
        elif late > self._late + _TOLERANCE:  # held up: it is not known yet whether a burst follows
            self._begin_window(now, late)
        else:
            least = self._least(now, late)
            if now >= self._full_at and least > _TOLERANCE:
                silence = self._put_forward(least)
                late -= least
                self._begin_window(now, late)
        self._late = late
        if late < -_TOLERANCE:
            cut = min(count, -late - _TOLERANCE)
            self.cut += cut
        position = self.position
        self.position += count - cut
        self._filled = 0
        return Placed(position, gap, silence, cut)

    def break_off(self) -> None:
        """The connection is lost. What it still held will not come."""
        self.broken = True

    def idle(self, now: float) -> Placed | None:
        """The silence that is due while a connection is lost, if any. To be asked a few times a second."""
        late = round(self.lag(now) * SAMPLE_RATE) - _TOLERANCE
        if not self.broken or late <= 0 or self._filled >= _CLOSING:
            return None
        gap = self.position
        silence = self._put_forward(min(late, _CLOSING - self._filled))
        return Placed(self.position, gap, silence)

    def _put_forward(self, count: int) -> int:
        """How many of these samples are to be silence; the others are skipped."""
        silence = min(count, _CLOSING - self._filled)
        self._filled += silence
        self.position += count
        self.missing += count
        return silence

    def _begin_window(self, now: float, late: int) -> None:
        self._full_at = now + _WINDOW_SECONDS
        self._lates = deque([(now, late)])

    def _least(self, now: float, late: int) -> int:
        """The least lateness in the window, with this one."""
        while self._lates and self._lates[-1][1] >= late:
            self._lates.pop()
        self._lates.append((now, late))
        while self._lates[0][0] < now - _WINDOW_SECONDS:
            self._lates.popleft()
        return self._lates[0][1]
