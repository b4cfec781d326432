"""Which words of a text that is still growing can be relied on: LocalAgreement-2.

Source: Liu et al., "Low-Latency Sequence-to-Sequence Speech Recognition and Translation by Partial
Hypothesis Selection", arXiv:2005.11185; for Whisper: Macháček et al., arXiv:2307.14743. A word is committed
when two decodings one after the other agree on it and on all before it. The last word of a decoding is never
committed: it may be cut off, and what stands behind it (a full stop?) is not known before the next one.
"""

import itertools
from collections.abc import Sequence

from wallflower.speech.pieces import same_key


class Agreement:
    """Takes one hypothesis after the other, and commits what two of them agree on."""

    def __init__(self) -> None:
        self.committed: list[str] = []
        self.tentative: list[str] = []
        """What the last hypothesis says beyond that."""

    def update(self, hypothesis: Sequence[str], *, certain: int | None = None) -> list[str]:
        """Take the pieces of a new hypothesis of all the sound so far; return what that commits.

        certain: characters at the beginning of it that the model had no doubt about; None: not known.
        """
        rest = rest_after(self.committed, hypothesis)
        agreed = 0
        ends = list(itertools.accumulate(map(len, hypothesis)))
        sure = len(ends) if certain is None else sum(end <= certain for end in ends)
        within = max(0, sure - (len(hypothesis) - len(rest)))
        for old, new in zip(self.tentative[:-1], rest[:-1][:within], strict=False):
            if old != new:
                break
            agreed += 1
        fresh = rest[:agreed]
        self.committed += fresh
        self.tentative = rest[agreed:]
        return fresh

    def finish(self, hypothesis: Sequence[str]) -> list[str]:
        """Take the final pieces: what they add to the committed ones, which is committed, too."""
        fresh = rest_after(self.committed, hypothesis)
        self.committed += fresh
        self.tentative = []
        return fresh


def rest_after(committed: Sequence[str], hypothesis: Sequence[str]) -> list[str]:
    """The pieces of `hypothesis` that come after those that say the same as `committed`.

    A decoder that was not held to the committed words may have others in their place: the place to go on at
    is where the beginning of the hypothesis is nearest to them in edit distance over words.
    """
    if list(hypothesis[: len(committed)]) == list(committed):
        return list(hypothesis[len(committed) :])
    keys = [same_key(piece) for piece in hypothesis]
    distances = list(range(len(keys) + 1))  # from the committed words so far
    for count, piece in enumerate(committed, 1):
        key = same_key(piece)
        above, distances[0] = distances[0], count
        for index, other in enumerate(keys, 1):
            cost = min(distances[index] + 1, distances[index - 1] + 1, above + (key != other))
            above, distances[index] = distances[index], cost
    # Of places equally near the latest: to repeat a word is worse than to lose one that was said twice.
    best = min(range(len(distances)), key=lambda index: (distances[index], -index))
    return list(hypothesis[best:])
