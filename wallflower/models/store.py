"""The store: model files on this box, each under its SHA-256.

Layout, under its root: `blobs/SHA256` is a file that was verified when it came; `partial/KEY` is one under
way, which a later fetch resumes; `pins/ID.json` tells the checksums of a model's files that the catalogue
does not know, of those made here and of those that nobody published; `added/ID.json` is a model
that the user added; `lock` keeps two processes from writing at once.
"""

import hashlib
import os
import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from filelock import FileLock

from wallflower.config.kept import read_kept, write_kept
from wallflower.models.added import added_models, forget_added, register_added
from wallflower.models.catalog import Model, ModelError, ModelFile, catalog, find_model

WHEELS = "wheels-"
"""How the names of temporary folders for wheels begin."""

ADDING = "adding-"
"""How the names of temporary folders of models that are being added begin; the lock is not held meanwhile."""

_DAY_SECONDS = 86_400


class FileState(Enum):
    """What the store has of a file."""

    HERE = "here"
    PARTIAL = "partly fetched"
    MISSING = "missing"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class Finding:
    """What `verify` found of one file."""

    model: Model
    file: ModelFile
    state: FileState
    detail: str


class Store:
    """Model files under `root`. Blocking, but for the fetching, which is in `fetching.py`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def models(self) -> dict[str, Model]:
        """All models that this box knows: those of the catalogue, then those that were added, by id."""
        return catalog() | added_models(self.root)

    def find(self, model_id: str) -> Model:
        """The model with this id. Raises ModelError with the nearest known id."""
        return find_model(model_id, self.models())

    def blob(self, file: ModelFile) -> Path:
        """Where the file lies when it is here. Its checksum must be known."""
        assert file.sha256 is not None
        return self.root / "blobs" / file.sha256

    def partial(self, file: ModelFile) -> Path:
        """Where the file grows while it is fetched."""
        return self.root / "partial" / file.key

    def lock_path(self) -> Path:
        """The lock file that is held while the store is changed; its folders are made first.

        Raises ModelError when they cannot be made.
        """
        try:
            for folder in ("blobs", "partial"):
                (self.root / folder).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ModelError(f"cannot write to the model store {self.root}: {error.strerror}") from error
        return self.root / "lock"

    def state(self, file: ModelFile) -> FileState:
        """A quick look, by size alone: a file was verified when it was put here."""
        try:
            size = self.blob(file).stat().st_size if file.sha256 else None
        except (FileNotFoundError, NotADirectoryError):
            size = None
        if size is None:
            return FileState.PARTIAL if self.partial(file).exists() else FileState.MISSING
        return FileState.HERE if size == file.size else FileState.DAMAGED

    def files_of(self, model: Model) -> tuple[ModelFile, ...]:
        """The files of `model` as the catalogue has them, those without a checksum as they were pinned; of a
        model made here, as they were pinned when it was made: none before.
        """
        if not model.is_pinned:
            return model.files
        pinned = self._pinned(model)
        if model.made is not None:
            return tuple(pinned.values())
        return tuple(
            replace(pinned[file.name], sources=file.sources)
            if file.sha256 is None and file.name in pinned
            else file
            for file in model.files
        )

    def pin(self, model: Model, files: Iterable[ModelFile]) -> None:
        """Keep what these files of a model are, from now on. They must have been admitted."""
        self._pins(model).parent.mkdir(exist_ok=True)
        kept = [{"name": file.name, "size": file.size, "sha256": file.sha256} for file in files]
        write_kept(self._pins(model), {"files": kept})

    def pin_first(self, model: Model, file: ModelFile, path: Path) -> ModelFile:
        """Move into the store a file that came for the first time and whose checksum nobody knew; the file
        as it is pinned from now on.
        """
        known = replace(file, size=path.stat().st_size, sha256=hash_file(path), pinned=True)
        self._put(path, known)
        self.pin(model, [*(self._pinned(model) | {file.name: known}).values()])
        return known

    def _pinned(self, model: Model) -> dict[str, ModelFile]:
        """What was pinned, by name; nothing when the pins are damaged: the files come anew then."""
        kept = read_kept(self._pins(model)).get("files")
        try:
            files = [ModelFile(**{**each, "sources": (), "pinned": True}) for each in kept or ()]
        except TypeError:
            return {}
        return {file.name: file for file in files}

    def _pins(self, model: Model) -> Path:
        return self.root / "pins" / f"{model.id}.json"

    def is_here(self, model: Model) -> bool:
        """Whether all files of `model` are here in full size."""
        files = self.files_of(model)
        return bool(files) and not self.missing(model)

    def model_state(self, model: Model) -> FileState:
        """The worst state of a model's files; partly fetched when only some are here."""
        states = {self.state(file) for file in self.files_of(model)} or {FileState.MISSING}
        if len(states) == 1:
            return states.pop()
        return FileState.DAMAGED if FileState.DAMAGED in states else FileState.PARTIAL

    def missing(self, model: Model) -> list[ModelFile]:
        """The files of `model` that are not here in full size."""
        return [file for file in self.files_of(model) if self.state(file) is not FileState.HERE]

    def files(self, model: Model) -> dict[str, Path]:
        """The paths of a model's files by name. Raises ModelError when one is missing or truncated."""
        if not self.is_here(model):
            missing = self.missing(model)
            names = ", ".join(f"{file.name} ({self.state(file).value})" for file in missing) or "not made yet"
            raise ModelError(
                f"model {model.id} is not complete in {self.root}: {names}; "
                f"fetch it with: wallflower models pull {model.id}"
            )
        return {file.name: self.blob(file) for file in self.files_of(model)}

    def verify(self, model: Model) -> list[Finding]:
        """Read every byte of a model's files and compare the checksums."""
        return [self._examine(model, file) for file in self.files_of(model)]

    def _examine(self, model: Model, file: ModelFile) -> Finding:
        state = self.state(file)
        path = self.blob(file) if file.sha256 else self.partial(file)
        if state is FileState.DAMAGED:
            detail = f"{path} has {path.stat().st_size} bytes instead of {file.size}"
        elif state is FileState.HERE and hash_file(path) != file.sha256:
            state, detail = FileState.DAMAGED, f"{path} does not have its SHA-256"
        else:
            detail = str(path)
        return Finding(model, file, state, detail)

    def admit(self, path: Path, file: ModelFile) -> bool:
        """Move a file into the store if it has the right checksum; else leave it and say False."""
        if path.stat().st_size != file.size or hash_file(path) != file.sha256:
            return False
        self._put(path, file)
        return True

    def _put(self, path: Path, file: ModelFile) -> None:
        with path.open("rb") as written:
            os.fsync(written.fileno())  # a power cut must not leave a name without its bytes
        path.replace(self.blob(file))

    def add(self, model: Model, paths: Mapping[str, Path]) -> None:
        """Take the files of a model that the user brings, from `paths` by name, and keep its registration,
        in place of an earlier one. They are linked where that is possible, else copied.

        Nothing of it is left when it fails. Raises ModelError or DataDirError.
        """
        brought = []
        try:
            with FileLock(self.lock_path()):
                try:
                    for file in model.files:
                        if self._examine(model, file).state is not FileState.HERE:
                            brought.append(self.blob(file))
                            self._bring(paths[file.name], file)
                    before = added_models(self.root).get(model.id)
                    register_added(self.root, model)
                except BaseException:
                    for path in brought:
                        path.unlink(missing_ok=True)
                    raise
                if before is not None:
                    earlier = replace(before, id="")  # so that the new one of this id keeps what both have
                    self._delete_files(earlier, self.models().values())
        except OSError as error:
            raise ModelError(f"cannot write to the model store {self.root}: {error.strerror}") from error

    def _bring(self, path: Path, file: ModelFile) -> None:
        partial = self.partial(file)
        partial.unlink(missing_ok=True)
        try:
            try:
                os.link(path.resolve(), partial)
            except OSError:  # another disk, or a file system without links
                shutil.copyfile(path, partial)
            if not self.admit(partial, file):
                raise ModelError(f"{path} was changed while it was added; try again")
        finally:
            partial.unlink(missing_ok=True)

    def clear_leftovers(self) -> None:
        """Delete what a process that was killed while it fetched left behind, but for what can be resumed.

        The lock must be held.
        """
        for folder in self.root.glob(f"{WHEELS}*"):
            shutil.rmtree(folder, ignore_errors=True)
        for path in (self.root / "partial").glob("*.whole"):
            path.unlink(missing_ok=True)
        for folder in self.root.glob(f"{ADDING}*"):
            if time.time() - folder.stat().st_mtime > _DAY_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)

    def remove(self, model: Model, keep: Iterable[Model]) -> int:
        """Delete a model's files, but for those that models in `keep` share, and the registration of an added
        one. Bytes freed.

        Raises ModelError when the store cannot be written.
        """
        try:
            with FileLock(self.lock_path()):
                freed = self._delete_files(model, keep)
                self._pins(model).unlink(missing_ok=True)
                forget_added(self.root, model.id)
        except OSError as error:
            raise ModelError(f"cannot write to the model store {self.root}: {error.strerror}") from error
        return freed

    def _delete_files(self, model: Model, keep: Iterable[Model]) -> int:
        shared = {file.sha256 for other in keep if other.id != model.id for file in self.files_of(other)}
        files = {*self.files_of(model), *model.files}
        blobs = [self.blob(file) for file in files if file.sha256 not in {None, *shared}]
        partial = [self.partial(file) for file in files if file.key not in shared]
        freed = 0
        for path in (*blobs, *partial):
            if path.exists():
                freed += path.stat().st_size
                path.unlink()
        return freed


def hash_file(path: Path) -> str:
    """The SHA-256 of a file, in lower-case hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
