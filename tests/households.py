"""Households for tests."""

from collections.abc import Callable
from pathlib import Path

from wallflower.events import BusEvent
from wallflower.listening.household import Household
from wallflower.listening.people import People
from wallflower.listening.voices import Voices
from wallflower.speakers.diarizer import SpeakerModels


def _ignore(_event: BusEvent) -> None:
    pass


def nobody() -> Household:
    """Where nobody wants to know who speaks."""
    return Household(Voices(), People(Path("no such folder") / "wallflower.db", _ignore), wanted=False)


def household_of(
    path: Path,
    models: SpeakerModels | None,
    tell: Callable[[BusEvent], None] = _ignore,
    *,
    keeps: bool = True,
) -> Household:
    """With these models, at once. path: of the database."""
    voices = Voices()
    voices.models = models
    return Household(voices, People(path, tell, keeps=keeps), wanted=True)
