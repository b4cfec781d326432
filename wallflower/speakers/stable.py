"""Keeping the numbers of speakers when they are clustered again."""

from collections import defaultdict
from collections.abc import Sequence

from wallflower.speakers.revision import Stretch


def stable_numbers(revised: Sequence[Stretch], before: Sequence[Stretch], unused: int) -> dict[int, int]:
    """The number that each speaker of `revised` is to have: that of whom they share most time with in
    `before`, no number twice; who shares none with anybody left gets a new one, from `unused` on.

    Both are in order of start.
    """
    shared: defaultdict[tuple[int, int], float] = defaultdict(float)
    first = 0
    for stretch in revised:
        while first < len(before) and before[first].end <= stretch.start:
            first += 1
        for other in before[first:]:
            if other.start >= stretch.end:
                break
            both = min(stretch.end, other.end) - max(stretch.start, other.start)
            if both > 0:
                shared[stretch.speaker, other.speaker] += both
    numbers: dict[int, int] = {}
    for (speaker, number), _ in sorted(shared.items(), key=lambda each: (-each[1], each[0])):
        if speaker not in numbers and number not in numbers.values():
            numbers[speaker] = number
    for speaker in sorted({stretch.speaker for stretch in revised} - numbers.keys()):
        numbers[speaker] = unused
        unused += 1
    return numbers
