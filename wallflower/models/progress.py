"""What the fetching tells whoever shows its progress."""

from typing import Protocol


class Progress(Protocol):
    """Shows how far a fetch has come. Called from the event loop; must not block."""

    def start(self, name: str, total: int | None, *, doing: str = "fetching") -> None:
        """A file of `total` bytes (None: not known) begins."""

    def advance(self, done: int) -> None:
        """`done` bytes of it are here."""

    def note(self, message: str) -> None:
        """Something worth a line: a source that did not serve, another that is tried."""


class Silent:
    """Shows nothing."""

    def start(self, name: str, total: int | None, *, doing: str = "fetching") -> None: ...
    def advance(self, done: int) -> None: ...
    def note(self, message: str) -> None: ...
