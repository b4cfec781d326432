"""The text of an utterance as it grows: only ever longer."""

from wallflower.events import Committed, Tentative
from wallflower.listening.outbox import Outbox
from wallflower.speech.agreement import Agreement, rest_after
from wallflower.speech.joining import join
from wallflower.speech.pieces import continued, split_pieces
from wallflower.speech.segmenting import Segment

_HELD = 4
"""Words before a cut that wait for those after it: one of them may have been cut in two."""


class Transcript:
    """Puts the segments' words together, in order, and tells of them."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._pieces: list[str] = []
        self._held: list[str] = []
        self._language = ""

    @property
    def text(self) -> str:
        """All that was committed."""
        return "".join(self._pieces)

    def hypothesis(self, agreement: Agreement, text: str, language: str) -> None:
        """Take a decoding of the segment under way, of all its sound so far."""
        self._commit(agreement.update(split_pieces(text, language)), language)
        self._outbox.put(Tentative("".join(agreement.tentative).strip()))

    def glance(self, agreement: Agreement, text: str, language: str) -> None:
        """Take the quick engine's text of the segment under way: nothing of it is committed."""
        rest = rest_after(agreement.committed, split_pieces(text, language))
        self._outbox.put(Tentative("".join(rest).strip()))

    def final(self, agreement: Agreement, text: str, language: str, segment: Segment) -> None:
        """Take the decoding of a whole segment."""
        pieces = split_pieces(text, language)
        if segment.overlaps:
            pieces = join(self._held, pieces)
            self._held = []
        else:
            self.finish()
        fresh = agreement.finish(pieces)
        if segment.cut:
            keep = max(0, len(fresh) - _HELD)
            fresh, self._held = fresh[:keep], fresh[keep:]
        self._language = language
        self._commit(fresh, language)

    def finish(self) -> None:
        """No more words will come."""
        held, self._held = self._held, []
        self._commit(held, self._language)

    def _commit(self, pieces: list[str], language: str) -> None:
        if not pieces:
            return
        fresh = continued(pieces, language) if self._pieces else [pieces[0].lstrip(), *pieces[1:]]
        self._pieces += fresh
        self._outbox.put(Committed("".join(fresh)))
