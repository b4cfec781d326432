"""Small files that are whole, or made anew."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallflower.config.kept import read_kept, write_kept
from wallflower.errors import DataDirError


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "some.json"
    assert read_kept(path) == {}
    write_kept(path, {"Größe": [1, None]})
    write_kept(path, {"Größe": [2, None]})
    assert read_kept(path) == {"Größe": [2, None]}
    assert [each.name for each in tmp_path.iterdir()] == ["some.json"]


@given(content=st.binary(max_size=30) | st.sampled_from([b"[]", b"1", b"[" * 100_000]))
def test_a_damaged_file_is_an_empty_one(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("kept") / "some.json"
    path.write_bytes(content)
    assert isinstance(read_kept(path), dict)


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "some.json").mkdir()
    with pytest.raises(DataDirError, match=r"cannot write .*some\.json"):
        write_kept(tmp_path / "some.json", {})
    assert [each.name for each in tmp_path.iterdir()] == ["some.json"]
    with pytest.raises(DataDirError):
        write_kept(tmp_path / "nowhere" / "some.json", {})
