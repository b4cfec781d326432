"""What Supervisor reads at the repository's root, held against Supervisor's rules and against the daemon."""

import itertools
import re
import struct
from pathlib import Path
from typing import Any

import pytest
import voluptuous as vol
import yaml

from tests.addon.supervisor_rules import ADDON, BUILD, REPOSITORY, options_schema, rating
from wallflower import __version__
from wallflower.alerts import reading, targets
from wallflower.config.loading import load_options
from wallflower.config.options import FIELDS, Options, default_of
from wallflower.config.sources import SOURCE_FIELDS

ROOT = Path(__file__).parents[2]
CONFIG: dict[str, Any] = yaml.safe_load((ROOT / "config.yaml").read_text("utf-8"))
LISTED = {
    "sources": tuple(SOURCE_FIELDS),
    "alerts": tuple(dict.fromkeys([*reading._COMMON, *itertools.chain(*reading._KINDS.values())])),
    "webhooks": tuple(targets._CHECKS),
}
"""Options that are lists of mappings, and what may stand in one."""
LEFT_OUT = {
    "uri": "Supervisor says which port of the house leads to the container's",
    "http_port": "ingress asks at 8099",
    "zeroconf": "multicast does not leave the add-on's network: Supervisor announces it",
    "zeroconf_interfaces": "as zeroconf",
    "home_assistant_url": "Supervisor leads there",
    "home_assistant_token": "Supervisor's own is taken",
    "data_dir": "what Supervisor keeps is in /data",
    "log_file": "Supervisor keeps the log",
}


def test_form() -> None:
    ADDON(CONFIG)
    BUILD(_yaml("build.yaml"))
    REPOSITORY(_yaml("repository.yaml"))
    assert CONFIG["version"] == __version__
    assert rating(CONFIG, apparmor=(ROOT / "apparmor.txt").exists()) == 8


def test_options_are_the_daemons() -> None:
    assert list(CONFIG["schema"]) == [name for name in FIELDS if name not in LEFT_OUT]
    for name, fields in LISTED.items():
        (item,) = CONFIG["schema"][name]
        assert tuple(item) == fields, name
    for name, value in CONFIG["options"].items():
        assert value == default_of(name), name


def test_what_the_form_hides_is_optional() -> None:
    """Supervisor refuses to start an add-on without an option that is neither optional nor has a default."""
    options_schema(CONFIG["schema"])(CONFIG["options"])


@pytest.mark.parametrize("name", [name for name in FIELDS if name not in LEFT_OUT])
def test_the_daemon_takes_what_the_form_takes(name: str) -> None:
    form = options_schema({name: CONFIG["schema"][name]})
    for value in _EXAMPLES.get(name) or _examples(CONFIG["schema"][name]):
        taken = form({name: value})
        assert Options(**_checked(name, taken[name])) is not None


@pytest.mark.parametrize(
    "name", [name for name in CONFIG["schema"] if isinstance(CONFIG["schema"][name], str)]
)
def test_ranges_are_the_daemons(name: str) -> None:
    kind = CONFIG["schema"][name].removesuffix("?")
    limits = re.fullmatch(r"(int|float)\((.*),(.*)\)", kind)
    if limits:
        for limit, step in ((limits[2], -1), (limits[3], 1)):
            _checked(name, int(limit))
            with pytest.raises(vol.Invalid):
                _checked(name, int(limit) + step)


def test_translations_are_complete() -> None:
    listed = {name: set(fields) for name, fields in LISTED.items() if name in CONFIG["schema"]}
    for language in ("en", "de", "fr", "es", "nl", "it"):
        words = _yaml(f"translations/{language}.yaml")
        assert set(words) == {"configuration", "network"}, language
        assert list(words["configuration"]) == list(CONFIG["schema"]), language
        assert list(words["network"]) == list(CONFIG["ports"]), language
        assert CONFIG["ports"].keys() == CONFIG["ports_description"].keys()
        for name, said in words["configuration"].items():
            assert said["name"], (language, name)
            assert said["description"], (language, name)
            assert set(said.get("fields", ())) == listed.get(name, set()), (language, name)
            for field in said.get("fields", {}).values():
                assert field["name"], (language, name)


def test_translations_are_translated() -> None:
    english = _yaml("translations/en.yaml")["configuration"]
    for language in ("de", "fr", "es", "nl", "it"):
        words = _yaml(f"translations/{language}.yaml")["configuration"]
        same = [name for name in words if words[name]["description"] == english[name]["description"]]
        assert not same, language


def test_no_file_is_taken_for_another_addon() -> None:
    """Supervisor looks for these names everywhere below the root but in dot-folders and rootfs; for `build`
    it takes any file so named, even there, unless the root has one.
    """
    stray = [
        path
        for name in ("config", "build", "repository")
        for suffix in ("yaml", "yml", "json")
        for path in ROOT.rglob(f"{name}.{suffix}")
        if path.parent != ROOT and not {".venv", ".cache", ".git", "node_modules"} & set(path.parts)
    ]
    assert stray == []
    assert (ROOT / "build.yaml").exists()


def test_build_file_says_what_the_dockerfile_says() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
    (base,) = re.findall(r"^ARG BUILD_FROM=(\S+)$", dockerfile, re.MULTILINE)
    assert _yaml("build.yaml") == {"build_from": dict.fromkeys(CONFIG["arch"], base)}


def test_apparmor_has_one_profile() -> None:
    lines = (ROOT / "apparmor.txt").read_text("utf-8").splitlines()
    assert [line for line in lines if line.startswith("profile ")] == [
        "profile wallflower flags=(attach_disconnected,mediate_deleted) {"
    ]


@pytest.mark.parametrize(("name", "size"), [("icon.png", (128, 128)), ("logo.png", (250, 100))])
def test_pictures(name: str, size: tuple[int, int]) -> None:
    content = (ROOT / name).read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", content[16:24]) == size


@pytest.mark.parametrize("name", ["README.md", "DOCS.md", "CHANGELOG.md", "Dockerfile", "LICENSE"])
def test_files_that_the_store_shows(name: str) -> None:
    assert (ROOT / name).stat().st_size > 200


def test_services_start_and_can_be_run() -> None:
    services = ROOT / "rootfs/etc/s6-overlay/s6-rc.d"
    for service in services.iterdir():
        if service.name == "user":
            continue
        assert (services / "user/contents.d" / service.name).exists()
        assert (service / "dependencies.d/base").exists()
        assert (service / "type").read_text().strip() == "longrun"  # no oneshot could hang the start
        for script in ("run", "finish"):
            assert (service / script).stat().st_mode & 0o111 == 0o111
            assert (service / script).read_bytes().startswith(b"#!/command/with-contenv ")


def _yaml(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text("utf-8"))


def _checked(name: str, value: Any) -> dict[str, Any]:
    return {name: vol.Schema(FIELDS[name].metadata["check"])(value)}


_EXAMPLES: dict[str, list[Any]] = {
    "mqtt_url": ["mqtt://broker.example.org:1884", "mqtts://broker"],
    "alerts": [[], [{"name": "Help", "kind": "keyword", "words": "help, hilfe", "early": False}]],
    "webhooks": [
        [],
        [{"url": "https://example.org/alerts", "secret": "a long one", "phases": "raised, ended"}],
    ],
    "home_assistant_alerts": [[], ["event", "notify.mobile_app_phone"]],
}


def _examples(kind: Any) -> list[Any]:
    """Values that a form of this kind lets through."""
    if isinstance(kind, list):
        if isinstance(kind[0], dict):
            item = {key: _example_of(key, each) for key, each in kind[0].items()}
            return [[], [item]]
        return [[], ["en"]]
    kind = kind.removesuffix("?")
    if kind.startswith("list("):
        return list(kind[5:-1].split("|"))
    if kind == "bool":
        return [True, False]
    if kind.startswith(("int", "float")):
        return [1]
    return {"url": ["https://hub.example.org"]}.get(kind, ["auto" if "match" in kind else "en"])


def _example_of(key: str, kind: Any) -> Any:
    return "rtsp://camera.example.org/1" if key == "url" else _examples(kind)[0]


def test_the_addons_options_are_read(tmp_path: Path) -> None:
    import json

    path = tmp_path / "options.json"
    path.write_text(json.dumps(CONFIG["options"]))
    assert load_options(environment={}, addon_options=path) == Options()


@pytest.mark.parametrize("kind", reading.KINDS)
def test_each_kind_of_alert_can_be_made_in_the_form(kind: str) -> None:
    (form,) = CONFIG["schema"]["alerts"]
    assert kind in form["kind"]
    named = {"words": "help", "speakers": "anna", "troubles": "heat, engine", "schedule": "22:00-06:00"}
    own = {name: named[name] for name in reading._KINDS[kind] if name in named}
    (rule,) = options_schema({"alerts": CONFIG["schema"]["alerts"]})(
        {
            "alerts": [
                {"name": "A rule", "kind": kind, "sources": "hall, garage", "schedule": "22:00-06:00"} | own
            ]
        }
    )["alerts"]
    assert reading.read_rule(rule).kind == kind
