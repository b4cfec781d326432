"""What the fetcher does around the sources: room, locks, damage, and several at once."""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from filelock import FileLock

from wallflower.errors import ExitCode
from wallflower.models.catalog import HubSource, Model, ModelError, ModelFile
from wallflower.models.fetching import Fetcher
from wallflower.models.store import FileState, Store

if TYPE_CHECKING:
    from tests.models.conftest import Hub

MakeFile = Callable[..., ModelFile]
MakeModel = Callable[..., Model]

CONTENT = bytes(range(256)) * 1000


class _Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.fixture
def file(hub: "Hub", make_file: MakeFile) -> ModelFile:
    hub.files["/owner/repo/resolve/main/a.bin"] = CONTENT
    return make_file(CONTENT)


@pytest.fixture
def model(file: ModelFile, make_model: MakeModel) -> Model:
    return make_model(file)


async def test_a_truncated_file_is_fetched_again(
    store: Store, hub: "Hub", fetcher: Fetcher, file: ModelFile, model: Model
) -> None:
    await fetcher.ensure([model])
    store.blob(file).write_bytes(CONTENT[:1000])
    assert store.state(file) is FileState.DAMAGED
    await fetcher.ensure([model])
    assert store.blob(file).read_bytes() == CONTENT
    assert len(hub.asked) == 2


async def test_a_corrupted_file_is_fetched_again_when_asked_to_look(
    store: Store, hub: "Hub", fetcher: Fetcher, file: ModelFile, model: Model
) -> None:
    await fetcher.ensure([model])
    store.blob(file).write_bytes(CONTENT[::-1])
    await fetcher.ensure([model])
    assert len(hub.asked) == 1
    assert [finding.state for finding in store.verify(model)] == [FileState.DAMAGED]
    await fetcher.ensure([model], rehash=True)
    assert [finding.state for finding in store.verify(model)] == [FileState.HERE]


async def test_only_what_is_missing_is_fetched(
    store: Store, hub: "Hub", fetcher: Fetcher, make_file: MakeFile, make_model: MakeModel
) -> None:
    files = [make_file(bytes([n]) * 10, name=f"{n}.bin") for n in range(3)]
    hub.files |= {f"/owner/repo/resolve/main/{n}.bin": bytes([n]) * 10 for n in range(3)}
    await fetcher.ensure([make_model(files[1])])
    hub.asked.clear()
    await fetcher.ensure([make_model(*files[:2]), make_model(*files[1:], name="other")])
    assert [request.path[-5:] for request in hub.asked] == ["0.bin", "2.bin"]


async def test_a_file_of_two_models_is_fetched_once(
    hub: "Hub", fetcher: Fetcher, file: ModelFile, make_model: MakeModel
) -> None:
    await fetcher.ensure([make_model(file), make_model(file, name="other")])
    assert len(hub.asked) == 1


async def test_one_failure_leaves_the_others_in_place(
    store: Store, fetcher: Fetcher, file: ModelFile, make_file: MakeFile, make_model: MakeModel
) -> None:
    absent = make_file(b"nowhere", name="absent.bin")
    model = make_model(file, absent)
    with pytest.raises(ModelError, match=r"absent\.bin of tiny"):
        await fetcher.ensure([model])
    assert store.missing(model) == [absent]


async def test_offline(store: Store, hub: "Hub", file: ModelFile, model: Model) -> None:
    with pytest.raises(ModelError) as caught:
        await Fetcher(store, hub_url=hub.url, offline=True).ensure([model])
    assert "'offline' is set: tiny" in str(caught.value)
    assert "wallflower models pull" in str(caught.value)
    assert caught.value.exit_code == ExitCode.MODEL
    assert hub.asked == []


async def test_no_room(
    store: Store, hub: "Hub", fetcher: Fetcher, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: _Usage(10**12, 10**12 - 10_000, 10_000))
    with pytest.raises(ModelError, match=r"has 0 MB free; 200 MB are needed: .*--data-dir"):
        await fetcher.ensure([model])
    assert hub.asked == []


async def test_a_disk_that_fills_up_under_way(
    store: Store, fetcher: Fetcher, file: ModelFile, model: Model
) -> None:
    """The file's place is a device that is always full."""
    store.lock_path()
    store.partial(file).symlink_to("/dev/full")
    with pytest.raises(ModelError, match="No space left on device"):
        await fetcher.ensure([model])


async def test_two_fetchers_at_once_fetch_once(store: Store, hub: "Hub", model: Model) -> None:
    fetchers = [Fetcher(store, hub_url=hub.url) for _ in range(4)]
    async with asyncio.timeout(10):
        await asyncio.gather(*(fetcher.ensure([model]) for fetcher in fetchers))
    assert len(hub.asked) == 1


_PROCESS = """
import asyncio, sys
from pathlib import Path
from wallflower.models.catalog import HubSource, Model, ModelFile
from wallflower.models.fetching import Fetcher
from wallflower.models.store import Store
root, url, size, sha256 = sys.argv[1:]
file = ModelFile("a.bin", int(size), sha256, (HubSource("owner/repo", "main", "a.bin"),))
model = Model("tiny", "", "", (), "", "", "", "", (file,))
asyncio.run(Fetcher(Store(Path(root)), hub_url=url).ensure([model]))
print(len(Store(Path(root)).files(model)["a.bin"].read_bytes()))
"""


async def test_two_processes_at_once_fetch_once(store: Store, hub: "Hub", file: ModelFile) -> None:
    arguments = [str(store.root), hub.url, str(file.size), str(file.sha256)]
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", _PROCESS, *arguments, stdout=subprocess.PIPE
        )
        for _ in range(2)
    ]
    async with asyncio.timeout(30):
        outputs = [(await process.communicate())[0] for process in processes]
    assert outputs == [b"256000\n"] * 2
    assert len(hub.asked) == 1


async def test_a_store_that_another_process_changes_is_waited_for(
    store: Store, hub: "Hub", fetcher: Fetcher, model: Model
) -> None:
    with FileLock(store.lock_path()):
        task = asyncio.create_task(fetcher.ensure([model]))
        await asyncio.sleep(0.2)
        assert not task.done()
        assert hub.asked == []
    async with asyncio.timeout(10):
        await task


async def test_progress_is_told(store: Store, hub: "Hub", model: Model) -> None:
    told: list[object] = []

    class Watch:
        def start(self, name: str, total: int | None, *, doing: str = "fetching") -> None:
            told.append((name, total))

        def advance(self, done: int) -> None:
            told.append(done)

        def note(self, message: str) -> None:
            told.append(message)

    await Fetcher(store, hub_url=hub.url, progress=Watch()).ensure([model])
    assert told[0] == ("a.bin", len(CONTENT))
    done = [item for item in told[1:] if isinstance(item, int)]
    assert done == sorted(done)
    assert done[-1] == len(CONTENT)
    assert {item for item in told if not isinstance(item, int)} == {("a.bin", len(CONTENT))}


async def test_a_source_that_fails_is_noted(
    store: Store, hub: "Hub", file: ModelFile, make_file: MakeFile, make_model: MakeModel
) -> None:
    notes: list[str] = []

    class Watch:
        def start(self, name: str, total: int | None, *, doing: str = "fetching") -> None: ...
        def advance(self, done: int) -> None: ...
        def note(self, message: str) -> None:
            notes.append(message)

    places = [HubSource("owner/absent", "main", "x"), *file.sources]
    await Fetcher(store, hub_url=hub.url, progress=Watch()).ensure([make_model(make_file(CONTENT, *places))])
    assert len(notes) == 1
    assert "a.bin" in notes[0]
    assert "HTTP 404" in notes[0]


async def test_a_file_where_the_store_should_be(store: Store, fetcher: Fetcher, model: Model) -> None:
    store.root.write_text("in the way")
    with pytest.raises(ModelError, match="model store"):
        await fetcher.ensure([model])


@pytest.fixture
def read_only_store() -> Iterator[Store]:
    """A store with its folders that this user may read and not write; where root tests, it turns nobody."""
    folder = Path(tempfile.mkdtemp())
    store = Store(folder / "models")
    store.lock_path()
    folder.chmod(0o755)
    for path in (store.root / "blobs", store.root / "partial", store.root):
        path.chmod(0o555)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    yield store
    if root:
        os.seteuid(0)
    for path in (store.root, store.root / "blobs", store.root / "partial"):
        path.chmod(0o755)
    shutil.rmtree(folder)


async def test_a_store_that_may_not_be_written(hub: "Hub", model: Model, read_only_store: Store) -> None:
    with pytest.raises(ModelError, match=str(read_only_store.root)):
        await Fetcher(read_only_store, hub_url=hub.url).ensure([model])
    with pytest.raises(ModelError, match=str(read_only_store.root)):
        read_only_store.remove(model, keep=[])
