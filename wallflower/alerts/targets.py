"""Where alerts are posted to, as the options say it."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import voluptuous as vol

from wallflower.alerts.reading import slug_of
from wallflower.alerts.rules import SEVERITIES
from wallflower.config import Options, checks
from wallflower.events import Alert

PHASES = ("raised", "confirmed", "withdrawn", "ended")


@dataclass(frozen=True, slots=True)
class Target:
    """url: may hold a secret, too. rules: slugs; empty for all. severity: the least. phases: those that are
    told. link_local: whether such addresses, of which some tell a cloud's secrets, may be posted to.
    """

    name: str
    url: str = field(repr=False)
    secret: str = field(default="", repr=False)
    rules: frozenset[str] = frozenset()
    severity: str = SEVERITIES[0]
    phases: frozenset[str] = frozenset(PHASES)
    link_local: bool = False

    def wants(self, alert: Alert) -> bool:
        """Whether the alert is to be posted there."""
        return (
            (not self.rules or alert.rule in self.rules)
            and alert.phase in self.phases
            and SEVERITIES.index(alert.severity) >= SEVERITIES.index(self.severity)
        )


def _rules(value: Any) -> frozenset[str]:
    return frozenset(map(slug_of, checks.list_of(checks.one_line)(value)))


def _phases(value: Any) -> frozenset[str]:
    return frozenset(checks.list_of(checks.one_of(*PHASES))(value)) or frozenset(PHASES)


_CHECKS: dict[str, tuple[Any, str]] = {
    "url": (checks.http_url, "an http:// or https:// address"),
    "name": (checks.one_line, "one line; if missing, the address's host"),
    "secret": (checks.one_line, "one line of text"),
    "rules": (_rules, "a list of names of alerts; empty: all"),
    "severity": (checks.one_of(*SEVERITIES), f"{', '.join(SEVERITIES)}: the least that is posted"),
    "phases": (_phases, f"a list of {', '.join(PHASES)}; empty: all"),
    "link_local": (checks.boolean, "true or false"),
}


def targets_of(options: Options) -> tuple[Target, ...]:
    """The webhooks of the options. Raises OptionsError, which shows no value: each may be secret."""
    targets: list[Target] = []
    for number, given in enumerate(options.webhooks, 1):
        try:
            values = _checked(given)
        except ValueError as error:
            raise options.wrong_entry("webhooks", number, str(error)) from None
        name = values.pop("name", "") or urlsplit(values["url"]).hostname or ""
        if any(each.name == name for each in targets):
            name = f"{name} {number}"
        targets.append(Target(name=name, **values))
    return tuple(targets)


def _checked(given: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in given.items():
        if key not in _CHECKS:
            near = difflib.get_close_matches(key, _CHECKS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(_CHECKS)}"
            raise ValueError(f"there is no setting {key!r}; {hint}")
        check, allowed = _CHECKS[key]
        if value is None:
            continue
        try:
            values[key] = check(value)
        except vol.Invalid:
            raise ValueError(f"{key!r} is (not shown); allowed: {allowed}") from None
    if "url" not in values:
        raise ValueError("'url' is missing")
    return values
