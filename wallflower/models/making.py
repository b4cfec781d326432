"""Models that are made on this box: from a checkpoint in the store to the file that an engine reads."""

import asyncio
import tempfile
from collections.abc import Iterable
from pathlib import Path

from wallflower.models.catalog import ConvertSource, Model, ModelFile, find_model
from wallflower.models.progress import Progress
from wallflower.models.store import WHEELS, Store, hash_file


def checkpoints_of(files: Iterable[ModelFile]) -> set[str]:
    """The ids of the models that must be here before `files` can be made."""
    return {source.model for file in files for source in file.sources if isinstance(source, ConvertSource)}


def is_made(file: ModelFile) -> bool:
    """Whether it can be had without a network, once its checkpoint is here."""
    return bool(checkpoints_of([file]))


async def make(
    source: ConvertSource, file: ModelFile, store: Store, target: Path, progress: Progress
) -> None:
    """Convert the checkpoint that `source` names, which is in `store`, into `target`, on another thread.

    The caller checks the sum. Raises ModelError, or OSError when the disk fails.
    """
    from wallflower.models.conversion.forms import convert

    checkpoint = store.files(find_model(source.model))
    loop = asyncio.get_running_loop()

    def report(done: int, _total: int) -> None:
        loop.call_soon_threadsafe(progress.advance, min(done, file.size or done))

    progress.start(file.name, file.size, doing="making")
    await asyncio.to_thread(convert, checkpoint, source.form, target, report)


async def make_model(model: Model, store: Store, progress: Progress) -> None:
    """Make the files of a model whose checkpoint is in `store`, admit them and pin their checksums.

    The store's lock must be held. Raises ModelError, or OSError when the disk fails.
    """
    from wallflower.models.conversion.forms import convert

    assert model.made is not None
    checkpoint = store.files(find_model(model.made.model))
    progress.start(model.id, model.size, doing="making")
    with tempfile.TemporaryDirectory(dir=store.root, prefix=WHEELS) as temporary:
        folder = Path(temporary) / model.id
        await asyncio.to_thread(convert, checkpoint, model.made.form, folder, lambda _done, _total: None)
        await asyncio.to_thread(_admit_all, model, store, folder)
    progress.advance(model.size)


def _admit_all(model: Model, store: Store, folder: Path) -> None:
    files = [
        ModelFile(path.name, path.stat().st_size, hash_file(path), (), pinned=True)
        for path in sorted(folder.iterdir())
    ]
    for file in files:
        store.admit(folder / file.name, file)
    store.pin(model, files)
