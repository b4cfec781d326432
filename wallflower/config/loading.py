"""Reading the options: defaults < YAML file < the add-on's options.json < environment < flags."""

import difflib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import voluptuous as vol
import yaml

from wallflower.config.options import FIELDS, Options, OptionsError
from wallflower.config.stating import ExplainedInvalid
from wallflower.redaction import redact

ADDON_OPTIONS = Path("/data/options.json")
ENV_PREFIX = "WALLFLOWER_"
ENV_CONFIG = "WALLFLOWER_CONFIG"
"""Names the YAML file when no flag does; no option itself."""

_Layer = tuple[str, dict[str, Any]]  # where the values come from, and the values


def load_options(
    *,
    flags: Mapping[str, Any] | None = None,
    config: str | None = None,
    environment: Mapping[str, str] = os.environ,
    addon_options: Path = ADDON_OPTIONS,
) -> Options:
    """Read and check the options from all five places, a later one winning key by key.

    flags: values from the command line; those that are None were not given.
    config: the YAML file, or None for $WALLFLOWER_CONFIG, or none at all.
    Raises OptionsError, which names every wrong option, its value, what is allowed, and where it came from.
    """
    config = config or environment.get(ENV_CONFIG) or None
    layers: list[_Layer] = []
    if config is not None:
        layers.append((config, _read_yaml(Path(config))))
    if _exists(addon_options):
        layers.append((str(addon_options), _read_json(addon_options)))
    layers.extend(_environment_layers(environment))
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    layers.extend((f"--{name.replace('_', '-')}", {name: value}) for name, value in given.items())
    return _checked(layers)


def _exists(path: Path) -> bool:
    """Whether there is such a file; one that this user may not even look for is none."""
    try:
        return path.exists()
    except OSError:
        return False


def _checked(layers: list[_Layer]) -> Options:
    problems: list[str] = []
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for origin, layer in layers:
        for name, value in layer.items():
            field = FIELDS.get(name)
            if field is None:
                problems.append(f"{origin}: there is no option {name!r}{_nearest(name)}")
                continue
            if value is None:  # an empty entry in a file is an option that is not set
                continue
            try:
                values[name] = vol.Schema(field.metadata["check"])(value)
                origins[name] = origin
            except vol.MultipleInvalid as error:
                if isinstance(error.errors[0], ExplainedInvalid):
                    problems.append(f"{origin}: option {name!r}: {error.errors[0].msg}")
                    continue
                shown = "(not shown)" if field.metadata["secret"] else redact(repr(value))
                problems.append(f"{origin}: option {name!r} is {shown}; allowed: {field.metadata['allowed']}")
    if problems:
        raise OptionsError("\n".join(problems))
    return Options(**values, origins=origins)


def _nearest(name: object) -> str:
    close = difflib.get_close_matches(str(name), FIELDS, n=1)
    return f"; did you mean {close[0]!r}?" if close else "; wallflower run --help lists them"


def _read_yaml(path: Path) -> dict[str, Any]:
    text = _read_text(path)
    try:
        return _mapping(path, yaml.safe_load(text))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or _reason(error)
        raise OptionsError(f"{path} is not valid YAML{where}: {problem}") from error


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return _mapping(path, json.loads(_read_text(path)))
    except json.JSONDecodeError as error:
        raise OptionsError(
            f"{path} is not valid JSON, line {error.lineno}, column {error.colno}: {error.msg}"
        ) from error
    except (ValueError, RecursionError) as error:
        raise OptionsError(f"{path} is not valid JSON: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)


def _read_text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise OptionsError(f"cannot read the options file {path}: {reason}") from error


def _mapping(path: Path, content: Any) -> dict[str, Any]:
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise OptionsError(f"{path} must hold options as `name: value`, not a {type(content).__name__}")
    return content


def _environment_layers(environment: Mapping[str, str]) -> list[_Layer]:
    """One layer a variable. WALLFLOWER_X_FILE, for a secret X, names a file that holds the value."""
    layers: list[_Layer] = []
    for variable in sorted(environment):
        if not variable.startswith(ENV_PREFIX) or variable == ENV_CONFIG:
            continue
        name = variable.removeprefix(ENV_PREFIX).lower()
        value = environment[variable]
        if not value:  # how container files say "not set"
            continue
        base = name.removesuffix("_file")
        if name not in FIELDS and base in FIELDS and FIELDS[base].metadata["secret"]:
            name, value = base, _read_text(Path(value)).strip()
        layers.append((variable, {name: value}))
    return layers
