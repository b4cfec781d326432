"""Progress on a terminal; where there is none, a line for each thing done."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from wallflower.models.progress import Progress


class _Lines:
    """A line for each file, for logs and pipes."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._names: set[str] = set()

    def start(self, name: str, total: int | None, *, doing: str = "fetching") -> None:
        if name not in self._names:
            self._names.add(name)
            size = "" if total is None else f" ({total / 1e6:.1f} MB)"
            print(f"{doing} {name}{size}", file=self._stream, flush=True)

    def advance(self, done: int) -> None: ...

    def note(self, message: str) -> None:
        print(message, file=self._stream, flush=True)


class _Bars:
    """A bar for each file."""

    def __init__(self, stream: TextIO) -> None:
        from rich import progress
        from rich.console import Console

        self._bars = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.DownloadColumn(),
            progress.TransferSpeedColumn(),
            progress.TimeRemainingColumn(),
            console=Console(file=stream),
        )
        self._names: dict[str, progress.TaskID] = {}
        self._current: progress.TaskID | None = None

    def start(self, name: str, total: int | None, *, doing: str = "fetching") -> None:
        if not self._names:
            self._bars.start()
        if doing != "fetching":
            name = f"{doing} {name}"
        if name not in self._names:
            self._names[name] = self._bars.add_task(name, total=total)
        self._current = self._names[name]
        self._bars.update(self._current, total=total)

    def advance(self, done: int) -> None:
        if self._current is not None:
            self._bars.update(self._current, completed=done)

    def note(self, message: str) -> None:
        self._bars.console.print(message, markup=False, highlight=False)

    def stop(self) -> None:
        self._bars.stop()


@contextmanager
def fetch_progress(stream: TextIO) -> Iterator[Progress]:
    """Shows fetches on `stream`: bars on a terminal, else lines."""
    if not stream.isatty():
        yield _Lines(stream)
        return
    bars = _Bars(stream)
    try:
        yield bars
    finally:
        bars.stop()
