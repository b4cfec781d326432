"""The daemon: puts the parts together, watches over them, and takes them down in reverse order."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from datetime import UTC, datetime, timedelta

import structlog
from wyoming.info import Info

from wallflower import __version__
from wallflower.alerts.opening import check_alerts, open_alerts
from wallflower.bus import Bus
from wallflower.config import Options
from wallflower.config.chosen import with_choices
from wallflower.config.identity import load_identity
from wallflower.config.places import writable_data_dir
from wallflower.engines.base import EngineError
from wallflower.engines.exclusions import settle_marks
from wallflower.engines.lane import Priority
from wallflower.events import Happening
from wallflower.hardware.power import Profile, profile_of
from wallflower.homeassistant.discovery import announce_wyoming
from wallflower.homeassistant.source import open_names
from wallflower.homeassistant.supervisor import supervisor_of
from wallflower.interfaces.http.overview import Overview
from wallflower.interfaces.wyoming.connection import Service
from wallflower.interfaces.wyoming.info import info_of
from wallflower.interfaces.wyoming.server import WyomingServer
from wallflower.interfaces.zeroconf import Announcement, announce
from wallflower.listening.bulletin import Bulletin
from wallflower.listening.condition import sentence_about
from wallflower.listening.desk import Desk
from wallflower.listening.ears import Ears, open_ears
from wallflower.listening.heat_watch import watch_heat
from wallflower.listening.house import open_house
from wallflower.listening.household import open_household
from wallflower.memory import give_back, settle, tune_allocator
from wallflower.models.progress import Progress
from wallflower.supervision import supervised

_LOG = structlog.get_logger(__name__)


async def run(options: Options, *, started: float, progress: Progress | None = None) -> bool:
    """Serve until SIGTERM or SIGINT, or at stdio:// until the input ends; whether to start anew.

    started: the time.monotonic() at which the process began. Raises WallflowerError.
    """
    stop, restart = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    serving = asyncio.create_task(_serve(options, started, progress, restart), name="daemon")
    ends = [asyncio.create_task(each.wait(), name="stop") for each in (stop, restart)]
    await asyncio.wait((serving, *ends), return_when=asyncio.FIRST_COMPLETED)
    for each in ends:
        each.cancel()
    if not serving.done():  # whatever it is doing, be it fetching a model
        _LOG.info("stopping")
        serving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving
    _LOG.info("stopped", starts_anew=restart.is_set())
    return restart.is_set()


async def _serve(given: Options, started: float, progress: Progress | None, restart: asyncio.Event) -> None:
    check_alerts(given)
    home = writable_data_dir(given)
    options = with_choices(given, home)
    identity = load_identity(home, options.name)
    _LOG.info("starting", version=__version__, id=identity.id)
    tune_allocator()
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as parts:
        for name, reason in (await asyncio.to_thread(settle_marks, home)).items():
            _LOG.warning("engine excluded", engine=name, reason=reason)
        bulletin, bus, overview = Bulletin(home), Bus(), Overview(identity.name)
        await _open_http(
            options, overview, bus, parts
        )  # at first: a long start must not look like a dead daemon

        def tell(happening: Happening) -> None:
            bulletin.tell(happening)
            bus.publish(happening)

        known = await parts.enter_async_context(open_names(options, home))
        ears = await parts.enter_async_context(
            open_ears(options, progress=progress, on_happening=tell, names=known.names)
        )
        household = await parts.enter_async_context(open_household(options, home, ears, bus.publish))
        bulletin.about(ears.decoders)
        overview.condition = lambda: bulletin.condition
        _LOG.info("chosen", reason=ears.decoders.plan.reason)
        service = Service(
            ears=ears,
            describe=lambda: _info(ears, bulletin, options),
            language=None if ears.language is None else options.language,
            endpointing=options.endpointing,
            max_utterance_seconds=options.max_utterance_seconds,
            client_timeout=options.client_timeout,
            household=household,
        )
        server = WyomingServer(
            options.uri,
            service,
            max_clients=options.max_clients,
            on_idle=lambda: loop.run_in_executor(None, give_back),
        )
        await server.open()
        parts.push_async_callback(server.close)
        await parts.enter_async_context(supervised("condition", bulletin.keep))
        await parts.enter_async_context(supervised("heat", lambda: _watch_heat(options, ears, tell)))
        house = await parts.enter_async_context(open_house(options, home, ears, bus, household, tell))
        overview.sources = house.sources.list
        overview.people = household.people.cards if options.speakers else None
        rules = await parts.enter_async_context(
            open_alerts(options, home, identity, bus, house.sources.list())
        )
        if (port := server.port) is not None:
            announcement = Announcement(identity, server.host, port, options.zeroconf_interfaces)
            await parts.enter_async_context(_announced(options, announcement))
        if options.mqtt and (options.mqtt_url or os.environ.get("SUPERVISOR_TOKEN")):
            from wallflower.controls import Running, mqtt_door

            began = datetime.now(UTC) - timedelta(seconds=time.monotonic() - started)
            running = Running(
                given,
                options,
                home,
                identity,
                ears,
                bulletin,
                house.sources,
                rules,
                began,
                restart.set,
                Desk(home, household, house.recorder, house.sounds) if options.speakers else None,
            )
            door = await mqtt_door(running, bus)
            await parts.enter_async_context(supervised("mqtt", door.run))
        settle()
        overview.serving = True
        in_use = ears.decoders.model.id
        _LOG.info("ready", model=in_use, uri=server.address, after_s=round(time.monotonic() - started, 2))
        try:
            await server.serve()
        finally:
            counts, partials = ears.lane.counts, ears.partials
            _LOG.info(
                "served",
                segments=counts.jobs.total(),
                worked_s=round(counts.worked, 1),
                partials=partials.decoded,
                partials_put_off=partials.put_off,
                partials_given_up=partials.given_up,
            )


async def _open_http(options: Options, overview: Overview, bus: Bus, parts: AsyncExitStack) -> None:
    if options.http_port:
        from wallflower.interfaces.http.server import http_server

        addon = supervisor_of() is not None
        door = http_server(options.http_port, lambda: overview.status, addon=addon)
        await parts.enter_async_context(door)
        await parts.enter_async_context(supervised("overview", lambda: overview.follow(bus)))


def _announced(options: Options, announcement: Announcement) -> AbstractAsyncContextManager[None]:
    """Through the Supervisor where there is one: nobody hears multicast in its network but Home Assistant,
    which would find the box twice.
    """
    if (supervisor := supervisor_of()) is not None:
        return supervised("announcement", lambda: announce_wyoming(supervisor, announcement.port))
    if options.zeroconf:
        return supervised("zeroconf", lambda: announce(announcement))
    return contextlib.nullcontext()


async def _watch_heat(options: Options, ears: Ears, tell: Callable[[Happening], None]) -> None:
    async def use(profile: Profile) -> None:
        with contextlib.suppress(EngineError):  # the bulletin told why, and each segment tries them anew
            await ears.lane.run(lambda: ears.decoders.use(profile), priority=Priority.VOICE_FINAL)

    await watch_heat(profile_of(options), use, tell)


def _info(ears: Ears, bulletin: Bulletin, options: Options) -> Info:
    decoders = ears.decoders
    return info_of(
        decoders.model,
        quick=decoders.quick_model,
        endpointing=options.endpointing,
        trouble=sentence_about(bulletin.condition),
    )
