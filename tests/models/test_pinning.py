"""Files whose checksum nobody published: pinned on first use, and held to that from then on."""

import hashlib
import shutil
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from wallflower.models import room
from wallflower.models.catalog import HubSource, Model, ModelError, ModelFile
from wallflower.models.fetching import Fetcher
from wallflower.models.store import FileState, Store

if TYPE_CHECKING:
    from tests.models.conftest import Hub

MakeFile = Callable[..., ModelFile]
MakeModel = Callable[..., Model]

CONTENT = bytes(range(256)) * 1000
OTHER = CONTENT[::-1]
COMMIT = "0123456789abcdef" * 2 + "01234567"
PATH = f"/owner/repo/resolve/{COMMIT}/a.bin"


class Watch:
    """Remembers what was told."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, int | None]] = []
        self.notes: list[str] = []
        self.done = 0

    def start(self, name: str, total: int | None, *, doing: str = "fetching") -> None:
        self.begun.append((name, total))

    def advance(self, done: int) -> None:
        self.done = done

    def note(self, message: str) -> None:
        self.notes.append(message)


def unknown(size: int | None = None, revision: str = COMMIT, name: str = "a.bin") -> ModelFile:
    return ModelFile(name, size, None, (HubSource("owner/repo", revision, name),))


@pytest.fixture
def model(hub: "Hub", make_file: MakeFile, make_model: MakeModel) -> Model:
    """A model on the hub with one file of which nothing is known, and one of which all is."""
    hub.files = {PATH: CONTENT, "/owner/repo/resolve/main/b.bin": b"known"}
    return make_model(unknown(), make_file(b"known", name="b.bin"))


async def test_the_first_bytes_are_pinned_and_said_so(store: Store, hub: "Hub", model: Model) -> None:
    watch = Watch()
    assert store.model_state(model) is FileState.MISSING
    assert [finding.state for finding in store.verify(model)] == [FileState.MISSING] * 2
    await Fetcher(store, hub_url=hub.url, progress=watch).ensure([model])
    assert store.files(model)["a.bin"].read_bytes() == CONTENT
    first, second = store.files_of(model)
    assert (first.pinned, second.pinned) == (True, False)
    assert (first.size, first.sha256) == (len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
    assert store.files(model)["a.bin"].name == first.sha256
    assert [note for note in watch.notes if "pinned on first use" in note and str(first.sha256) in note]
    assert {finding.state for finding in store.verify(model)} == {FileState.HERE}
    assert list((store.root / "partial").iterdir()) == []
    assert watch.begun[:2] == [("a.bin", None), ("a.bin", len(CONTENT))]  # the hub told its size


async def test_what_is_pinned_is_asked_for_no_more(store: Store, hub: "Hub", model: Model) -> None:
    await Fetcher(store, hub_url=hub.url).ensure([model])
    hub.asked.clear()
    for offline in (False, True):
        await Fetcher(store, hub_url=hub.url, offline=offline).ensure([model], rehash=True)
    assert hub.asked == []


@pytest.mark.parametrize("size", [None, len(CONTENT)])
async def test_damage_is_found_and_mended(
    store: Store, hub: "Hub", model: Model, make_model: MakeModel, size: int | None
) -> None:
    model = make_model(unknown(size))
    fetcher = Fetcher(store, hub_url=hub.url)
    await fetcher.ensure([model])
    store.files(model)["a.bin"].write_bytes(OTHER)
    assert [finding.state for finding in store.verify(model)] == [FileState.DAMAGED]
    await fetcher.ensure([model], rehash=True)
    assert store.files(model)["a.bin"].read_bytes() == CONTENT


@pytest.mark.parametrize("content", [OTHER, CONTENT + b"more"])
async def test_other_bytes_are_refused_until_the_old_ones_are_removed(
    store: Store, hub: "Hub", model: Model, content: bytes
) -> None:
    fetcher = Fetcher(store, hub_url=hub.url)
    await fetcher.ensure([model])
    store.files(model)["a.bin"].unlink()
    hub.files[PATH] = content
    with pytest.raises(ModelError, match="wallflower models remove tiny, then wallflower models pull tiny"):
        await fetcher.ensure([model])
    assert store.remove(model, keep=[]) > 0
    assert list((store.root / "pins").iterdir()) == []
    await fetcher.ensure([model])
    assert store.files(model)["a.bin"].read_bytes() == content


async def test_a_broken_transfer_is_resumed(store: Store, hub: "Hub", model: Model) -> None:
    hub.break_after = 100_000
    fetcher = Fetcher(store, hub_url=hub.url)
    with pytest.raises(ModelError, match="broke off"):
        await fetcher.ensure([model])
    assert store.state(model.files[0]) is FileState.PARTIAL
    await fetcher.ensure([model])
    assert hub.headers("Range")[:2] == [None, "bytes=100000-"]
    assert store.files(model)["a.bin"].read_bytes() == CONTENT


async def test_from_a_branch_it_is_fetched_anew(
    store: Store, hub: "Hub", model: Model, make_model: MakeModel
) -> None:
    """The branch may have moved on, and no checksum would tell that the two halves are of two files."""
    model = make_model(unknown(revision="main"))
    hub.files["/owner/repo/resolve/main/a.bin"] = CONTENT
    store.lock_path()
    store.partial(model.files[0]).write_bytes(OTHER[:1000])
    await Fetcher(store, hub_url=hub.url).ensure([model])
    assert hub.headers("Range") == [None]
    assert store.files(model)["a.bin"].read_bytes() == CONTENT


async def test_cut_off_when_all_was_there(store: Store, hub: "Hub", model: Model) -> None:
    store.lock_path()
    store.partial(model.files[0]).write_bytes(CONTENT)
    await Fetcher(store, hub_url=hub.url).ensure([model])
    assert store.files(model)["a.bin"].read_bytes() == CONTENT


async def test_a_leftover_that_is_too_long_is_refused(store: Store, hub: "Hub", model: Model) -> None:
    store.lock_path()
    store.partial(model.files[0]).write_bytes(CONTENT + b"x")
    with pytest.raises(ModelError, match="HTTP 416"):
        await Fetcher(store, hub_url=hub.url).ensure([model])
    await Fetcher(store, hub_url=hub.url).ensure([model])
    assert store.files(model)["a.bin"].read_bytes() == CONTENT


async def test_a_size_that_nobody_tells(store: Store, hub: "Hub", model: Model) -> None:
    hub.chunked = True
    with pytest.raises(ModelError, match="does not tell the file's length"):
        await Fetcher(store, hub_url=hub.url).ensure([model])


async def test_a_known_size_is_held_to(store: Store, hub: "Hub", model: Model, make_model: MakeModel) -> None:
    with pytest.raises(ModelError, match="256000 bytes, not 7"):
        await Fetcher(store, hub_url=hub.url).ensure([make_model(unknown(7))])


async def test_no_room_for_what_the_hub_tells(
    store: Store, hub: "Hub", model: Model, make_model: MakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = shutil.disk_usage(store.root.parent)._replace(free=room._SPARE_BYTES + len(CONTENT) // 2)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: free)
    with pytest.raises(ModelError, match="MB are needed"):
        await Fetcher(store, hub_url=hub.url).ensure([make_model(unknown())])
    assert not store.is_here(model)


async def test_offline(store: Store, hub: "Hub", model: Model) -> None:
    with pytest.raises(ModelError, match="'offline' is set: tiny"):
        await Fetcher(store, hub_url=hub.url, offline=True).ensure([model])


async def test_damaged_pins_are_made_anew(store: Store, hub: "Hub", model: Model) -> None:
    fetcher = Fetcher(store, hub_url=hub.url)
    await fetcher.ensure([model])
    (pins,) = (store.root / "pins").iterdir()
    pins.write_text('{"files": [{"name": "a.bin", "colour": 2}]}')
    assert not store.is_here(model)
    await fetcher.ensure([model])
    assert store.is_here(model)


async def test_several_files_keep_their_pins(store: Store, hub: "Hub", make_model: MakeModel) -> None:
    hub.files = {PATH.replace("a.bin", name): name.encode() for name in ("a.bin", "b.bin")}
    model = make_model(unknown(), unknown(name="b.bin"))
    await Fetcher(store, hub_url=hub.url).ensure([model])
    assert [file.pinned for file in store.files_of(model)] == [True, True]
    assert {name: path.read_bytes() for name, path in store.files(model).items()} == {
        "a.bin": b"a.bin",
        "b.bin": b"b.bin",
    }
