"""The text of an utterance as it grows: only ever longer."""

from collections.abc import Sequence

from wallflower.engines.base import Transcription
from wallflower.events import Committed, Tentative
from wallflower.listening.outbox import Outbox
from wallflower.speech.agreement import Agreement, rest_after
from wallflower.speech.joining import REACH, join
from wallflower.speech.pieces import continued, split_pieces
from wallflower.speech.segmenting import Segment


class Transcript:
    """Puts the segments' words together, in order, and tells of them."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._pieces: list[str] = []
        self._held: list[str] = []  # words before a cut, which wait for those after it
        self._language = ""
        self._passed = 0  # pieces that were given in passages
        self._tentative = ""

    @property
    def text(self) -> str:
        """All that was committed."""
        return "".join(self._pieces)

    @property
    def under_way(self) -> str:
        """What was committed since the last passage."""
        return "".join(self._pieces[self._passed :]).strip()

    @property
    def tentative(self) -> str:
        """What may be said after that."""
        return self._tentative

    @property
    def held(self) -> str:
        """Words before a cut, which will be told with those after it."""
        return "".join(self._held)

    def forget(self) -> None:
        """Keep only what the words to come may overlap with."""
        gone = min(self._passed, len(self._pieces) - REACH)
        if gone > 0:
            del self._pieces[:gone]
            self._passed -= gone

    def hypothesis(self, agreement: Agreement, heard: Transcription) -> None:
        """Take a decoding of the segment under way, of all its sound so far."""
        pieces = split_pieces(heard.text, heard.language)
        self._commit(agreement.update(pieces, certain=heard.certain), heard.language)
        self._suppose(agreement.tentative)

    def glance(self, agreement: Agreement, text: str, language: str) -> None:
        """Take a text of the segment under way of which nothing is to be committed."""
        self._suppose(rest_after(agreement.committed, split_pieces(text, language)))

    def final(self, agreement: Agreement, text: str, language: str, segment: Segment) -> str:
        """Take the decoding of a whole segment. Returns what was committed since the one before it."""
        pieces = split_pieces(text, language)
        if segment.overlaps:
            fresh = self._joined(pieces, language)
            self._held = []
        else:
            self.finish()
            fresh = agreement.finish(pieces)
        if segment.cut:
            keep = max(0, len(fresh) - REACH)
            fresh, self._held = fresh[:keep], fresh[keep:]
        self._language = language
        self._commit(fresh, language)
        self._suppose(())
        passed, self._passed = self._passed, len(self._pieces)
        return "".join(self._pieces[passed:]).strip()

    def finish(self) -> None:
        """No more words will come."""
        held, self._held = self._held, []
        self._commit(held, self._language)

    def _joined(self, pieces: Sequence[str], language: str) -> list[str]:
        """The held words and those after the cut, each once. What was committed can only be compared."""
        committed = self._pieces[-REACH:]
        fixed = len(committed)
        return join([*committed, *self._held], continued(pieces, language), fixed=fixed)[fixed:]

    def _commit(self, pieces: Sequence[str], language: str) -> None:
        if not pieces:
            return
        fresh = continued(pieces, language) if self._pieces else [pieces[0].lstrip(), *pieces[1:]]
        self._pieces += fresh
        self._outbox.put(Committed("".join(fresh)))

    def _suppose(self, pieces: Sequence[str]) -> None:
        text = "".join(pieces).strip()
        if text != self._tentative:
            self._tentative = text
            self._outbox.put(Tentative(text))
