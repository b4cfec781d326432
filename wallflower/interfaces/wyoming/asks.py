"""What a client asks for: the fields of its `transcribe` and `select-program` events, checked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wyoming.info import Info

from wallflower.interfaces.wyoming.info import FAST_PROGRAM
from wallflower.languages import base_language
from wallflower.listening.manner import Manner
from wallflower.speech.endpointing import SILENCE_SECONDS, Endpointing, Sensitivity

_MOST_NAMES = 500
_LONGEST_NAME = 100


class RequestError(Exception):
    """A request that is answered with an `error` event. code: for programs to tell it by."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked of the next utterance. context: given back with the answer."""

    manner: Manner
    context: dict[str, Any] | None = None


def read_transcribe(
    data: dict[str, Any], info: Info, program: str, *, language: str | None, endpointing: bool
) -> Ask:
    """The utterance that a `transcribe` event announces. program: the one in use. language: what is assumed
    when none is named; None: it is detected. endpointing: whether we end utterances. Raises RequestError.
    """
    _check_model(text_field(data, "name"), info, program)
    spoken = _languages(info, program)
    wanted = text_field(data, "language") or language
    if wanted is None and len(own := set(map(base_language, spoken))) == 1:
        wanted = own.pop()
    if wanted is not None and base_language(wanted) not in spoken:
        raise RequestError(
            "unsupported-language",
            f"language {wanted[:20]!r} is not spoken here; allowed: {', '.join(spoken)}",
        )
    context = data.get("context")
    if context is not None and not isinstance(context, dict):
        raise RequestError("bad-event", f"context is {str(context)[:40]}; allowed: an object")
    manner = Manner(
        language=None if wanted is None else base_language(wanted),
        program="fast" if program == FAST_PROGRAM else "accurate",
        streaming=True,
        endpointing=_endpointing(data) if endpointing else None,
        names=_names(data, "transcript_names"),
        terms=_names(data, "transcript_terms"),
    )
    return Ask(manner, context)


def read_program(data: dict[str, Any], info: Info) -> str:
    """The program that a `select-program` event chooses. Raises RequestError."""
    name = text_field(data, "name")
    programs = [program.name for program in info.asr]
    if name is None or name not in programs:
        raise RequestError(
            "unknown-program", f"there is no program {str(name)[:80]!r}; there is: {', '.join(programs)}"
        )
    return name


def text_field(data: dict[str, Any], key: str) -> str | None:
    """A field that holds text, or nothing. Raises RequestError."""
    value = data.get(key)
    if value is not None and not isinstance(value, str):
        raise RequestError("bad-event", f"{key} is {str(value)[:40]}; allowed: text")
    return value


def _check_model(name: str | None, info: Info, program: str) -> None:
    models = [model.name for each in info.asr if each.name == program for model in each.models]
    if name is not None and name not in models:
        raise RequestError("unknown-model", f"there is no model {name[:80]!r}; there is: {', '.join(models)}")


def _languages(info: Info, program: str) -> Sequence[str]:
    for each in info.asr:
        if each.name == program:
            return each.models[0].languages
    return ()


def _endpointing(data: dict[str, Any]) -> Endpointing:
    """An unknown sensitivity is the default one: a newer client may have more of them."""
    wanted = text_field(data, "vad_sensitivity")
    sensitivities: dict[str, Sensitivity] = {name: name for name in SILENCE_SECONDS}
    return Endpointing(silence=SILENCE_SECONDS[sensitivities.get(wanted or "default", "default")])


def _names(data: dict[str, Any], key: str) -> tuple[str, ...]:
    """Names or terms, each once and no more than anybody could use. Raises RequestError."""
    values = data.get(key)
    if values is None:
        return ()
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise RequestError("bad-event", f"{key} is {str(values)[:40]}; allowed: a list of texts")
    cleaned = (" ".join(value.split())[:_LONGEST_NAME] for value in values[: 10 * _MOST_NAMES])
    return tuple(dict.fromkeys(name for name in cleaned if name))[:_MOST_NAMES]
