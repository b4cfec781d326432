"""Where Home Assistant is looked for."""

import pytest

from wallflower.config import Options, OptionsError, load_options
from wallflower.homeassistant.access import Access, access_of

_ADD_ON = {"SUPERVISOR_TOKEN": "abc"}


def _options(url: str = "", token: str = "") -> Options:
    return Options(home_assistant_url=url, home_assistant_token=token)


@pytest.mark.parametrize(
    ("url", "websocket"),
    [
        ("http://homeassistant.local:8123", "ws://homeassistant.local:8123/api/websocket"),
        ("https://ha.example.org", "wss://ha.example.org/api/websocket"),
        ("https://ha.example.org/behind/", "wss://ha.example.org/behind/api/websocket"),
        ("http://[fd00::5]:8123", "ws://[fd00::5]:8123/api/websocket"),
        ("http://me:geheim@proxy/?x=1#y", "ws://me:geheim@proxy/api/websocket"),
    ],
)
def test_address_and_token_of_the_options(url: str, websocket: str) -> None:
    assert access_of(_options(url, "token"), {}) == Access(websocket, "token")
    assert access_of(_options(url, "token"), _ADD_ON) == Access(websocket, "token")


def test_in_the_add_on() -> None:
    assert access_of(_options(), _ADD_ON) == Access("ws://supervisor/core/websocket", "abc")
    elsewhere = _ADD_ON | {"SUPERVISOR_API": "http://172.30.32.2/"}
    assert access_of(_options(), elsewhere) == Access("ws://172.30.32.2/core/websocket", "abc")


def test_nowhere() -> None:
    assert access_of(_options(), {}) is None
    assert access_of(_options(), {"SUPERVISOR_TOKEN": ""}) is None


@pytest.mark.parametrize("environment", [{}, _ADD_ON])
def test_only_one_of_the_two(environment: dict[str, str]) -> None:
    with pytest.raises(OptionsError, match="home_assistant_token"):
        access_of(_options(url="http://x"), environment)
    with pytest.raises(OptionsError, match="home_assistant_url") as caught:
        access_of(_options(token="geheim"), environment)
    assert "geheim" not in str(caught.value)


def test_secrets_are_not_shown() -> None:
    assert "geheim" not in repr(Access("ws://me:geheim@x", "geheim"))


@pytest.mark.parametrize("wrong", ["homeassistant.local:8123", "ws://x", "http://", 7])
def test_a_wrong_address_is_refused_with_what_is_allowed(wrong: str | int) -> None:
    with pytest.raises(OptionsError, match="home_assistant_url.*http"):
        load_options(flags={"home_assistant_url": wrong}, environment={})
