"""What was changed at run time, and what the options say: which holds."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from wallflower.listening.overlay import changed, configured, created, deleted, pruned, slugs_of

DOOR: dict[str, Any] = {"name": "Door", "url": "rtsp://camera", "gain": 3.0}


def test_a_change_holds_until_the_options_say_something_else() -> None:
    overlay = changed({}, "door", DOOR, {"gain": 6.0, "language": "de"})
    now = configured({"door": DOOR}, overlay)["door"]
    assert (now.settings.gain, now.settings.language) == (6.0, "de")
    assert [now.holds(key) for key in ("gain", "language", "url", "program")] == [
        "run time",
        "run time",
        "options",
        "default",
    ]
    later = DOOR | {"gain": 0.0}
    now = configured({"door": later}, overlay)["door"]
    assert (now.settings.gain, now.settings.language) == (0.0, "de")
    # and it does not come back when the options say again what they said
    assert configured({"door": DOOR}, pruned(overlay, {"door": later}))["door"].settings.gain == 3.0


def test_a_change_back_leaves_nothing() -> None:
    overlay = changed({}, "door", DOOR, {"gain": 6.0, "enabled": False})
    assert changed(overlay, "door", DOOR, {"gain": 3.0, "enabled": True}) == {}


def test_a_change_from_nothing_stated_ends_when_it_is_stated() -> None:
    overlay = changed({}, "door", DOOR, {"enabled": False})
    assert not configured({"door": DOOR}, overlay)["door"].settings.enabled
    assert configured({"door": DOOR | {"enabled": True}}, overlay)["door"].settings.enabled


def test_a_source_made_at_run_time() -> None:
    overlay = created({}, "hall", {"name": "Hall", "url": "mic"})
    overlay = changed(overlay, "hall", {}, {"gain": 2.0})
    overlay = changed(overlay, "hall", {}, {"gain": 0.0})
    hall = configured({}, overlay)["hall"]
    assert (hall.settings.name, hall.settings.url, hall.settings.gain) == ("Hall", "mic", 0.0)
    assert hall.holds("url") == "run time"
    assert configured({}, deleted(overlay, "hall", {})) == {}


def test_a_source_that_was_deleted_comes_back_when_the_options_change_it() -> None:
    overlay = deleted(changed({}, "door", DOOR, {"gain": 9.0}), "door", DOOR)
    assert configured({"door": DOOR}, overlay) == {}
    assert configured({"door": DOOR}, pruned(overlay, {"door": DOOR})) == {}
    later = DOOR | {"url": "rtsp://other"}
    assert configured({"door": later}, overlay)["door"].settings.gain == 3.0
    assert pruned(overlay, {"door": later}) == {}


def test_a_source_that_the_options_have_no_more_is_gone_with_its_changes() -> None:
    overlay = changed({}, "door", DOOR, {"gain": 9.0})
    assert configured({}, overlay) == {}
    assert pruned(overlay, {}) == {}


def test_slugs_stay_with_their_names() -> None:
    first = slugs_of([{"name": "Küche"}, {"name": "Kuche"}], {}, {})
    assert list(first) == ["kuche", "kuche_2"]
    known = {each["name"]: slug for slug, each in first.items()}
    again = slugs_of([{"name": "Kuche"}, {"name": "KÜCHE!"}, {"name": "Küche"}], known, {})
    assert {each["name"]: slug for slug, each in again.items()} == {
        "Kuche": "kuche_2",
        "Küche": "kuche",
        "KÜCHE!": "kuche_3",
    }
    overlay = created({}, "hall", {"name": "Hall", "url": "mic"})
    assert list(slugs_of([{"name": "Hall"}], {}, overlay)) == ["hall_2"]


_CHANGES = st.fixed_dictionaries(
    {}, optional={"gain": st.sampled_from([0.0, 3.0, 6.0]), "enabled": st.booleans()}
)


@given(st.lists(_CHANGES, max_size=6))
def test_the_last_change_holds_and_json_can_carry_it(changes: list[dict[str, Any]]) -> None:
    overlay: dict[str, Any] = {}
    wanted = {"gain": 3.0, "enabled": True}
    for change in changes:
        overlay = json.loads(json.dumps(changed(overlay, "door", DOOR, change)))
        wanted |= change
    settings = configured({"door": DOOR}, overlay)["door"].settings
    assert {"gain": settings.gain, "enabled": settings.enabled} == wanted
