"""Stating an option, or a setting of an item in a list of options: its default, its check, and its words."""

import dataclasses
import difflib
from collections.abc import Callable, Mapping
from typing import Any

import voluptuous as vol

from wallflower.redaction import redact


class ExplainedInvalid(vol.Invalid):
    """A value is wrong, and the message says all of it: what, where, and what is allowed."""


def stated(default: Any, check: Any, allowed: str, help_: str, *, secret: bool = False) -> Any:
    """A field: `check` is a voluptuous validator, `allowed` says in words what it takes."""
    metadata = {"check": check, "allowed": allowed, "help": help_, "secret": secret}
    if isinstance(default, list):
        return dataclasses.field(default_factory=lambda: list(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def flat_mapping(kind: type, noun: str, *, key: str = "name") -> Callable[[Any], dict[str, Any]]:
    """A check for one item of a list: a mapping of what the fields of `kind` state, those that are given.

    noun: what the item is called in errors. key: the setting that every item must have.
    """
    fields = {field.name: field for field in dataclasses.fields(kind) if field.metadata}

    def check(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise ExplainedInvalid(f"a {noun} is a mapping with {', '.join(fields)}")
        given = {str(name): each for name, each in value.items() if each is not None}
        if not given.get(key):
            raise ExplainedInvalid(f"a {noun} has no {key!r}; each needs one")
        label = f"{noun} {redact(str(given[key]))!r}"
        checked = {}
        for name, each in given.items():
            if name not in fields:
                near = difflib.get_close_matches(name, fields, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(fields)}"
                raise ExplainedInvalid(f"{label}: there is no setting {name!r}; {hint}")
            checked[name] = checked_setting(fields[name], each, label)
        return checked

    return check


def checked_setting(field: "dataclasses.Field[Any]", value: Any, label: str) -> Any:
    """The value of one setting in its own type. label: whose it is. Raises ExplainedInvalid."""
    try:
        return vol.Schema(field.metadata["check"])(value)
    except vol.Invalid as error:
        if isinstance(error, vol.MultipleInvalid) and isinstance(error.errors[0], ExplainedInvalid):
            raise error.errors[0] from None
        shown = "(not shown)" if field.metadata["secret"] else redact(repr(value))
        raise ExplainedInvalid(
            f"{label}: {field.name!r} is {shown}; allowed: {field.metadata['allowed']}"
        ) from None
