"""Where options come from, and which place wins."""

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from wallflower.config import Options, OptionsError, load_options
from wallflower.config.options import FIELDS, default_of

Load = Callable[..., Options]

# The places from the weakest to the strongest, each saying something else.
_PLACES: list[dict[str, Any]] = [
    {"yaml": "max_clients: 11\n"},
    {"addon": {"max_clients": 12}},
    {"env": {"WALLFLOWER_MAX_CLIENTS": "13"}},
    {"flags": {"max_clients": "14"}},
]


def test_defaults_without_any_place(load: Load) -> None:
    assert load() == Options()
    assert Options().max_clients == 32


@pytest.mark.parametrize(("weakest", "strongest"), list(itertools.combinations(range(5), 2)))
def test_a_later_place_wins(load: Load, weakest: int, strongest: int) -> None:
    told: dict[str, Any] = {}
    for place in _PLACES[weakest:strongest]:
        told |= place
    assert load(**told).max_clients == 10 + strongest


def test_places_are_merged_key_by_key(load: Load) -> None:
    options = load(
        yaml="max_clients: 11\nthreads: 1\nlanguage: en-GB\nlog_level: error\n",
        addon={"threads": 2, "name": "Hall"},
        env={"WALLFLOWER_LANGUAGE": "en-AU", "WALLFLOWER_OFFLINE": "yes"},
        flags={"log_level": "debug", "name": None},
    )
    assert options == Options(
        max_clients=11, threads=2, name="Hall", language="en-AU", offline=True, log_level="debug"
    )


def test_a_list_is_replaced_as_a_whole(load: Load) -> None:
    options = load(yaml="zeroconf_interfaces: [eth0, eth1]", addon={"zeroconf_interfaces": ["wlan0"]})
    assert options.zeroconf_interfaces == ["wlan0"]


def test_lists_of_two_readings_are_not_shared(load: Load) -> None:
    load().zeroconf_interfaces.append("eth9")
    assert load().zeroconf_interfaces == []
    assert default_of("zeroconf_interfaces") == []


@pytest.mark.parametrize(
    "told",
    [
        {"yaml": "zeroconf_interfaces: [eth0, wlan0]"},
        {"yaml": "zeroconf_interfaces:\n- eth0\n- wlan0\n"},
        {"yaml": "zeroconf_interfaces: eth0, wlan0"},
        {"addon": {"zeroconf_interfaces": ["eth0", "wlan0"]}},
        {"env": {"WALLFLOWER_ZEROCONF_INTERFACES": "eth0,wlan0"}},
        {"env": {"WALLFLOWER_ZEROCONF_INTERFACES": " eth0 , wlan0, "}},
        {"env": {"WALLFLOWER_ZEROCONF_INTERFACES": '["eth0", "wlan0"]'}},
        {"flags": {"zeroconf_interfaces": "eth0,wlan0"}},
        {"flags": {"zeroconf_interfaces": '["eth0","wlan0"]'}},
    ],
    ids=repr,
)
def test_lists_from_every_place(load: Load, told: dict[str, Any]) -> None:
    assert load(**told).zeroconf_interfaces == ["eth0", "wlan0"]


@pytest.mark.parametrize("word", ["true", "True", "YES", "on", "1", " true "])
def test_words_for_true(load: Load, word: str) -> None:
    assert load(env={"WALLFLOWER_OFFLINE": word}).offline is True


@pytest.mark.parametrize("word", ["false", "No", "OFF", "0"])
def test_words_for_false(load: Load, word: str) -> None:
    assert load(env={"WALLFLOWER_ZEROCONF": word}).zeroconf is False


def test_numbers_are_numbers_whatever_they_were_written_as(load: Load) -> None:
    options = load(env={"WALLFLOWER_MAX_UTTERANCE_SECONDS": "90", "WALLFLOWER_THREADS": "3"})
    assert options.max_utterance_seconds == 90.0
    assert options.threads == 3
    assert load(addon={"client_timeout": 1.5}).client_timeout == 1.5


@pytest.mark.parametrize("text", ["", "# nothing but a comment\n", "---\n", "{}"])
def test_an_empty_file_sets_nothing(load: Load, text: str) -> None:
    assert load(yaml=text) == Options()


def test_an_empty_entry_is_not_set(load: Load) -> None:
    assert load(yaml="max_clients:\nthreads: 2\n").max_clients == 32
    assert load(yaml="max_clients: 11\n", addon={"max_clients": None}).max_clients == 11


def test_an_empty_variable_is_not_set(load: Load) -> None:
    env = {"WALLFLOWER_MAX_CLIENTS": "", "WALLFLOWER_CONFIG": "", "WALLFLOWER_HUB_TOKEN_FILE": ""}
    assert load(yaml="max_clients: 11\n", env=env).max_clients == 11
    assert load(env=env) == Options()


def test_other_variables_are_nobodys_business(load: Load) -> None:
    assert load(env={"PATH": "/bin", "WALLPAPER_NAME": "x", "MAX_CLIENTS": "1"}) == Options()


def test_the_environment_names_the_file(tmp_path: Path) -> None:
    file = tmp_path / "my.yaml"
    file.write_text("max_clients: 11\n")
    other = tmp_path / "other.yaml"
    other.write_text("max_clients: 12\n")
    env = {"WALLFLOWER_CONFIG": str(file)}
    nowhere = tmp_path / "none.json"
    assert load_options(environment=env, addon_options=nowhere).max_clients == 11
    assert load_options(config=str(other), environment=env, addon_options=nowhere).max_clients == 12


def test_a_secret_may_lie_in_a_file(load: Load, tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("hf_abc\n")
    assert load(env={"WALLFLOWER_HUB_TOKEN_FILE": str(secret)}).hub_token == "hf_abc"


def test_only_a_secret_may_lie_in_a_file(load: Load, tmp_path: Path) -> None:
    file = tmp_path / "model"
    file.write_text("moonshine-tiny-en")
    with pytest.raises(OptionsError, match="there is no option 'model_file'"):
        load(env={"WALLFLOWER_MODEL_FILE": str(file)})


def test_an_option_whose_name_ends_in_file_is_itself(load: Load) -> None:
    assert load(env={"WALLFLOWER_LOG_FILE": "/tmp/w.log"}).log_file == "/tmp/w.log"


def test_a_secret_file_that_is_not_there(load: Load, tmp_path: Path) -> None:
    missing = tmp_path / "nothing"
    with pytest.raises(OptionsError) as caught:
        load(env={"WALLFLOWER_HUB_TOKEN_FILE": str(missing)})
    assert str(missing) in str(caught.value)


def test_every_option_can_be_set_from_the_environment(load: Load) -> None:
    """With its own default as text: what the environment can say, every option can take."""
    for name in FIELDS:
        default = default_of(name)
        text = ",".join(default) if isinstance(default, list) else str(default)
        assert getattr(load(env={f"WALLFLOWER_{name.upper()}": text}), name) == default


def test_options_stay_flat() -> None:
    """The add-on's form shows scalars, lists, and lists of flat mappings: nothing deeper."""
    for name in FIELDS:
        assert isinstance(default_of(name), str | int | float | bool | list), name
        assert FIELDS[name].metadata["help"].endswith("."), name
        assert FIELDS[name].metadata["allowed"], name


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Path]:
    """A folder that the test may not enter; where root runs it, the test becomes nobody."""
    folder = tmp_path / "locked"
    folder.mkdir()
    (folder / "options.json").write_text("{}")
    folder.chmod(0)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    yield folder
    if root:
        os.seteuid(0)
    folder.chmod(0o700)


def test_a_folder_that_may_not_be_entered_is_no_addon(locked: Path) -> None:
    """A machine may have a /data of its own that this user cannot enter: it is not the add-on's."""
    assert load_options(environment={}, addon_options=locked / "options.json") == Options()
