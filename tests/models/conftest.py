"""A model hub on this machine that does what a test tells it, and small models to fetch from it."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from wallflower.models.catalog import HubSource, Model, ModelFile, Source
from wallflower.models.fetching import Fetcher
from wallflower.models.store import Store


@dataclass
class Hub:
    """files: by path. asked: what was asked for, in order. url: filled in when it serves.

    ignore_range: answer 200 with all of it. break_after: bytes after which a transfer is cut off, once.
    stall_after: bytes after which a transfer says nothing more. chunked: tell no length. status: answer
    this to everything. moved_to: another hub that everything is redirected to.
    """

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[web.Request] = field(default_factory=list)
    ignore_range: bool = False
    break_after: int | None = None
    stall_after: int | None = None
    chunked: bool = False
    status: int | None = None
    moved_to: str | None = None
    sent: int = 0

    def headers(self, name: str) -> list[str | None]:
        """What each request said in a header."""
        return [request.headers.get(name) for request in self.asked]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        if self.status is not None:
            return web.Response(status=self.status)
        if self.moved_to is not None:
            raise web.HTTPFound(self.moved_to + request.path)
        body = self.files.get(request.path)
        if body is None:
            return web.Response(status=404)
        start = 0
        span = request.headers.get("Range")
        if span is not None and not self.ignore_range:
            start = int(span.removeprefix("bytes=").removesuffix("-"))
            if start >= len(body):
                return web.Response(status=416, headers={"Content-Range": f"bytes */{len(body)}"})
        response = web.StreamResponse(status=206 if start else 200)
        if start:
            response.headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        if self.chunked:
            response.enable_chunked_encoding()
        else:
            response.content_length = len(body) - start
        await response.prepare(request)
        await self._send(request, response, body[start:])
        return response

    async def _send(self, request: web.Request, response: web.StreamResponse, body: bytes) -> None:
        if self.break_after is not None:
            end, self.break_after = self.break_after, None
            await response.write(body[:end])
            assert request.transport is not None
            await asyncio.sleep(0.05)  # what was written has left
            request.transport.close()
            return
        if self.stall_after is not None:
            await response.write(body[: self.stall_after])
            await asyncio.sleep(60)
        for at in range(0, len(body), 1 << 16):
            await response.write(body[at : at + (1 << 16)])
            self.sent = at + (1 << 16)


@pytest.fixture
async def make_hub() -> AsyncIterator[Callable[[], "asyncio.Future[Hub]"]]:
    """Makes hubs that serve on loopback until the test ends."""
    runners: list[web.AppRunner] = []

    async def make() -> Hub:
        hub = Hub()
        app = web.Application()
        app.router.add_get("/{path:.*}", hub.answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        hub.url = f"http://{host}:{port}"
        return hub

    yield lambda: asyncio.ensure_future(make())
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def hub(make_hub: Callable[[], "asyncio.Future[Hub]"]) -> Hub:
    """A hub."""
    return await make_hub()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return Store(tmp_path / "models")


@pytest.fixture(autouse=True)
def no_other_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pip finds wheels in the folder that this returns, and nowhere else."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def make_file() -> Callable[..., ModelFile]:
    """A model's file that holds certain bytes; without other sources it is on the hub."""

    def make(content: bytes, *sources: Source, name: str = "a.bin") -> ModelFile:
        sha256 = hashlib.sha256(content).hexdigest()
        return ModelFile(name, len(content), sha256, sources or (HubSource("owner/repo", "main", name),))

    return make


@pytest.fixture
def make_model() -> Callable[..., Model]:
    """A model of files."""

    def make(*files: ModelFile, name: str = "tiny") -> Model:
        return Model(name, "Tiny", "none", ("en",), "1", "MIT", "Nobody", "https://example.org", files)

    return make


@pytest.fixture
def fetcher(store: Store, hub: Hub) -> Fetcher:
    """Fetches from `hub` into `store`."""
    return Fetcher(store, hub_url=hub.url)
