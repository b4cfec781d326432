"""When each word was said, from the attention that the decoder paid to the sound.

Source: `find_alignment` in whisper/timing.py of github.com/openai/whisper: some heads of the cross-attention
follow the sound; their average is walked through with dynamic time warping (Sakoe and Chiba, 1978).
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from wallflower.engines.base import Word

POSITION_SECONDS = 0.02
"""The length of one position of the encoder."""

_MEDIAN_WIDTH = 7
_UNFINISHED = "\N{REPLACEMENT CHARACTER}"  # a token may end inside a letter


def timed_words(
    words: Sequence[tuple[str, int, int]],
    entered: NDArray[np.int64],
    probabilities: Sequence[float],
    seconds: float,
) -> tuple[Word, ...]:
    """Words with times, in order and inside [0, seconds].

    words: as from `split_words`. entered: as from `align`. probabilities: of each token; a word's
    confidence is their mean.
    """
    timed = []
    earliest = 0.0
    for text, first, after in words:
        start = min(max(float(entered[first]) * POSITION_SECONDS, earliest), seconds)
        end = min(max(float(entered[after]) * POSITION_SECONDS, start), seconds)
        confidence = min(1.0, sum(probabilities[first:after]) / (after - first))
        timed.append(Word(text, round(start, 2), round(end, 2), confidence))
        earliest = start
    return tuple(timed)


def align(attention: NDArray[np.float32], positions: int) -> NDArray[np.int64]:
    """The position at which each token begins, and the last ends: [rows], never decreasing.

    attention: [heads, rows, positions], a row for each token and one for the end. positions: how many of
    them hold sound.
    """
    weights = attention[:, :, :positions]
    weights = weights / np.maximum(weights.sum(axis=-1, keepdims=True), 1e-9)
    spread = weights.std(axis=1, keepdims=True)
    weights = (weights - weights.mean(axis=1, keepdims=True)) / np.maximum(spread, 1e-9)
    return _walk(-_median(weights).mean(axis=0, dtype=np.float64))


def split_words(
    tokens: Sequence[int], decode: Callable[[list[int]], str], *, spaces: bool
) -> list[tuple[str, int, int]]:
    """The words of `tokens` as (text, first token, token after the last).

    spaces: a word begins at a space; otherwise at each letter, as the language has none.
    """
    words: list[tuple[str, int, int]] = []
    begin = 0
    for at in range(len(tokens)):
        text = decode(list(tokens[begin : at + 1]))
        if (text.endswith(_UNFINISHED) or not text.strip()) and at + 1 < len(tokens):
            continue  # a letter that goes on, or a space on its own, which belongs to what follows
        # Punctuation is no word, not even where it follows a space, as in French.
        new = any(letter.isalnum() for letter in text) and (text.startswith(" ") or not spaces)
        if words and not new:
            words[-1] = (words[-1][0] + text.rstrip(), words[-1][1], at + 1)
        else:
            words.append((text.strip(), begin, at + 1))
        begin = at + 1
    return [word for word in words if word[0]]


def _median(weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """A running median over the positions, mirrored at the ends."""
    reach = _MEDIAN_WIDTH // 2
    if weights.shape[-1] <= reach:
        return weights
    padded = np.pad(weights, ((0, 0), (0, 0), (reach, reach)), mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, _MEDIAN_WIDTH, -1)
    # Sorting in place by partition is several times as quick as np.median, which checks for NaN.
    middle: NDArray[np.float32] = np.partition(windows, reach, axis=-1)[..., reach]
    return middle


def _walk(cost: NDArray[np.float64]) -> NDArray[np.int64]:
    """The cheapest way through `cost` [rows, positions] from corner to corner: where it enters each row."""
    rows, columns = cost.shape
    total = np.full((rows + 1, columns + 1), np.inf)
    total[0, 0] = 0
    steps = np.zeros((rows + 1, columns + 1), np.int8)
    # Cells of one diagonal depend on those before it only, so each diagonal is one operation.
    for diagonal in range(2, rows + columns + 1):
        i = np.arange(max(1, diagonal - columns), min(rows, diagonal - 1) + 1)
        j = diagonal - i
        options = np.stack([total[i - 1, j - 1], total[i - 1, j], total[i, j - 1]])
        best = options.argmin(axis=0)
        total[i, j] = cost[i - 1, j - 1] + options[best, np.arange(len(i))]
        steps[i, j] = best
    entered = np.zeros(rows, np.int64)
    row, column = rows, columns
    while row > 0 and column > 0:
        entered[row - 1] = column - 1
        step = steps[row, column]
        row -= step != 2
        column -= step != 1
    return entered
