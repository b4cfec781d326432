"""Supervisor's rules for an add-on's files, as far as this one needs them. Stricter: an unknown key, and one
that says the default, are refused. Read from Supervisor 2026.08.
"""

import re
from typing import Any

import voluptuous as vol

_KIND = re.compile(
    r"(bool|email|url|port"
    r"|str(\(\d*,\d*\))?|password(\(\d*,\d*\))?"
    r"|int(\(-?\d*,-?\d*\))?|float(\(-?\d*\.?\d*,-?\d*\.?\d*\))?"
    r"|match\(.*\)|list\(.+\))\??"
)
_VERSION = vol.Match(r"^\d+\.\d+\.\d+$")
_BASE = vol.Match(r"^([a-zA-Z\-\.:\d{}]+/)*?([\-\w{}]+)/([\-\w{}]+)(:[\.\-\w{}]+)?$")
_ARCH = vol.In(["amd64", "aarch64"])
_KINDS = vol.Any(vol.Match(rf"^(?:{_KIND.pattern})$"), [vol.Any(vol.Match(_KIND), {str: vol.Match(_KIND)})])
# Older ones know no app_config, newer ones warn of addon_config.
_MAP = vol.Match(r"^(data|ssl|backup|share|media|homeassistant_config|app_config|addon_config)(:(rw|ro))?$")

ADDON = vol.Schema(
    {
        vol.Required("name"): str,
        vol.Required("version"): _VERSION,
        vol.Required("slug"): vol.Match(r"^[a-z0-9_]+$"),
        vol.Required("description"): vol.All(str, vol.Length(max=120)),
        vol.Required("arch"): [_ARCH],
        vol.Required("init"): False,  # the base has s6-overlay
        "homeassistant": _VERSION,
        "homeassistant_api": True,
        "ingress": True,
        "panel_icon": vol.Match(r"^mdi:[a-z-]+$"),
        "discovery": ["wyoming"],
        "services": [vol.Match(r"^(mqtt|mysql):(provide|want|need)$")],
        "audio": True,
        "devices": [vol.Match(r"^/dev/[a-z]+/\w+\d$")],  # a folder is no device
        "map": [_MAP],
        "backup_pre": vol.Match(r"^/\S+( \S+)*$"),
        "backup_exclude": [vol.Match(r"^\*")],  # the whole path is matched
        "ports": {vol.Match(r"^\d+/(tcp|udp)$"): vol.Any(None, int)},
        "ports_description": {vol.Match(r"^\d+/(tcp|udp)$"): str},
        "options": dict,
        "schema": {str: _KINDS},
    }
)

BUILD = vol.Schema({vol.Required("build_from"): {_ARCH: _BASE}})

REPOSITORY = vol.Schema({vol.Required("name"): str, "url": vol.Url(), "maintainer": str})


def rating(addon: dict[str, Any], *, apparmor: bool) -> int:
    """Supervisor's security rating: 1 to 8."""
    points: int = 5 + 2 * addon.get("ingress", False) + apparmor
    points -= bool(addon.get("privileged")) + addon.get("host_network", False)
    points -= 2 * addon.get("hassio_api", False) * (addon.get("hassio_role") == "manager")
    return max(1, min(8, points))


def options_schema(kinds: dict[str, Any]) -> vol.Schema:
    """The check that Supervisor makes of what a user wrote into the form."""
    return vol.Schema({_key(name, kind): _value(kind) for name, kind in kinds.items()})


def _key(name: str, kind: Any) -> Any:
    first = kind[0] if isinstance(kind, list) else kind
    optional = isinstance(first, str) and first.endswith("?")
    return vol.Optional(name) if optional else vol.Required(name)


def _value(kind: Any) -> Any:
    if isinstance(kind, list):
        return [_value(kind[0])]
    if isinstance(kind, dict):
        return {_key(name, each): _value(each) for name, each in kind.items()}
    return _scalar(kind.removesuffix("?"))


def _scalar(kind: str) -> Any:
    name, _, inner = kind.partition("(")
    inner = inner.removesuffix(")")
    if name in {"int", "float"}:
        low, high = (float(each) if each else None for each in inner.split(","))
        return vol.All(vol.Coerce(int if name == "int" else float), vol.Range(low, high))
    others = {"bool": vol.Boolean(), "list": vol.In(inner.split("|")), "url": vol.Url()}
    if name in others:
        return others[name]
    if name == "match":
        return vol.Match(inner)
    low, high = (int(each) if each else None for each in (inner or ",").split(","))
    return vol.All(str, vol.Length(low, high))
