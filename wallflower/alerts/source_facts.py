"""What is known of a source: whether it is connected, and since when nobody has spoken there.

What the VAD takes for speech is not yet speech: noise may be. Somebody spoke when there are words.
"""

from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta

from wallflower.alerts.raising import Moment
from wallflower.events import Heard, Partial, SourceChanged, SourceStatus, SpeechChanged, Unheard

_CONNECTED = (SourceStatus.HEALTHY, SourceStatus.SILENT)
_WORDLESS_SECONDS = 8.0
"""What the VAD heard was no speech if there are no words this long after it."""
_LONG = timedelta(seconds=3)
"""Of an utterance this long some words are known before its end."""
_MOST_AT_ONCE = 20
_HINT_SECONDS = 45.0
"""Words that may be taken back count for this long; a segment is cut after 28 s."""


@dataclass(slots=True)
class SourceFacts:
    """Times are monotonic seconds. connected_since: None while it is not. down_since: since when it should be
    connected and is not, else None. speaking: the VAD says so.
    """

    status: SourceStatus | None = None
    reason: str = ""
    connected_since: float | None = None
    down_since: float | None = None
    speaking: bool = False
    vad_since: float | None = None
    """Since when there may be speech of which no word is known yet."""
    vad_until: float | None = None
    """When what the VAD heard is taken for noise; None while it goes on."""
    hint_until: float = float("-inf")
    """Until then, words that may be taken back tell that it probably is speech."""
    partials_come: bool = True
    """Whether words are known before all are: not on a box that is too slow for it."""
    _partials: deque[int] = field(default_factory=lambda: deque(maxlen=_MOST_AT_ONCE))
    """Ids of the last utterances of which some words were known before all were; all of those of one may come
    after the first of the next.
    """
    _first_part: int | None = None
    """Of what was said in one go, while its last part is still to come."""
    _last_words: tuple[float, float] = (float("-inf"), float("-inf"))
    _so_far: dict[int, tuple[float, float]] = field(default_factory=dict)
    """Of utterances that go on, from the first word to the last known, by id."""

    @property
    def quiet_since(self) -> float:
        """The end of the last words."""
        return max(self._last_words[1], *(end for _, end in self._so_far.values()), float("-inf"))

    @property
    def spoken_from(self) -> float:
        """The beginning of the last words."""
        return max(self._last_words[0], *(begin for begin, _ in self._so_far.values()), float("-inf"))

    def changed(self, event: SourceChanged, now: Moment) -> None:
        """It is in another state."""
        at = now.mono_of(event.at)
        connected = event.status in _CONNECTED
        if not connected:
            self.connected_since = None
            self._speech_over()
        elif self.connected_since is None:
            self.connected_since = at
        if connected or event.status is SourceStatus.PAUSED:
            self.down_since = None
        elif self.down_since is None:
            self.down_since = at
        self.status, self.reason = event.status, event.reason

    def speech_changed(self, event: SpeechChanged, now: Moment) -> None:
        """The VAD hears somebody, or nobody any more."""
        at = now.mono_of(event.at)
        self.speaking = event.speaking
        if event.speaking:
            self.vad_since = at if self.vad_since is None else self.vad_since
            self.vad_until = None
        elif self.vad_since is not None:
            self.vad_until = at + _WORDLESS_SECONDS

    def partial(self, event: Partial, now: Moment) -> None:
        """Some words are known, or guessed."""
        self.partials_come = True
        if event.id not in self._partials:
            self._partials.append(event.id)
        if event.committed.strip():
            self._so_far[event.id] = now.mono_of(event.start), now.mono_of(event.at)
            if len(self._so_far) > _MOST_AT_ONCE:
                del self._so_far[next(iter(self._so_far))]
        if event.committed.strip() or event.tentative.strip():
            self.hint_until = now.mono + _HINT_SECONDS

    def heard(self, event: Heard, now: Moment) -> None:
        """All words of an utterance are known; when it is continued, some of what was said in one go."""
        if event.revision:
            return
        first = event.id if self._first_part is None else self._first_part
        self._first_part = first if event.continued else None
        if event.text.strip():
            begin, end = now.mono_of(event.start), now.mono_of(event.end)
            self._last_words = max(self._last_words[0], begin), max(self._last_words[1], end)
            if first not in self._partials and event.end - event.start >= _LONG:
                self.partials_come = False
            if not event.continued:
                self._so_far.pop(first, None)
                self._resolved(end)

    def unheard(self, event: Unheard, now: Moment) -> None:
        """There were no words after all."""
        self._so_far.pop(event.id, None)
        self._resolved(now.mono_of(event.at))

    def settle(self, now: float) -> None:
        """Forget what is too old to be speech."""
        if self.vad_until is not None and now >= self.vad_until:
            self._speech_over()

    def _resolved(self, end: float) -> None:
        """It is known what was said until `end`."""
        self.hint_until = float("-inf")
        if self.speaking:
            self.vad_since = end if self.vad_since is None else max(self.vad_since, end)
        elif self.vad_since is not None and self.vad_since <= end:
            self._speech_over()

    def _speech_over(self) -> None:
        self.speaking = False
        self.vad_since = self.vad_until = None
        self.hint_until = float("-inf")
