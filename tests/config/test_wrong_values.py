"""What is said when an option is wrong: the option, its value, what is allowed, and where it came from."""

import contextlib
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from wallflower.config import Options, OptionsError
from wallflower.config.options import FIELDS, default_of
from wallflower.errors import ExitCode

Load = Callable[..., Options]

_WRONG: list[tuple[str, Any]] = [
    ("uri", "10300"),
    ("uri", "tcp://0.0.0.0"),
    ("uri", "tcp://:10300"),
    ("uri", "tcp://host:port"),
    ("uri", "tcp://host:99999"),
    ("uri", "tcp://host:1/path"),
    ("uri", "http://host:1"),
    ("uri", "unix://"),
    ("uri", "tcp://[::1:1"),
    ("uri", 10300),
    ("name", "x" * 64),
    ("name", "two\nlines"),
    ("name", 7),
    ("model", "Moonshine Tiny"),
    ("model", "../../etc/passwd"),
    ("model", ["moonshine-tiny-en"]),
    ("language", "e"),
    ("languages", ["auto"]),
    ("languages", "de, e"),
    ("language", "en_GB"),
    ("language", 5),
    ("policy", "best"),
    ("policy", 1),
    ("device", "the big one"),
    ("device", "gpu.x"),
    ("memory_limit", -1),
    ("memory_limit", "1 GB"),
    ("power", "full"),
    ("threads", -1),
    ("threads", 257),
    ("threads", 1.5),
    ("threads", True),
    ("threads", "two"),
    ("threads", "9" * 5000),
    ("endpointing", "sometimes"),
    ("max_utterance_seconds", -1),
    ("max_utterance_seconds", 86_401),
    ("max_utterance_seconds", "nan"),
    ("max_utterance_seconds", "inf"),
    ("max_utterance_seconds", False),
    ("max_utterance_seconds", [5]),
    ("max_utterance_seconds", 10**400),
    ("max_clients", 0),
    ("max_clients", {"many": 1}),
    ("client_timeout", "soon"),
    ("zeroconf", "perhaps"),
    ("zeroconf", 2),
    ("zeroconf", []),
    ("zeroconf_interfaces", {"eth0": True}),
    ("zeroconf_interfaces", [1]),
    ("zeroconf_interfaces", ["eth0\n"]),
    ("zeroconf_interfaces", '["eth0"'),
    ("zeroconf_interfaces", "[" * 3000),
    ("data_dir", 3),
    ("data_dir", "a\x00b"),
    ("source_folders", [1]),
    ("speakers", "anna"),
    ("keep_transcripts", "some"),
    ("keep_days", -1),
    ("keep_size", "much"),
    ("keep_audio_size", 0),
    ("offline", "nearly"),
    ("hub_url", "huggingface.co"),
    ("hub_url", "ftp://huggingface.co"),
    ("hub_url", "https://"),
    ("hub_url", "http://[::1"),
    ("http_port", 65_536),
    ("home_assistant_url", "homeassistant.local:8123"),
    ("home_assistant_url", "ws://homeassistant.local:8123"),
    ("mqtt", "perhaps"),
    ("mqtt_url", "broker:1883"),
    ("mqtt_user", 7),
    ("mqtt_ca_file", "a\nb"),
    ("mqtt_cert_file", 1),
    ("mqtt_key_file", ["a"]),
    ("mqtt_discovery_prefix", "home/#"),
    ("alerts", "help"),
    ("alerts", [["keyword"]]),
    ("alerts", [{"name": {"first": "a"}}]),
    ("home_assistant_alerts", ["mail"]),
    ("home_assistant_alerts", "event, notify.Phone"),
    ("log_level", "loud"),
    ("log_format", "xml"),
    ("log_file", "a\nb"),
]


@pytest.mark.parametrize(("name", "value"), _WRONG, ids=lambda part: repr(part)[:40])
def test_a_wrong_value_is_explained(load: Load, tmp_path: Path, name: str, value: Any) -> None:
    with pytest.raises(OptionsError) as caught:
        load(addon={name: value})
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'options.json'}: option {name!r} is ")
    assert repr(value)[:60] in message
    assert FIELDS[name].metadata["allowed"] in message
    assert caught.value.exit_code == ExitCode.USAGE
    assert "\n" not in message


def test_every_option_has_a_wrong_value_here() -> None:
    assert {name for name, _ in _WRONG} >= {
        name for name, field in FIELDS.items() if not field.metadata["secret"]
    }


@pytest.mark.parametrize(
    ("told", "origin"),
    [
        ({"yaml": "threads: many"}, "wallflower.yaml"),
        ({"addon": {"threads": "many"}}, "options.json"),
        ({"env": {"WALLFLOWER_THREADS": "many"}}, "WALLFLOWER_THREADS"),
        ({"flags": {"threads": "many"}}, "--threads"),
    ],
)
def test_the_origin_is_named(load: Load, told: dict[str, Any], origin: str) -> None:
    with pytest.raises(OptionsError) as caught:
        load(**told)
    before, _, after = str(caught.value).partition(": ")
    assert before.endswith(origin)
    assert "'many'" in after


def test_a_flag_is_named_as_it_is_typed(load: Load) -> None:
    with pytest.raises(OptionsError, match=r"^--max-clients: option 'max_clients' is '0'"):
        load(flags={"max_clients": "0"})


def test_all_problems_are_told_at_once(load: Load) -> None:
    with pytest.raises(OptionsError) as caught:
        load(
            yaml="thread: 2\nlog_level: loud\n",
            addon={"max_clients": 0},
            env={"WALLFLOWER_ZEROCONF": "perhaps", "WALLFLOWER_COLOUR": "red"},
            flags={"language": "?"},
        )
    lines = str(caught.value).splitlines()
    assert len(lines) == 6
    for word in ("thread", "loud", "max_clients", "perhaps", "colour", "language"):
        assert sum(word in line for line in lines) >= 1, word


@pytest.mark.parametrize(
    ("unknown", "nearest"),
    [("lenguage", "language"), ("max_client", "max_clients"), ("zero_conf", "zeroconf"), ("modell", "model")],
)
def test_an_unknown_key_brings_the_nearest_name(load: Load, unknown: str, nearest: str) -> None:
    for told in (
        {"yaml": f"{unknown}: 1"},
        {"addon": {unknown: 1}},
        {"env": {f"WALLFLOWER_{unknown.upper()}": "1"}},
    ):
        with pytest.raises(OptionsError) as caught:
            load(**told)
        assert f"no option {unknown!r}" in str(caught.value)
        assert f"did you mean {nearest!r}?" in str(caught.value)


@pytest.mark.parametrize("key", ["completely_different", "7", "''", "[1, 2]: {}\n? x"])
def test_an_unknown_key_like_nothing_known(load: Load, key: str) -> None:
    with pytest.raises(OptionsError):
        load(yaml=f"{key}: 1")


def test_an_unset_unknown_key_is_wrong_too(load: Load) -> None:
    with pytest.raises(OptionsError, match="threds"):
        load(yaml="threds:\n")


@pytest.mark.parametrize("value", ["hf_secret\nsecond line", "hf_secret\x1b"])
def test_secrets_are_not_shown(load: Load, tmp_path: Path, value: str) -> None:
    file = tmp_path / "token"
    file.write_text(value + "\nmore")
    for told in (
        {"addon": {"hub_token": value}},
        {"addon": {"hub_token": [value]}},
        {"env": {"WALLFLOWER_HUB_TOKEN": value}},
        {"env": {"WALLFLOWER_HUB_TOKEN_FILE": str(file)}},
        {"flags": {"hub_token": value}},
    ):
        with pytest.raises(OptionsError) as caught:
            load(**told)
        assert "hub_token" in str(caught.value)
        assert "hf_secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("threads: 2\nname: [1, 2\nmodel: x\n", 3),
        ("threads: 2\n\tname: x\n", 2),
        ("name: 'never closed\n", 2),
        ("name: a: b\n", 1),
    ],
)
def test_bad_yaml_is_located(load: Load, text: str, line: int) -> None:
    with pytest.raises(OptionsError, match=f"wallflower.yaml is not valid YAML, line {line}, column "):
        load(yaml=text)


@pytest.mark.parametrize(
    "text",
    [
        "name: !!python/object/apply:os.system ['true']",
        "name: \x07",
        "when: 2024-13-45",
        "threads: 0b",
        "threads: " + "9" * 5000,
        "threads: " + "[" * 3000,
        "name: *nobody",
        b"name: \xff\xfe",
        "? [1]\n: 2",
        "<<: 3",
    ],
    ids=lambda text: repr(text)[:30],
)
def test_odd_yaml_is_an_error_in_words(load: Load, text: str | bytes) -> None:
    with pytest.raises(OptionsError, match=r"wallflower\.yaml"):
        load(yaml=text)


@pytest.mark.parametrize("text", ["- threads\n- 2\n", "threads", "7"])
def test_a_file_must_hold_a_mapping(load: Load, text: str) -> None:
    with pytest.raises(OptionsError, match="must hold options"):
        load(yaml=text)
    with pytest.raises(OptionsError, match="must hold options"):
        load(addon=["threads"])


@pytest.mark.parametrize(
    "text",
    ["{", '{"threads": }', "", "{'threads': 2}", '{"threads": ' + "9" * 5000 + "}", "[" * 3000],
    ids=lambda text: repr(text)[:30],
)
def test_bad_json_is_located(load: Load, text: str) -> None:
    with pytest.raises(OptionsError, match=r"options\.json"):
        load(addon=text)


def test_a_file_that_is_not_there(load: Load, tmp_path: Path) -> None:
    missing = tmp_path / "none.yaml"
    with pytest.raises(OptionsError, match="No such file"):
        load(env={"WALLFLOWER_CONFIG": str(missing)})
    with pytest.raises(OptionsError, match="directory"):
        load(env={"WALLFLOWER_CONFIG": str(tmp_path)})


_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(string.printable, max_size=20)
    | st.text(max_size=8)
    | st.sampled_from(["tcp://h:1", "unix:///x", "http://h", "en", "debug", "[1]", "[", "1e999"])
)
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=4), inner), max_leaves=6
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(FIELDS)) | st.text(max_size=10), _VALUES, max_size=4))
@example({"max_utterance_seconds": 10**400})
@example({"hub_url": "http://[x"})
@example({"name": "\ud800"})
def test_whatever_the_addon_says(load: Load, content: dict[str, Any]) -> None:
    with contextlib.suppress(OptionsError):
        options = load(addon=content)
        assert {type(getattr(options, name)) for name in ("threads", "max_clients")} == {int}
        assert type(options.client_timeout) is float
        assert type(options.zeroconf) is bool


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(st.sampled_from(sorted(FIELDS)), st.text(max_size=30))
def test_whatever_the_environment_says(load: Load, name: str, text: str) -> None:
    with contextlib.suppress(OptionsError):
        options = load(env={f"WALLFLOWER_{name.upper()}": text})
        assert type(getattr(options, name)) is type(default_of(name))
