"""Where things are kept, and who this box is."""

import json
import os
import re
import socket
import stat
from pathlib import Path

import pytest

from wallflower.config import Options
from wallflower.config.identity import load_identity
from wallflower.config.places import writable_data_dir
from wallflower.errors import DataDirError, ExitCode, WallflowerError


def test_the_option_names_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    assert writable_data_dir(Options(data_dir=str(folder)), {"XDG_DATA_HOME": "/nowhere"}) == folder
    assert folder.is_dir()
    assert writable_data_dir(Options(data_dir=str(folder)), {}) == folder


def test_home_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert writable_data_dir(Options(data_dir="~/here"), {}) == tmp_path / "here"
    assert writable_data_dir(Options(), {}) == tmp_path / ".local/share/wallflower"


def test_xdg_data_home_is_followed(tmp_path: Path) -> None:
    environment = {"XDG_DATA_HOME": str(tmp_path)}
    assert writable_data_dir(Options(), environment) == tmp_path / "wallflower"


def test_a_file_in_the_way(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for path in (file, file / "below"):
        with pytest.raises(DataDirError) as caught:
            writable_data_dir(Options(data_dir=str(path)), {})
        assert str(path) in str(caught.value)
        assert "--data-dir" in str(caught.value)
        assert caught.value.exit_code == ExitCode.DATA


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        with pytest.raises(DataDirError, match="cannot write"):
            writable_data_dir(Options(data_dir=str(tmp_path)), {})
        with pytest.raises(DataDirError, match="cannot make"):
            writable_data_dir(Options(data_dir=str(tmp_path / "below")), {})
        with pytest.raises(DataDirError, match="cannot write"):
            load_identity(tmp_path, "")
    finally:
        tmp_path.chmod(stat.S_IRWXU)


@pytest.mark.parametrize("folder", ["~nobody-of-that-name/x", "x" * 300])
def test_a_folder_that_cannot_be(folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WallflowerError) as caught:
        writable_data_dir(Options(data_dir=folder), {})
    assert folder in str(caught.value)


def test_the_identity_is_made_once_and_kept(tmp_path: Path) -> None:
    first = load_identity(tmp_path, "")
    assert re.fullmatch(r"[0-9a-f]{8}", first.id)
    assert first.name.startswith("Wallflower ")
    assert load_identity(tmp_path, "") == first
    assert [path.name for path in tmp_path.iterdir()] == ["identity.json"]


def test_two_boxes_differ(tmp_path: Path) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
    assert len({load_identity(folder, "").id for folder in folders}) == 2


def test_the_host_is_asked_only_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container its name changes with every start."""
    monkeypatch.setattr(socket, "gethostname", lambda: "kitchen.example.org")
    assert load_identity(tmp_path, "").name == "Wallflower kitchen"
    monkeypatch.setattr(socket, "gethostname", lambda: "f00dcafe")
    assert load_identity(tmp_path, "").name == "Wallflower kitchen"


def test_a_long_host_name_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "k" * 64)
    assert len(load_identity(tmp_path, "").name) == 63


def test_a_name_that_was_given_is_used_with_the_kept_id(tmp_path: Path) -> None:
    kept = load_identity(tmp_path, "")
    assert load_identity(tmp_path, "Hall") == type(kept)(kept.id, "Hall")
    assert load_identity(tmp_path, "").id == kept.id


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b"[]",
        b"null",
        b'"id"',
        b'{"id": "0123abcd"}',
        b'{"name": "x"}',
        b'{"id": null, "name": null}',
        b'{"id": "", "name": "x"}',
        b'{"id": "../../..", "name": "x"}',
        b'{"id": "0123abcd", "name": ["x"]}',
        b'{"id": "0123abcd", "name": ""}',
        b'{"id": "0123abcd", "name": "two\\nlines"}',
    ],
)
def test_damage_is_survived(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "identity.json").write_bytes(damage)
    identity = load_identity(tmp_path, "")
    assert re.fullmatch(r"[0-9a-f]{8}", identity.id)
    assert identity.name
    assert identity.name.isprintable()
    assert "None" not in identity.name
    assert "[" not in identity.name
    assert load_identity(tmp_path, "") == identity


def test_a_name_in_any_script_is_kept(tmp_path: Path) -> None:
    (tmp_path / "identity.json").write_text(json.dumps({"id": "0123abcd", "name": "Küche 台所"}))
    assert load_identity(tmp_path, "").name == "Küche 台所"


def test_something_in_the_way_of_the_identity(tmp_path: Path) -> None:
    (tmp_path / "identity.json").mkdir()
    with pytest.raises(DataDirError, match=r"identity\.json"):
        load_identity(tmp_path, "")
