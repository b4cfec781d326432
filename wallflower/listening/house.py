"""All that is listened to beside the voice clients: the sources, what they tell, and what is kept of it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wallflower.bus import Bus
from wallflower.config import Options
from wallflower.events import Happening, Heard
from wallflower.listening.ears import Ears
from wallflower.listening.household import Household
from wallflower.listening.keeping import StoredState, open_keeper
from wallflower.listening.kept_alerts import keep_alerts
from wallflower.listening.opening import allowed_folders, open_source, probe_place
from wallflower.listening.source_states import keep_states
from wallflower.listening.sources import Sources, opened
from wallflower.storage.database import DATABASE_NAME
from wallflower.storage.recorder import Recorder
from wallflower.storage.sounds import Sounds
from wallflower.supervision import supervised

STATE = "sources"
"""The name under which run-time changes of sources are kept in the database."""


@dataclass(frozen=True, slots=True)
class House:
    """What those use who serve sources to others: events, changing sources, what was kept."""

    bus: Bus
    sources: Sources
    recorder: Recorder
    sounds: Sounds


@asynccontextmanager
async def open_house(
    options: Options,
    home: Path,
    ears: Ears,
    bus: Bus,
    household: Household,
    tell: Callable[[Happening], None],
) -> AsyncIterator[House]:
    """Listen to all sources while the block runs. At its end they stop first, then what they told is written.

    tell: hears what happens to the database.
    """
    folders = allowed_folders(options)
    async with open_keeper(options, home, tell) as keeper:
        sources = Sources(
            options.sources,
            ears=ears,
            bus=bus,
            keep=keeper.keep if options.keep_transcripts else _keep_not,
            revise=keeper.recorder.revise if options.keep_transcripts else lambda _heard: None,
            household=household,
            memory=StoredState(home / DATABASE_NAME, STATE),
            open_source=partial(open_source, folders=folders),
            probe=partial(probe_place, folders=folders),
        )

        def keeps_words(source: str) -> bool:
            settings = [each.configured.settings for each in sources.list() if each.configured.slug == source]
            return options.keep_transcripts and all(each.keep_transcripts for each in settings)

        async with (
            supervised("kept alerts", lambda: keep_alerts(bus, keeper.recorder, keeps_words)),
            opened(sources),
            supervised("states", lambda: keep_states(home, sources)),
        ):
            yield House(bus, sources, keeper.recorder, keeper.sounds)


async def _keep_not(_heard: Heard, _samples: NDArray[np.int16] | None) -> None:
    """The options say that nothing is kept."""
