"""What all sessions need to know who speaks: the voices' models, and the people."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from wallflower.config import Options
from wallflower.events import BusEvent
from wallflower.listening.ears import Ears
from wallflower.listening.people import People
from wallflower.listening.voices import Voices
from wallflower.models.fetching import fetcher_of
from wallflower.storage.database import DATABASE_NAME
from wallflower.supervision import supervised


@dataclass(frozen=True, slots=True)
class Household:
    """wanted: whether anybody wants to know who speaks."""

    voices: Voices
    people: People
    wanted: bool


@asynccontextmanager
async def open_household(
    options: Options, home: Path, ears: Ears, tell: Callable[[BusEvent], None], *, keeps: bool = True
) -> AsyncIterator[Household]:
    """Know the people while the block runs. The models are fetched and loaded when they are first of use.

    tell: hears when there are other people than before. keeps: whether what is learnt may be stored.
    """
    voices = Voices()

    def told(event: BusEvent) -> None:
        if options.speakers and people.anybody_enrolled:  # voice commands have a speaker, too
            voices.want()
        tell(event)

    people = People(home / DATABASE_NAME, told, keeps=keeps)
    fetcher = fetcher_of(options)
    await people.look()
    try:
        async with (
            supervised("people", people.follow),
            supervised("speaker models", lambda: voices.load(fetcher, ears.vad)),
        ):
            yield Household(voices, people, options.speakers)
    finally:
        voices.close()
