"""The vocabularies of Whisper: which tokens steer it, which mean a language, which are never to be said."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wallflower.engines.base import EngineError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# In the order of their tokens. Source: `LANGUAGES` in whisper/tokenizer.py of github.com/openai/whisper; its
# "jw" is Javanese, whose ISO 639 code is "jv". The last came with the third large model.
_LANGUAGES = """
en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th ur hr bg lt la
mi ml cy sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr pa si km sn yo so af oc ka be
tg sd gu am yi lo uz fo ht ps tk nn mt sa lb my bo tl mg as tt haw ln ha ba jv su yue
""".split()  # noqa: SIM905  # a hundred lines otherwise

WHISPERS_OWN = {"jv": "jw"}
"""Whisper's code of a language where it is not that of ISO 639."""

_ENGLISH_END = 50256  # the English vocabulary is GPT-2's, one token shorter than the other

# What marks what was not said: brackets, notes of music, speakers. Source: `non_speech_tokens`, same file.
_SYMBOLS = """
" # ( ) * + / : ; < = > @ [ \\ ] ^ _ ` { | } ~ 「 」 『 』
<< >> <<< >>> -- --- -( -[ (' (" (( )) ((( ))) [[ ]] {{ }} ♪♪ ♪♪♪
""".split()  # noqa: SIM905
_NOTES = "♩♪♫♬♭♮♯"  # of several tokens each, of which the first means nothing else
_INSIDE_WORDS = (" -", " '")  # not at the beginning of one


@dataclass(frozen=True, slots=True)
class WhisperTokens:
    """The tokens that mean something of their own, and those that are never chosen.

    languages: token by ISO 639 code; empty for an English-only model. suppressed: besides all from `end` on;
    suppressed_first: only as the first token of a text.
    """

    end: int
    start: int
    transcribe: int
    previous: int
    no_speech: int
    no_timestamps: int
    languages: Mapping[str, int]
    suppressed: tuple[int, ...]
    suppressed_first: tuple[int, ...]

    def head(self, language: str) -> list[int]:
        """What a text in `language` begins with, after the start: KeyError for one it does not know."""
        if not self.languages:
            return [self.no_timestamps]
        return [self.languages[language], self.transcribe, self.no_timestamps]


def whisper_tokens(tokenizer: "Tokenizer") -> WhisperTokens:
    """The tokens of a tokenizer of any Whisper model. Raises EngineError when it is not one's."""

    def find(*names: str) -> int:
        for name in names:
            token = tokenizer.token_to_id(f"<|{name}|>")
            if token is not None:
                return token
        raise EngineError(
            f"the tokenizer has no token <|{names[0]}|>: it is not one of Whisper; fetch the model again"
        )

    end, start, translate = find("endoftext"), find("startoftranscript"), find("translate")
    count = 0 if end == _ENGLISH_END else translate - start - 1
    blank = tokenizer.encode(" ", add_special_tokens=False).ids
    return WhisperTokens(
        end=end,
        start=start,
        transcribe=find("transcribe"),
        previous=find("startofprev"),
        no_speech=find("nospeech", "nocaptions"),
        no_timestamps=find("notimestamps"),
        languages={code: start + 1 + place for place, code in enumerate(_LANGUAGES[:count])},
        suppressed=_never_said(tokenizer),
        suppressed_first=(*blank[:1], end),
    )


def _never_said(tokenizer: "Tokenizer") -> tuple[int, ...]:
    def encode(text: str) -> list[int]:
        return list(tokenizer.encode(text, add_special_tokens=False).ids)

    found = {tokens[0] for symbol in _INSIDE_WORDS if (tokens := encode(symbol))}
    for symbol in (*_SYMBOLS, *_NOTES):
        for tokens in (encode(symbol), encode(" " + symbol)):
            if tokens and (len(tokens) == 1 or symbol in _NOTES):
                found.add(tokens[0])
    return tuple(sorted(found))
