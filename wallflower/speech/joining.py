"""Joining the texts of two pieces of sound that overlap: each word that both have is kept once."""

from collections.abc import Sequence

from wallflower.speech.pieces import same_key

REACH = 12
"""Pieces at the seam that are compared: more than an overlap of a second or two can hold."""


def join(left: Sequence[str], right: Sequence[str]) -> list[str]:
    """The pieces of `left`, then of `right`; words that end the one and begin the other come once."""
    end, start = seam(left, right)
    return [*left[:end], *right[start:]]


def seam(left: Sequence[str], right: Sequence[str]) -> tuple[int, int]:
    """How many pieces of `left` to keep, and the first of `right` to go on with.

    The seam is the longest run of equal words near it; of equal ones, that which leaves out the fewest words.
    What stands between the run and the seam was cut in two by it and is left out: at most one word on either
    side. Without a common run all words are kept.
    """
    tail = [same_key(piece) for piece in left[-REACH:]]
    head = [same_key(piece) for piece in right[:REACH]]
    best: tuple[int, int, int, int] | None = None  # length, -left out, end in tail, end in head
    for end in range(1, len(tail) + 1):
        for stop in range(1, len(head) + 1):
            length = _run(tail[:end], head[:stop])
            out = (len(tail) - end, stop - length)  # words after the run on the left, before it on the right
            if not length or max(out) > 1:
                continue
            found = (length, -sum(out), end, stop)
            best = found if best is None else max(best, found)
    if best is None:
        return len(left), 0
    _, _, end, stop = best
    return len(left) - len(tail) + end, stop


def _run(left: Sequence[str], right: Sequence[str]) -> int:
    """How many keys at the end of both are the same; those of punctuation alone are the same as none."""
    length = 0
    while length < min(len(left), len(right)) and left[-1 - length] == right[-1 - length] != "":
        length += 1
    return length
