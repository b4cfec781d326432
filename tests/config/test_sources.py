"""The settings of sources: what is taken, what is refused and how, and the slugs made of names."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallflower.config import Options, OptionsError
from wallflower.config.sources import SOURCE_FIELDS, slug_of

Load = Callable[..., Options]

DOOR = {"name": "Front door", "url": "rtsp://user:pass@camera/1"}


def test_from_the_file_the_form_the_environment_and_a_secret_file(load: Load, tmp_path: Path) -> None:
    file = tmp_path / "sources.json"
    file.write_text(json.dumps([DOOR]))
    for told in (
        {"yaml": "sources:\n- name: Front door\n  url: rtsp://user:pass@camera/1\n"},
        {"addon": {"sources": [DOOR]}},
        {"env": {"WALLFLOWER_SOURCES": json.dumps([DOOR])}},
        {"env": {"WALLFLOWER_SOURCES_FILE": str(file)}},
        {"flags": {"sources": json.dumps([DOOR])}},
    ):
        assert load(**told).sources == [DOOR]


def test_values_get_their_types_and_only_what_is_stated_is_there(load: Load) -> None:
    (given_,) = load(addon={"sources": [DOOR | {"gain": "6", "enabled": "no", "language": None}]}).sources
    assert given_ == DOOR | {"gain": 6.0, "enabled": False}


@pytest.mark.parametrize("url", ["mic", "mic:hw:1,0", "push", "file:///media/a.wav", "srt://host:9000"])
def test_where_sound_may_come_from(load: Load, url: str) -> None:
    assert load(addon={"sources": [{"name": "a", "url": url}]}).sources[0]["url"] == url


@pytest.mark.parametrize(
    ("wrong", "part"),
    [
        ({"volume": 3}, "there is no setting 'volume'"),
        ({"keep_audo": True}, "did you mean 'keep_audio'?"),
        ({"gain": "loud"}, "'gain' is 'loud'; allowed: a number of dB from -40 to 40"),
        ({"program": "best"}, "accurate or fast"),
        ({"sensitivity": 4}, "relaxed, default or aggressive"),
        ({"language": "?"}, "'language' is '?'"),
        ({"url": "secret"}, "'url' is (not shown); allowed: an address"),
        ({"url": "rtsp://a b"}, "'url' is (not shown)"),
        ({"url": None}, "has no 'url'"),
        ({"enabled": "perhaps"}, "true or false"),
        ({"speakers": "anna"}, "'speakers' is 'anna'; allowed: true or false"),
    ],
)
def test_a_wrong_setting_is_named_with_its_source(load: Load, wrong: dict[str, Any], part: str) -> None:
    with pytest.raises(OptionsError) as caught:
        load(addon={"sources": [{"name": "Hall", "url": "mic"}, DOOR | wrong]})
    message = str(caught.value)
    assert "option 'sources': source 'Front door'" in message
    assert part in message
    assert "pass" not in message


@pytest.mark.parametrize(
    "wrong", ["rtsp://user:pass@camera", [3], ["mic"], [{"url": "rtsp://user:pass@camera"}], {"name": "pass"}]
)
def test_what_is_no_list_of_sources(load: Load, wrong: Any) -> None:
    with pytest.raises(OptionsError) as caught:
        load(addon={"sources": wrong})
    assert "sources" in str(caught.value)
    assert "pass" not in str(caught.value)


def test_names_are_unique(load: Load) -> None:
    with pytest.raises(OptionsError, match="two sources are called 'front door'"):
        load(addon={"sources": [DOOR, DOOR | {"name": "FRONT DOOR"}]})


def test_every_setting_is_explained() -> None:
    for field in SOURCE_FIELDS.values():
        assert field.metadata["help"].endswith(".")
        assert field.metadata["allowed"]


def test_slugs_are_short_and_plain() -> None:
    assert slug_of("Küche (oben)") == "kuche_oben"
    assert slug_of("Küche", {"kuche"}) == "kuche_2"
    assert slug_of("玄関") == "source"


@given(st.lists(st.text(max_size=80), max_size=9))
def test_slugs_are_unique_whatever_the_names(names: list[str]) -> None:
    slugs: list[str] = []
    for name in names:
        slugs.append(slug_of(name, slugs))
    assert len(set(slugs)) == len(slugs)
    assert all(slug.isascii() and slug.replace("_", "").isalnum() for slug in slugs)
