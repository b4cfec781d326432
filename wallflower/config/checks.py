"""Validators of single options: each gives back the value in its own type or raises vol.Invalid.

Text is accepted for every type, because the environment and the flags know nothing else.
"""

import json
import math
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import voluptuous as vol

_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*", re.IGNORECASE)
_IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9._-]*")
_DEVICE = re.compile(r"[a-z]{1,16}(\.[0-9]{1,3})?")
_SERVICE = re.compile(r"[a-z0-9_]+\.[a-z0-9_]+")
_TRUE = {"true", "yes", "on", "1"}
_FALSE = {"false", "no", "off", "0"}


def one_line(value: Any) -> str:
    """Text without line breaks or control characters."""
    if not isinstance(value, str) or not value.isprintable():
        raise vol.Invalid("expected one line of text")
    return value


def boolean(value: Any) -> bool:
    """A truth value, or its usual words."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise vol.Invalid("expected true or false")


def whole_number(low: int, high: int) -> Callable[[Any], int]:
    """A whole number from `low` to `high`."""

    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise vol.Invalid("expected a whole number")
        try:
            result = int(value)
        except ValueError as error:
            raise vol.Invalid("expected a whole number") from error
        if not low <= result <= high:
            raise vol.Invalid(f"expected {low} to {high}")
        return result

    return check


def number(low: float, high: float) -> Callable[[Any], float]:
    """A finite number from `low` to `high`."""

    def check(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise vol.Invalid("expected a number")
        try:
            result = float(value)
        except (ValueError, OverflowError) as error:
            raise vol.Invalid("expected a number") from error
        if not math.isfinite(result) or not low <= result <= high:
            raise vol.Invalid(f"expected {low:g} to {high:g}")
        return result

    return check


def one_of(*words: str) -> Callable[[Any], str]:
    """One of `words`, in any case."""

    def check(value: Any) -> str:
        if isinstance(value, str) and value.lower() in words:
            return value.lower()
        raise vol.Invalid(f"expected one of {', '.join(words)}")

    return check


def list_of(item: Callable[[Any], Any]) -> Callable[[Any], list[Any]]:
    """A list, each of whose items passes `item`. Text is read as JSON, or split at commas."""

    def check(value: Any) -> list[Any]:
        if isinstance(value, str):
            value = _list_from_text(value)
        if not isinstance(value, list):
            raise vol.Invalid("expected a list")
        return [item(each) for each in value]

    return check


def plain_mapping(value: Any) -> dict[str, Any]:
    """A mapping from names to texts, numbers, truth values and lists of these."""
    if isinstance(value, dict) and all(isinstance(name, str) for name in value):
        parts = [part for each in value.values() for part in (each if isinstance(each, list) else [each])]
        if all(part is None or isinstance(part, str | int | float) for part in parts):
            return dict(value)
    raise vol.Invalid("expected a flat mapping")


def _list_from_text(text: str) -> Any:
    if text.lstrip().startswith("["):
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise vol.Invalid("expected a list, or JSON") from error
    return [part.strip() for part in text.split(",") if part.strip()]


def identifier(value: Any) -> str:
    """The id of a model."""
    if isinstance(value, str) and _IDENTIFIER.fullmatch(value):
        return value
    raise vol.Invalid("expected an id of lower-case letters, digits, dots and hyphens")


def device(value: Any) -> str:
    """The name of a device: auto, cpu, gpu.1."""
    if isinstance(value, str) and _DEVICE.fullmatch(value.lower()):
        return value.lower()
    raise vol.Invalid("expected the name of a device")


def language(value: Any) -> str:
    """A language code (BCP 47), kept as written."""
    if isinstance(value, str) and _LANGUAGE.fullmatch(value):
        return value
    raise vol.Invalid("expected a language code")


def language_or_auto(value: Any) -> str:
    """A language code, or auto."""
    return "auto" if isinstance(value, str) and value.lower() == "auto" else language(value)


def alert_way(value: Any) -> str:
    """How Home Assistant is told: event, or a service as DOMAIN.NAME."""
    if isinstance(value, str) and (value == "event" or _SERVICE.fullmatch(value)):
        return value
    raise vol.Invalid("expected event or a service")


def http_url(value: Any) -> str:
    """An http or https address, without a slash at its end."""
    if isinstance(value, str):
        try:
            parts = urlsplit(value)
            if parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0:
                return value.rstrip("/")
        except ValueError:
            pass
    raise vol.Invalid("expected an http or https address")


def mqtt_url(value: Any) -> str:
    """The address of an MQTT broker: mqtt or mqtts, a host, perhaps a port. No user or password."""
    if isinstance(value, str):
        try:
            parts = urlsplit(value.rstrip("/"))
            if parts.scheme in {"mqtt", "mqtts"} and parts.hostname and parts.port != 0:
                rest = (parts.username, parts.password, parts.path, parts.query, parts.fragment)
                if not any(rest) and "@" not in value:
                    return value.rstrip("/")
        except ValueError:
            pass
    raise vol.Invalid("expected mqtt://HOST:PORT or mqtts://HOST:PORT")


def topic(value: Any) -> str:
    """A topic of MQTT to publish to, without a slash at its ends."""
    if isinstance(value, str) and value.isprintable() and len(value) <= 200:
        name = value.strip("/")
        if name and not name.startswith("$") and not set("+#") & set(name):
            return name
    raise vol.Invalid("expected a topic without + and #")


def wyoming_uri(value: Any) -> str:
    """The address of a Wyoming server: tcp with host and port, unix with a path, or stdio."""
    if isinstance(value, str):
        try:
            parts = urlsplit(value)
            port = parts.port
        except ValueError as error:
            raise vol.Invalid(str(error)) from error
        if parts.scheme == "tcp" and parts.hostname and port is not None and not parts.path:
            return value
        if value.startswith("unix:///") and parts.path != "/":
            return value
        if value == "stdio://":
            return value
    raise vol.Invalid("expected tcp://HOST:PORT, unix://PATH or stdio://")
