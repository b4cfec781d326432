"""Cutting a stream of speech probabilities into segments that an engine decodes in one piece.

A segment begins a little before speech and ends a little after it. Short pauses stay inside, because
the model reads better with its context; a long pause ends the segment. Past a comfortable length
the next short pause ends it too, and at the model's limit it is cut where speech is least likely.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from wallflower.audio.pcm import SAMPLE_RATE
from wallflower.speech.vad import FRAME_SAMPLES

FRAME_SECONDS = FRAME_SAMPLES / SAMPLE_RATE


def _frames(seconds: float) -> int:
    return max(1, round(seconds / FRAME_SECONDS))


@dataclass(frozen=True, slots=True)
class Segmenting:
    """How segments are cut. Probabilities are those of the VAD, durations are in seconds."""

    threshold: float = 0.35
    """From here on a frame is speech."""
    shortest_speech: float = 0.128
    """Speech must last this long to begin a segment: a click of the lips does not."""
    lead: float = 0.3
    """Sound kept before the first frame of speech."""
    tail: float = 0.3
    """Sound kept after the last frame of speech."""
    long_pause: float = 1.5
    """A silence of this length ends any segment."""
    comfortable: float = 12.0
    """From this length on, a short pause ends the segment."""
    short_pause: float = 0.3
    """A silence of this length is a short pause."""
    longest: float = 28.0
    """No segment is longer than this; it is cut at its quietest frame."""
    overlap: float = 1.0
    """Sound that both sides of a cut have, where it may have gone through a word."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of sound to decode, in samples from the start of the session: [start, end).

    spoken: the sample after the last speech in it. overlaps: whether it begins with the end of the segment
    before it, because the cut may have gone through a word; cut: whether the next one does so.
    """

    start: int
    end: int
    spoken: int
    overlaps: bool = False
    cut: bool = False


class Segmenter:
    """Turns speech probabilities, one a frame and in order, into segments. Holds no sound."""

    def __init__(self, settings: Segmenting | None = None) -> None:
        settings = settings or Segmenting()
        self._settings = settings
        self._onset = _frames(settings.shortest_speech)
        self._lead = _frames(settings.lead)
        self._tail = _frames(settings.tail)
        self._long_pause = _frames(settings.long_pause)
        self._comfortable = _frames(settings.comfortable)
        self._short_pause = _frames(settings.short_pause)
        self._longest = _frames(settings.longest)
        self._frame = 0  # the next frame to come
        self._free = 0  # the first frame that no finished segment has taken
        self._run = 0  # frames of speech in a row, outside a segment
        self._half_overlap = _frames(settings.overlap / 2)
        self._start: int | None = None  # the first frame of the segment under way
        self._overlaps = False
        self._last_speech = 0
        self._has_spoken = False
        self._probabilities: list[float] = []  # of the segment under way

    @property
    def under_way(self) -> Segment | None:
        """The segment under way, up to now; None while nobody speaks."""
        if self._start is None:
            return None
        end = min(self._frame, self._last_speech + 1 + self._tail)
        return self._segment(self._start, end)

    @property
    def silence(self) -> float:
        """Seconds since the last speech, or since the start."""
        last = self._last_speech + 1 if self._has_spoken else 0
        return (self._frame - last) * FRAME_SECONDS

    @property
    def has_spoken(self) -> bool:
        """Whether there was speech."""
        return self._has_spoken

    @property
    def needed_from(self) -> int:
        """The first sample that a coming segment can still begin at: older sound may be dropped."""
        if self._start is not None:
            return self._start * FRAME_SAMPLES
        return max(self._free, self._frame - self._onset - self._lead) * FRAME_SAMPLES

    def feed(self, probabilities: Iterable[float]) -> list[Segment]:
        """Take the probabilities of the next frames; return the segments that these complete."""
        done = []
        for probability in probabilities:
            segment = self._step(probability)
            if segment is not None:
                done.append(segment)
        return done

    def finish(self) -> list[Segment]:
        """End the stream: the segment under way, if there is one."""
        return [] if self._start is None else [self._close(self._last_speech + 1 + self._tail)]

    def skip_to(self, frame: int) -> None:
        """After `finish`: the next frame is this one; no segment reaches over what was left out."""
        self._frame = self._free = frame
        self._run = 0

    def _step(self, probability: float) -> Segment | None:
        here = self._frame
        self._frame += 1
        if self._start is None:
            self._run = self._run + 1 if self._is_speech(probability) else 0
            if self._run == self._onset:
                self._start = max(self._free, here + 1 - self._onset - self._lead)
                # The frames before this one are never a place to cut, so their values do not matter.
                self._probabilities = [1.0] * (self._frame - self._start)
                self._last_speech = here
                self._has_spoken = True
            return None
        self._probabilities.append(probability)
        if self._is_speech(probability):
            self._last_speech = here
        pause = here - self._last_speech
        length = self._frame - self._start
        if pause >= self._long_pause or (length >= self._comfortable and pause >= self._short_pause):
            return self._close(self._last_speech + 1 + self._tail)
        if length >= self._longest:
            return self._cut()
        return None

    def _is_speech(self, probability: float) -> bool:
        return probability >= self._settings.threshold

    def _close(self, end: int) -> Segment:
        """End the segment under way at frame `end`, or at the last frame seen when that is earlier."""
        assert self._start is not None
        end = min(end, self._frame)
        segment = self._segment(self._start, end)
        self._free, self._start, self._run = end, None, 0
        self._overlaps = False
        return segment

    def _cut(self) -> Segment:
        """Cut running speech at its quietest frame in the later half; the rest is the next segment."""
        assert self._start is not None
        half = len(self._probabilities) // 2
        later = self._probabilities[half:]
        offset = half + min(range(len(later)), key=later.__getitem__)
        cut = self._start + offset
        if self._is_speech(self._probabilities[offset]):
            return self._cut_through(offset)
        speech = (frame for frame in range(offset, 0, -1) if self._is_speech(self._probabilities[frame - 1]))
        spoken = (self._start + next(speech)) * FRAME_SAMPLES
        segment = replace(self._segment(self._start, cut), spoken=spoken)
        self._free = cut
        self._overlaps = False
        if self._last_speech < cut:  # cut in a pause: nothing has been said since
            self._start, self._run = None, 0
        else:
            self._start = cut
            self._probabilities = self._probabilities[offset:]
        return segment

    def _cut_through(self, offset: int) -> Segment:
        """Cut where somebody speaks: both sides have the sound around the cut."""
        assert self._start is not None
        cut = self._start + offset
        end = min(cut + self._half_overlap, self._frame)
        segment = replace(self._segment(self._start, end), cut=True)
        self._free = self._start = cut - self._half_overlap
        self._overlaps = True
        self._probabilities = self._probabilities[offset - self._half_overlap :]
        return segment

    def _segment(self, start: int, end: int) -> Segment:
        spoken = min(self._last_speech + 1, end)
        return Segment(
            start * FRAME_SAMPLES, end * FRAME_SAMPLES, spoken * FRAME_SAMPLES, overlaps=self._overlaps
        )
