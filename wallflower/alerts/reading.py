"""Reading a rule: the flat mapping that the options hold, or that somebody gives at run time, checked."""

import difflib
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import voluptuous as vol

from wallflower.alerts.folding import fold
from wallflower.alerts.keywords import Keywords, PatternError, Phrase, pattern_of, phrase_of
from wallflower.alerts.rules import (
    SEVERITIES,
    TROUBLES,
    Condition,
    Keyword,
    Loud,
    NoSound,
    Rule,
    Silence,
    SourceDown,
    Speech,
    SpokenBy,
    Trouble,
)
from wallflower.alerts.schedule import ALLOWED, ALWAYS, Schedule, ScheduleError, read_schedule
from wallflower.config import Options, checks
from wallflower.config.sources import slug_of as plain_slug_of
from wallflower.errors import ExitCode, WallflowerError
from wallflower.languages import base_language
from wallflower.redaction import redact

_MOST_PHRASES = 200
_GROUPS = {"known": {"known"}, "unknown": {"unknown"}, "anyone": {"known", "unknown"}}
"""Words for many speakers: those who were named or enrolled, the others, all who are told apart."""
_NAMELESS = "source"
"""What `slug_of` makes of a name without a letter of a-z."""


class RuleError(WallflowerError):
    """A rule is wrong; the message says which of its keys, and what is allowed."""

    exit_code = ExitCode.USAGE


@dataclass(frozen=True, slots=True)
class _Key:
    """A key of the mapping: its check, what that allows in words, and its default."""

    check: Callable[[Any], Any]
    allowed: str
    default: Any = None


def _phrases(value: Any) -> tuple[Phrase, ...]:
    phrases = [phrase_of(each) for each in checks.list_of(checks.one_line)(value)]
    if len(phrases) > _MOST_PHRASES or None in phrases:
        raise vol.Invalid("expected words")
    return tuple(phrase for phrase in phrases if phrase is not None)


def _speakers(value: Any) -> SpokenBy:
    """A word for many counts as such unless it stands in quotation marks: somebody may be called so."""
    names, groups = set(), set()
    for each in checks.list_of(checks.one_line)(value):
        text = each.strip()
        name = text[1:-1].strip() if len(text) > 1 and text[0] == text[-1] == '"' else ""
        if name:
            names.add(fold(name))
        elif fold(text) in _GROUPS:
            groups |= _GROUPS[fold(text)]
        elif text:
            names.add(fold(text))
    return SpokenBy(frozenset(names), known="known" in groups, unknown="unknown" in groups)


def _some_of(known: tuple[str, ...]) -> Callable[[Any], frozenset[str]]:
    return lambda value: frozenset(checks.list_of(checks.one_of(*known))(value))


def _slugs(value: Any) -> tuple[str, ...]:
    return tuple(checks.list_of(checks.identifier)(value))


def _schedule(value: Any) -> Schedule:
    if not isinstance(value, str):
        raise vol.Invalid("expected text")
    try:
        return read_schedule(value)
    except ScheduleError as error:
        raise vol.Invalid(str(error)) from error


def _pattern(value: Any) -> Any:
    if checks.one_line(value) == "":
        return None
    try:
        return pattern_of(value)
    except PatternError as error:
        raise vol.Invalid(str(error)) from error


def _name(value: Any) -> str:
    name = checks.one_line(value).strip()
    if not 0 < len(name) <= 63:
        raise vol.Invalid("expected a name")
    return name


def _seconds(default: float, low: float = 0.0) -> _Key:
    return _Key(checks.number(low, 86_400), f"a number of seconds from {low:g} to 86400", default)


def _minutes(default: float) -> _Key:
    return _Key(checks.number(0.1, 1440), "a number of minutes from 0.1 to 1440", default)


def _dbfs(default: float) -> _Key:
    return _Key(checks.number(-100, 0), "a number of dBFS from -100 to 0", default)


_LIST = "a list of {}, or text with commas between them"
_COMMON = {
    "name": _Key(_name, "one line of at most 63 characters"),
    "kind": _Key(checks.one_line, ""),
    "enabled": _Key(checks.boolean, "true or false", True),
    "sources": _Key(_slugs, _LIST.format("slugs of sources") + "; empty: all", ()),
    "severity": _Key(checks.one_of(*SEVERITIES), ", ".join(SEVERITIES), "warning"),
    "cooldown": _seconds(0.0),
    "schedule": _Key(_schedule, ALLOWED, ALWAYS),
}
_KINDS: dict[str, dict[str, _Key]] = {
    "keyword": {
        "words": _Key(_phrases, f"{_LIST.format('words or phrases')}, at most {_MOST_PHRASES}", ()),
        "except": _Key(_phrases, f"{_LIST.format('words or phrases')}, at most {_MOST_PHRASES}", ()),
        "pattern": _Key(_pattern, "a regular expression as RE2 takes it, of at most 200 characters"),
        "fuzzy": _Key(checks.boolean, "true or false", False),
        "early": _Key(checks.boolean, "true or false", True),
        "language": _Key(vol.Any("", checks.language), "a language code such as en; empty: every one", ""),
    },
    "speech": {},
    "speaker": {
        "speakers": _Key(
            _speakers, f"{_LIST.format('names of speakers')}, or {', '.join(_GROUPS)}", SpokenBy()
        ),
    },
    "silence": {"minutes": _minutes(10.0)},
    "no_sound": {"minutes": _minutes(1.0), "dbfs": _dbfs(-90.0)},
    "loud": {"dbfs": _dbfs(-20.0), "seconds": _seconds(3.0, 1.0)},
    "source_down": {"seconds": _seconds(60.0)},
    "trouble": {
        "troubles": _Key(_some_of(TROUBLES), f"a list of {', '.join(TROUBLES)}", frozenset(TROUBLES)),
        "seconds": _seconds(10.0, 1.0),
    },
}
KINDS = tuple(_KINDS)


def read_rule(given: Mapping[str, Any]) -> Rule:
    """The rule that a mapping says. Raises RuleError."""
    kind = given.get("kind")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise RuleError(f"'kind' is {kind!r}; allowed: {', '.join(KINDS)}")
    known = _COMMON | _KINDS[kind]
    values = {name: key.default for name, key in known.items()}
    for name, value in given.items():
        values[name] = _checked(name, value, known, kind)
    if not values["name"]:
        raise RuleError("'name' is missing")
    return Rule(
        name=values["name"],
        slug=slug_of(values["name"]),
        kind=kind,
        condition=_condition(kind, values),
        enabled=values["enabled"],
        sources=values["sources"],
        severity=values["severity"],
        cooldown=values["cooldown"],
        schedule=values["schedule"],
    )


def rules_of(options: Options) -> dict[str, Mapping[str, Any]]:
    """The options' rules by slug, as they are given. Raises OptionsError, which names the first wrong one."""
    found: dict[str, Mapping[str, Any]] = {}
    for number, given in enumerate(options.alerts, 1):
        try:
            slug = read_rule(given).slug
        except RuleError as error:
            raise options.wrong_entry("alerts", number, str(error)) from error
        if slug in found:
            raise options.wrong_entry("alerts", number, f"'name' is {given['name']!r}, as another's")
        found[slug] = given
    return found


def slug_of(name: str) -> str:
    """`name` for topics and addresses: a-z, 0-9 and _; of a name without such letters, a sum of it."""
    slug = plain_slug_of(fold(name))
    return slug if slug != _NAMELESS else f"rule_{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _checked(name: str, value: Any, known: Mapping[str, _Key], kind: str) -> Any:
    key = known.get(name)
    if key is None:
        close = difflib.get_close_matches(str(name), known, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(known)}"
        raise RuleError(f"an alert of kind {kind} has no {name!r}{hint}")
    if value is None:
        return key.default
    try:
        return key.check(value)
    except vol.Invalid as error:
        why = f" ({error.msg})" if isinstance(error.__cause__, ScheduleError | PatternError) else ""
        raise RuleError(f"{name!r} is {redact(repr(value))}{why}; allowed: {key.allowed}") from error


def _condition(kind: str, values: Mapping[str, Any]) -> Condition:
    if kind == "keyword" and not values["words"] and values["pattern"] is None:
        raise RuleError("an alert of kind keyword needs 'words' or a 'pattern'")
    if kind == "speaker" and values["speakers"] == SpokenBy():
        raise RuleError("an alert of kind speaker needs 'speakers'")
    return _CONDITIONS[kind](values)


_CONDITIONS: dict[str, Callable[[Mapping[str, Any]], Condition]] = {
    "keyword": lambda given: Keyword(
        Keywords(given["words"], given["except"], given["pattern"], given["fuzzy"]),
        base_language(given["language"]),
        given["early"],
    ),
    "speech": lambda _given: Speech(),
    "speaker": lambda given: cast("SpokenBy", given["speakers"]),
    "silence": lambda given: Silence(60 * given["minutes"]),
    "no_sound": lambda given: NoSound(60 * given["minutes"], given["dbfs"]),
    "loud": lambda given: Loud(given["seconds"], given["dbfs"]),
    "source_down": lambda given: SourceDown(given["seconds"]),
    "trouble": lambda given: Trouble(given["troubles"], given["seconds"]),
}
