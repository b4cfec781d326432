"""Fetching from a real hub over HTTP: whole, in parts, and when the hub misbehaves."""

import asyncio
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from wallflower.models.catalog import HubSource, Model, ModelError, ModelFile
from wallflower.models.fetching import Fetcher
from wallflower.models.store import FileState, Store

if TYPE_CHECKING:
    from tests.models.conftest import Hub

MakeFile = Callable[..., ModelFile]
MakeModel = Callable[..., Model]

CONTENT = bytes(range(256)) * 1000
PATH = "/owner/repo/resolve/main/a.bin"


@pytest.fixture
def file(hub: "Hub", make_file: MakeFile) -> ModelFile:
    """A file that the hub has."""
    hub.files[PATH] = CONTENT
    return make_file(CONTENT)


@pytest.fixture
def model(file: ModelFile, make_model: MakeModel) -> Model:
    """A model of that file."""
    return make_model(file)


def leave_partial(store: Store, file: ModelFile, content: bytes) -> None:
    store.lock_path()
    store.partial(file).write_bytes(content)


async def test_a_whole_file(store: Store, hub: "Hub", fetcher: Fetcher, model: Model) -> None:
    await fetcher.ensure([model])
    assert store.files(model)["a.bin"].read_bytes() == CONTENT
    assert hub.headers("Range") == [None]
    assert list((store.root / "partial").iterdir()) == []
    assert {path.name for path in store.root.iterdir()} <= {"blobs", "partial", "lock"}


async def test_nothing_is_asked_when_all_is_here(
    store: Store, hub: "Hub", fetcher: Fetcher, model: Model
) -> None:
    await fetcher.ensure([model])
    hub.asked.clear()
    for other in (fetcher, Fetcher(store, hub_url=hub.url), Fetcher(store, hub_url=hub.url, offline=True)):
        await other.ensure([model])
        await other.ensure([model], rehash=True)
    assert hub.asked == []


async def test_a_partial_file_is_resumed(
    store: Store, hub: "Hub", fetcher: Fetcher, file: ModelFile, model: Model
) -> None:
    leave_partial(store, file, CONTENT[:1234])
    await fetcher.ensure([model])
    assert hub.headers("Range") == ["bytes=1234-"]
    assert store.files(model)["a.bin"].read_bytes() == CONTENT


async def test_a_hub_that_ignores_the_range(
    store: Store, hub: "Hub", fetcher: Fetcher, file: ModelFile, model: Model
) -> None:
    hub.ignore_range = True
    leave_partial(store, file, b"x" * 1234)
    await fetcher.ensure([model])
    assert hub.headers("Range") == ["bytes=1234-"]
    assert store.files(model)["a.bin"].read_bytes() == CONTENT


@pytest.mark.parametrize("extra", [0, 7])
async def test_a_leftover_that_is_no_beginning(
    store: Store, hub: "Hub", fetcher: Fetcher, file: ModelFile, model: Model, extra: int
) -> None:
    leave_partial(store, file, bytes(len(CONTENT) + extra))
    await fetcher.ensure([model])
    assert store.files(model)["a.bin"].read_bytes() == CONTENT


async def test_a_wrong_beginning_does_not_stay_for_ever(
    store: Store, hub: "Hub", fetcher: Fetcher, file: ModelFile, model: Model
) -> None:
    leave_partial(store, file, b"x" * 1234)
    with pytest.raises(ModelError, match="checksum"):
        await fetcher.ensure([model])
    assert store.state(file) is FileState.MISSING
    await fetcher.ensure([model])
    assert store.state(file) is FileState.HERE


async def test_no_length_told(store: Store, hub: "Hub", fetcher: Fetcher, model: Model) -> None:
    hub.chunked = True
    await fetcher.ensure([model])
    assert store.files(model)["a.bin"].read_bytes() == CONTENT


async def test_a_wrong_length_is_refused_before_the_transfer(
    store: Store, hub: "Hub", fetcher: Fetcher, file: ModelFile, model: Model
) -> None:
    hub.files[PATH] = bytes(50_000_000)
    with pytest.raises(ModelError, match="50000000 bytes, not 256000"):
        await fetcher.ensure([model])
    assert store.state(file) is FileState.MISSING
    assert hub.sent < 20_000_000  # what fits into the sockets


async def test_a_hub_that_sends_too_much_is_stopped(
    store: Store, hub: "Hub", fetcher: Fetcher, file: ModelFile, model: Model
) -> None:
    """Without a length told beforehand, what comes is still never more than what was asked for."""
    hub.chunked = True
    hub.files[PATH] = bytes(50_000_000)
    with pytest.raises(ModelError):
        await fetcher.ensure([model])
    assert hub.sent < 20_000_000


async def test_other_bytes_of_the_same_length(
    store: Store, hub: "Hub", fetcher: Fetcher, file: ModelFile, model: Model
) -> None:
    hub.files[PATH] = CONTENT[::-1]
    with pytest.raises(ModelError) as caught:
        await fetcher.ensure([model])
    assert "a.bin of tiny" in str(caught.value)
    assert "model hub: the bytes have another checksum" in str(caught.value)
    assert store.state(file) is FileState.MISSING


async def test_the_next_source_is_tried(
    store: Store, hub: "Hub", fetcher: Fetcher, make_file: MakeFile, make_model: MakeModel
) -> None:
    hub.files = {"/o/wrong/resolve/main/x": CONTENT[::-1], "/o/right/resolve/v 1/d/x": CONTENT}
    places = [
        HubSource("o/absent", "main", "x"),
        HubSource("o/wrong", "main", "x"),
        HubSource("o/right", "v 1", "d/x"),
    ]
    model = make_model(make_file(CONTENT, *places))
    await fetcher.ensure([model])
    assert store.files(model)["a.bin"].read_bytes() == CONTENT
    assert len(hub.asked) == 3


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
async def test_a_refusal(store: Store, hub: "Hub", fetcher: Fetcher, model: Model, status: int) -> None:
    hub.status = status
    with pytest.raises(ModelError, match=f"HTTP {status} "):
        await fetcher.ensure([model])
    assert store.missing(model)


async def test_a_broken_transfer_is_resumed(
    store: Store, hub: "Hub", fetcher: Fetcher, file: ModelFile, model: Model
) -> None:
    hub.break_after = 100_000
    with pytest.raises(ModelError, match="broke off"):
        await fetcher.ensure([model])
    assert store.state(file) is FileState.PARTIAL
    await fetcher.ensure([model])
    assert hub.headers("Range") == [None, "bytes=100000-"]
    assert store.files(model)["a.bin"].read_bytes() == CONTENT


async def test_a_stalled_transfer_is_given_up_and_resumed(
    store: Store, hub: "Hub", fetcher: Fetcher, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wallflower.models.hub._STALL_SECONDS", 0.2)
    hub.stall_after = 70_000
    with pytest.raises(ModelError, match="broke off"):
        await fetcher.ensure([model])
    hub.stall_after = None
    await fetcher.ensure([model])
    assert hub.headers("Range") == [None, "bytes=70000-"]


async def test_a_cancelled_transfer_is_resumed(
    store: Store, hub: "Hub", fetcher: Fetcher, file: ModelFile, model: Model
) -> None:
    hub.stall_after = 70_000
    task = asyncio.create_task(fetcher.ensure([model]))
    async with asyncio.timeout(5):
        while not (store.partial(file).exists() and store.partial(file).stat().st_size == 70_000):
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    hub.stall_after = None
    await Fetcher(store, hub_url=hub.url).ensure([model])
    assert hub.headers("Range") == [None, "bytes=70000-"]


@pytest.fixture
def three_files(make_file: MakeFile, make_model: MakeModel) -> Model:
    """A model whose files are each on two places of the hub."""
    places = [HubSource("o/one", "main", "x"), HubSource("o/two", "main", "x")]
    return make_model(*(make_file(bytes([n]) * 9, *places, name=f"{n}.bin") for n in range(3)))


async def test_where_nobody_listens(store: Store, model: Model) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    begun = time.monotonic()
    with pytest.raises(ModelError, match=f"http://127.0.0.1:{port} cannot be reached"):
        await Fetcher(store, hub_url=f"http://127.0.0.1:{port}").ensure([model])
    assert time.monotonic() - begun < 5


async def test_a_silent_hub_is_asked_only_once(
    store: Store, three_files: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wallflower.models.hub.ANSWER_SECONDS", 0.3)
    visits = 0

    async def visit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal visits
        visits += 1
        await reader.read()  # until the visitor has had enough
        writer.close()

    server = await asyncio.start_server(visit, "127.0.0.1", 0)
    async with server:
        fetcher = Fetcher(store, hub_url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        for _ in range(2):
            with pytest.raises(ModelError, match=r"cannot be reached"):
                await fetcher.ensure([three_files])
        assert visits == 1


async def test_a_hub_that_speaks_something_else(store: Store, model: Model) -> None:
    async def visit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
        writer.close()

    server = await asyncio.start_server(visit, "127.0.0.1", 0)
    async with server:
        fetcher = Fetcher(store, hub_url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        with pytest.raises(ModelError, match="cannot be reached"):
            await fetcher.ensure([model])


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999", "http://a..b", "http://x y"])
async def test_an_impossible_address(store: Store, model: Model, url: str) -> None:
    with pytest.raises(ModelError, match=r"a\.bin"):
        await Fetcher(store, hub_url=url).ensure([model])


async def test_the_token_is_sent(store: Store, hub: "Hub", model: Model) -> None:
    await Fetcher(store, hub_url=hub.url, hub_token="hf_abc").ensure([model])
    assert hub.headers("Authorization") == ["Bearer hf_abc"]


async def test_without_a_token_none_is_sent(hub: "Hub", fetcher: Fetcher, model: Model) -> None:
    await fetcher.ensure([model])
    assert hub.headers("Authorization") == [None]


async def test_the_token_is_not_for_others(
    store: Store, hub: "Hub", model: Model, make_hub: Callable[[], "asyncio.Future[Hub]"]
) -> None:
    """The hub sends one on to its storage: with the range, without the token."""
    storage = await make_hub()
    storage.files = hub.files
    hub.moved_to = storage.url
    leave_partial(store, model.files[0], CONTENT[:99])
    await Fetcher(store, hub_url=hub.url, hub_token="hf_abc").ensure([model])
    assert storage.headers("Authorization") == [None]
    assert storage.headers("Range") == ["bytes=99-"]
    assert not store.missing(model)


@pytest.mark.parametrize("token", ["", "hf_abc"])
async def test_credentials_in_the_address(store: Store, hub: "Hub", model: Model, token: str) -> None:
    """A mirror behind a password: it is asked with it, and errors do not show it."""
    url = hub.url.replace("http://", "http://me:geheim@")
    hub.status = 500
    with pytest.raises(ModelError) as caught:
        await Fetcher(store, hub_url=url, hub_token=token).ensure([model])
    assert "geheim" not in str(caught.value)
    assert "HTTP 500" in str(caught.value)
    assert all(said is not None for said in hub.headers("Authorization"))


async def test_an_unreachable_address_is_told_without_its_password(store: Store, model: Model) -> None:
    notes: list[str] = []

    class Notes:
        def start(self, name: str, total: int | None) -> None: ...
        def advance(self, done: int) -> None: ...
        def note(self, message: str) -> None:
            notes.append(message)

    progress: Any = Notes()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(ModelError) as caught:
        await Fetcher(store, hub_url=f"http://me:geheim@127.0.0.1:{port}", progress=progress).ensure([model])
    assert notes
    assert "geheim" not in "".join([str(caught.value), *notes])
