"""What may be asked about speakers: each action with its fields, checked, and then done."""

import base64
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import voluptuous as vol
from numpy.typing import NDArray

from wallflower.audio.pcm import SAMPLE_RATE, AudioError
from wallflower.audio.wav import read_stream
from wallflower.config import checks
from wallflower.errors import WallflowerError
from wallflower.interfaces.mqtt.controls import Desk
from wallflower.listening.person_card import PersonCard

_LONGEST_SECONDS = 120
_MOST_UTTERANCES = 100
_LONGEST_NAME = 63


class RequestError(WallflowerError):
    """The request is none, or not complete, or holds what is not allowed."""


@dataclass(frozen=True, slots=True)
class _Field:
    """allowed: in words."""

    check: Callable[[Any], Any]
    allowed: str
    needed: bool = True


def _name(value: Any) -> str:
    name = checks.one_line(value).strip()
    if not 0 < len(name) <= _LONGEST_NAME:
        raise vol.Invalid("expected a name")
    return name


def _who(value: Any) -> str:
    return _name(str(value) if isinstance(value, int) and not isinstance(value, bool) else value)


def _ids(value: Any) -> tuple[int, ...]:
    """Ids are told as text, as JSON readers may round large numbers."""
    if not isinstance(value, list) or not 0 < len(value) <= _MOST_UTTERANCES:
        raise vol.Invalid("expected a list")
    return tuple(checks.whole_number(0, 2**63 - 1)(each) for each in value)


def _sound(value: Any) -> NDArray[np.int16]:
    if not isinstance(value, str):
        raise vol.Invalid("expected text")
    try:
        wav = base64.b64decode(value, validate=True)
        if not wav.startswith(b"RIFF"):
            raise vol.Invalid("no WAV")
        blocks: list[NDArray[np.int16]] = []
        for block in read_stream(io.BufferedReader(cast("io.RawIOBase", io.BytesIO(wav)))):
            blocks.append(block)
            if sum(map(len, blocks)) > _LONGEST_SECONDS * SAMPLE_RATE:
                raise vol.Invalid("too long")
    except (ValueError, AudioError) as error:
        raise vol.Invalid("it cannot be read") from error
    return np.concatenate([np.empty(0, np.int16), *blocks])


_NAME = _Field(_name, f"one line of 1 to {_LONGEST_NAME} characters")
_WHO = _Field(_who, "the name or the id of a speaker")
_UTTERANCES = _Field(_ids, f"a list of 1 to {_MOST_UTTERANCES} ids of utterances")
_AUDIO = _Field(_sound, f"WAV with integer samples of at most {_LONGEST_SECONDS} s, as base64")

_ACTIONS: dict[str, dict[str, _Field]] = {
    "enrol": {
        "name": _NAME,
        "audio": replace(_AUDIO, needed=False),
        "utterances": replace(_UTTERANCES, needed=False),
    },
    "rename": {"speaker": _WHO, "name": _NAME},
    "merge": {"speaker": _WHO, "into": _WHO},
    "split": {"utterances": _UTTERANCES},
    "forget": {"speaker": _WHO, "words": _Field(checks.boolean, "true or false", needed=False)},
}


def read_request(body: bytes) -> tuple[str, dict[str, Any]]:
    """The action, and its fields, checked; None for those that are not there. Raises RequestError."""
    try:
        given = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RequestError("the request is no JSON") from error
    if not isinstance(given, dict):
        raise RequestError("the request is no JSON object")
    action = given.pop("action", None)
    if not isinstance(action, str) or action not in _ACTIONS:
        raise RequestError(f"'action' is {_shown(action)}; allowed: {', '.join(_ACTIONS)}")
    fields = _ACTIONS[action]
    for name in given.keys() - fields.keys():
        raise RequestError(f"{action} has no {_shown(name)}; allowed: {', '.join(fields)}")
    read = {name: _checked(action, name, field, given.get(name)) for name, field in fields.items()}
    if action == "enrol" and (read["audio"] is None) == (read["utterances"] is None):
        raise RequestError("enrol needs either 'audio' or 'utterances'")
    return action, read


async def perform(desk: Desk, action: str, given: Mapping[str, Any]) -> PersonCard | None:
    """Do what was read; who it is about, None when there is nobody left. Raises WallflowerError."""
    match action:
        case "enrol" if given["audio"] is not None:
            return await desk.enrol(given["name"], given["audio"])
        case "enrol":
            return await desk.enrol_from(given["name"], given["utterances"])
        case "rename":
            return await desk.rename(given["speaker"], given["name"])
        case "merge":
            return await desk.merge(given["speaker"], given["into"])
        case "split":
            return await desk.split(given["utterances"])
        case _:
            await desk.forget(given["speaker"], words=given["words"] is not False)
            return None


def _checked(action: str, name: str, field: _Field, value: Any) -> Any:
    if value is None:
        if field.needed:
            raise RequestError(f"{action} needs {name!r}: {field.allowed}")
        return None
    try:
        return field.check(value)
    except vol.Invalid as error:
        shown = error.msg if name == "audio" else _shown(value)
        raise RequestError(f"{name!r} is wrong ({shown}); allowed: {field.allowed}") from error


def _shown(value: Any) -> str:
    return repr(value)[:100]
