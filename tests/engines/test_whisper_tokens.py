"""The vocabularies: the real one of base, and the two others laid out as OpenAI does."""

from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from wallflower.engines.base import EngineError
from wallflower.engines.whisper_tokens import whisper_tokens

SPECIAL = ["translate", "transcribe", "startoflm", "startofprev", "nocaptions", "notimestamps"]


def laid_out(words: int, languages: int) -> Tokenizer:
    """A tokenizer of `words` words, then the special tokens with `languages` languages."""
    names = ["endoftext", "startoftranscript", *(f"l{number}" for number in range(languages)), *SPECIAL]
    vocabulary = {f"w{number}": number for number in range(words)}
    vocabulary |= {f"<|{name}|>": words + number for number, name in enumerate(names)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="w0"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return tokenizer


def test_tokens_of_the_multilingual_vocabulary(whisper_base: dict[str, Path]) -> None:
    tokens = whisper_tokens(Tokenizer.from_file(str(whisper_base["tokenizer.json"])))
    assert (tokens.end, tokens.start, tokens.transcribe, tokens.previous) == (50257, 50258, 50359, 50361)
    assert (tokens.no_speech, tokens.no_timestamps) == (50362, 50363)
    assert len(tokens.languages) == 99
    assert (tokens.languages["en"], tokens.languages["su"]) == (50259, 50357)
    assert tokens.head("de") == [50261, 50359, 50363]
    assert tokens.suppressed_first == (220, 50257)


def test_suppressed_are_those_that_openai_suppresses(whisper_base: dict[str, Path]) -> None:
    tokens = whisper_tokens(Tokenizer.from_file(str(whisper_base["tokenizer.json"])))
    # The list as it is published with the converted checkpoints of this vocabulary.
    assert tokens.suppressed == (
        1, 2, 7, 8, 9, 10, 14, 25, 26, 27, 28, 29, 31, 58, 59, 60, 61, 62, 63, 90, 91, 92, 93, 359, 503, 522,
        542, 873, 893, 902, 918, 922, 931, 1350, 1853, 1982, 2460, 2627, 3246, 3253, 3268, 3536, 3846, 3961,
        4183, 4667, 6585, 6647, 7273, 9061, 9383, 10428, 10929, 11938, 12033, 12331, 12562, 13793, 14157,
        14635, 15265, 15618, 16553, 16604, 18362, 18956, 20075, 21675, 22520, 26130, 26161, 26435, 28279,
        29464, 31650, 32302, 32470, 36865, 42863, 47425, 49870, 50254,
    )  # fmt: skip


def test_english_vocabulary_has_no_languages() -> None:
    tokens = whisper_tokens(laid_out(50256, 99))
    assert (tokens.end, tokens.start, tokens.no_speech, tokens.no_timestamps) == (50256, 50257, 50361, 50362)
    assert not tokens.languages
    assert tokens.head("en") == [50362]


def test_third_vocabulary_has_cantonese() -> None:
    tokens = whisper_tokens(laid_out(50257, 100))
    assert (tokens.transcribe, tokens.no_speech, tokens.no_timestamps) == (50360, 50363, 50364)
    assert tokens.languages["yue"] == 50358
    assert tokens.head("yue") == [50358, 50360, 50364]


def test_other_tokenizer_is_refused() -> None:
    with pytest.raises(EngineError, match=r"<\|endoftext\|>.*not one of Whisper"):
        whisper_tokens(Tokenizer(models.WordLevel({"a": 0}, unk_token="a")))
