"""Noticing that a decoder goes round in circles, as Whisper does on sound that it does not understand."""

from collections.abc import Sequence

_SHORT_PERIOD = 5
_SHORT_TOKENS = 16
"""What short a thing may be said this many tokens long: people do say a digit four times."""
_LONG_TIMES = 3
_LONGEST_PERIOD = 40


def repeated_tokens(tokens: Sequence[int]) -> int:
    """How many tokens at the end of `tokens` only repeat what stands right before them; usually 0.

    Up to five tokens over and over are a circle once they fill sixteen, and longer ones at the third time.
    """
    for period in range(1, min(_LONGEST_PERIOD, len(tokens) // _LONG_TIMES) + 1):
        times = -(-_SHORT_TOKENS // period) if period <= _SHORT_PERIOD else _LONG_TIMES
        span = period * times
        if span <= len(tokens) and tokens[-span:-period] == tokens[-span + period :]:
            return span - period
    return 0


def before_circle(tokens: Sequence[int]) -> int:
    """How many tokens stand before a decoder went round in circles: all, or up to the circle's first time."""
    for end in range(1, len(tokens) + 1):
        if excess := repeated_tokens(tokens[:end]):
            return end - excess
    return len(tokens)
