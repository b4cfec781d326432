"""The README says what the options are."""

import re
from pathlib import Path

from wallflower.config.options import FIELDS, default_of

_README = Path(__file__).parents[1] / "README.md"


def test_table_of_options_is_complete_and_true() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \|([^|]*)\|", _README.read_text("utf-8"), re.MULTILINE))
    assert list(rows) == list(FIELDS)
    for name, shown in rows.items():
        default = default_of(name)
        if default not in ("", []):
            value = f"{default:g}" if isinstance(default, float) else str(default).lower()
            assert shown.strip() == f"`{value}`"
