"""A person as doors show one."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PersonCard:
    """Somebody who was heard, or enrolled. id: stays the same when the name changes. known: named or
    enrolled; others are called "Speaker 4" and so on. enrolled: there is a voiceprint. colour: #rrggbb.
    """

    id: int
    name: str
    known: bool
    enrolled: bool
    colour: str
