"""Comparing what was heard with what was said.

Both are brought to one spelling first, as is usual for English word error rates: lower case, no
punctuation, numbers as words, contractions written out. Source: the English normaliser that comes with
Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision", arXiv:2212.04356, of which
this is a small part.
"""

import re
from collections.abc import Sequence

import jiwer
from num2words import num2words

_BRACKETED = re.compile(r"<[^>]*>|\[[^\]]*\]|\([^)]*\)")  # what no one said: [music], (laughs)
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}\b)")
_FULL_HOUR = re.compile(r"(\d+):00\b")
_ORDINAL = re.compile(r"(\d+)(?:st|nd|rd|th)\b")
_DECIMAL = re.compile(r"(\d+)\.(\d+)")
_NUMBER = re.compile(r"\d+")
_LONGEST_NUMBER = 15  # digits; a longer one is read digit by digit, as a telephone number is
_PUNCTUATION = re.compile(r"[^\w\s']|_")

_SIGNS = {"’": "'", "%": " percent ", "°f": " degrees ", "°c": " degrees ", "°": " degrees ", "&": " and "}
_FILLERS = {"hmm", "mm", "mhm", "uh", "um"}
_ENDINGS = (
    ("n't", " not"),
    ("'re", " are"),
    ("'d", " would"),
    ("'ll", " will"),
    ("'ve", " have"),
    ("'m", " am"),
)
_WORDS = {
    "ain't": "aint",
    "can't": "can not",
    "cannot": "can not",
    "let's": "let us",
    "won't": "will not",
    "y'all": "you all",
    "gonna": "going to",
    "wanna": "want to",
    "dr": "doctor",
    "mr": "mister",
    "mrs": "missus",
    "st": "saint",
    "centre": "center",
    "colour": "color",
    "favour": "favor",
    "grey": "gray",
    "honour": "honor",
    "labour": "labor",
    "neighbour": "neighbor",
    "realise": "realize",
    "recognise": "recognize",
    "theatre": "theater",
    "towards": "toward",
}


def normalised(text: str) -> list[str]:
    """The words of `text` in the spelling that is compared."""
    text = _BRACKETED.sub(" ", text.lower())
    for sign, word in _SIGNS.items():
        text = text.replace(sign, word)
    text = _PUNCTUATION.sub(" ", _numbers_as_words(text))
    words = " ".join(_written_out(word) for word in text.split()).replace("'", "").split()
    return [word for word in words if word not in _FILLERS]


def word_error_rate(said: Sequence[str], heard: Sequence[str]) -> float:
    """Wrong, missing and added words as % of the words said, pooled over all texts."""
    return 100 * float(
        jiwer.wer(
            [" ".join(normalised(text)) for text in said], [" ".join(normalised(text)) for text in heard]
        )
    )


def word_count(texts: Sequence[str]) -> int:
    """The number of words in `texts`, in the spelling that is compared."""
    return sum(len(normalised(text)) for text in texts)


def _numbers_as_words(text: str) -> str:
    text = _FULL_HOUR.sub(r"\1 o'clock", _THOUSANDS.sub("", text))
    text = _ORDINAL.sub(lambda match: _spelled(match[1], ordinal=True), text)
    text = _DECIMAL.sub(lambda match: f"{match[1]} point {' '.join(match[2])}", text)
    return _NUMBER.sub(lambda match: _spelled(match[0]), text)


def _spelled(digits: str, *, ordinal: bool = False) -> str:
    if len(digits) > _LONGEST_NUMBER:
        return " ".join(_spelled(digit) for digit in digits)
    return f" {num2words(int(digits), to='ordinal' if ordinal else 'cardinal')} "


def _written_out(word: str) -> str:
    word = word.strip("'")
    if word in _WORDS:
        return _WORDS[word]
    for ending, rest in _ENDINGS:
        if word.endswith(ending):
            return word.removesuffix(ending) + rest
    return word
