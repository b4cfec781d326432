"""A flag for each option, made from the options themselves."""

import argparse
from collections.abc import Iterable

from wallflower.config import Options, load_options
from wallflower.config.options import FIELDS, default_of


def add_option_flags(parser: argparse.ArgumentParser, names: Iterable[str]) -> None:
    """Add --config, and a flag for each of the options named."""
    group = parser.add_argument_group("options")
    group.add_argument("--config", metavar="FILE", help="read options from this YAML file")
    for name in names:
        field = FIELDS[name]
        flag = f"--{name.replace('_', '-')}"
        help_ = field.metadata["help"]
        default = default_of(name)
        if isinstance(default, bool):
            shown = f"{help_} (default: {'yes' if default else 'no'})"
            group.add_argument(
                flag, dest=name, action=argparse.BooleanOptionalAction, default=None, help=shown
            )
            continue
        shown = f"{help_} Allowed: {field.metadata['allowed']}."
        if default not in ("", []):
            shown += f" (default: {default})"
        group.add_argument(flag, dest=name, metavar="VALUE", help=shown.replace("%", "%%"))


def options_from(parsed: argparse.Namespace) -> Options:
    """The options, with the flags that were given on top. Raises OptionsError."""
    flags = {name: getattr(parsed, name, None) for name in FIELDS}
    return load_options(flags=flags, config=parsed.config)
