"""What was chosen while the daemon ran holds until the option itself is changed."""

from pathlib import Path

import pytest

from wallflower.config import Options
from wallflower.config.chosen import choose, with_choices


def test_a_choice_holds_until_the_option_is_changed(tmp_path: Path) -> None:
    given = Options(power="balanced")
    assert with_choices(given, tmp_path) == given
    choose(given, tmp_path, "power", "powersave")
    choose(given, tmp_path, "policy", "speed")
    chosen = with_choices(given, tmp_path)
    assert (chosen.power, chosen.policy) == ("powersave", "speed")
    changed = with_choices(Options(power="performance"), tmp_path)
    assert (changed.power, changed.policy) == ("performance", "speed")


def test_a_choice_can_be_taken_back(tmp_path: Path) -> None:
    choose(Options(), tmp_path, "policy", "speed")
    choose(Options(), tmp_path, "policy", "")
    assert with_choices(Options(), tmp_path).policy == ""


@pytest.mark.parametrize(
    "text",
    [
        "no JSON",
        '{"power": 5}',
        '{"power": {"instead_of": "balanced", "value": "full"}}',
        '{"power": {"instead_of": "balanced"}}',
        '{"uri": {"instead_of": "tcp://0.0.0.0:10300", "value": "tcp://0.0.0.0:1"}}',
        '{"origins": {"instead_of": {}, "value": 1}}',
    ],
)
def test_a_file_that_is_damaged_or_wants_too_much_changes_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "chosen.json").write_text(text)
    assert with_choices(Options(), tmp_path) == Options()
