"""All that belongs to alerts, put together: the rules, the watcher, and those who tell of alerts."""

from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from wallflower.alerts.book import STATE, Book
from wallflower.alerts.letters import STATE as LETTERS
from wallflower.alerts.letters import Letters
from wallflower.alerts.reading import rules_of
from wallflower.alerts.targets import targets_of
from wallflower.alerts.watcher import Watcher
from wallflower.bus import Bus
from wallflower.config import Options
from wallflower.config.identity import Identity
from wallflower.events import SourceChanged
from wallflower.homeassistant.access import access_of
from wallflower.listening.keeping import StoredState
from wallflower.listening.sources import SourceView
from wallflower.storage.database import DATABASE_NAME
from wallflower.storage.ids import new_id
from wallflower.supervision import supervised


def check_alerts(options: Options) -> None:
    """Raises OptionsError when an alert or a webhook of the options is wrong."""
    rules_of(options)
    targets_of(options)


@asynccontextmanager
async def open_alerts(
    options: Options, home: Path, box: Identity, bus: Bus, sources: Iterable[SourceView] = ()
) -> AsyncIterator[Book]:
    """Watch what is on the bus, and tell of alerts, while the block runs. Gives the book of rules.

    sources: as they are now; what changes is on the bus. The database is open already. Raises OptionsError.
    """
    stated, targets, access = rules_of(options), targets_of(options), access_of(options)
    database = home / DATABASE_NAME
    watcher = Watcher(bus, [], new_id=new_id)
    book = Book(stated, StoredState(database, STATE), watcher.use)
    async with AsyncExitStack() as parts:
        if targets:
            from wallflower.alerts.webhooks import Webhooks

            hooks = Webhooks(targets, box, Letters(StoredState(database, LETTERS)))
            await parts.enter_async_context(supervised("webhooks", partial(hooks.run, bus)))
        if access is not None and options.home_assistant_alerts:
            from wallflower.alerts.telling_home import HomeTelling

            telling = HomeTelling(access, options.home_assistant_alerts, box)
            await parts.enter_async_context(supervised("telling home", partial(telling.run, bus)))
        await parts.enter_async_context(supervised("alerts", watcher.run))
        await book.open()
        now = datetime.now(UTC)
        for each in sources:
            watcher.take(SourceChanged(each.configured.slug, each.state.status, each.state.reason, now))
        yield book
