"""Steps down before the box slows itself down, and back up when it is cool again."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from wallflower.events import PowerStep
from wallflower.hardware.heat import Reading, read_heat
from wallflower.hardware.power import HeatState, Profile, next_state, stepped

_EVERY_SECONDS = 5.0


async def watch_heat(
    profile: Profile,
    use: Callable[[Profile], Awaitable[None]],
    tell: Callable[[PowerStep], None],
    *,
    read: Callable[[], Reading] = read_heat,
    clock: Callable[[], float] = time.monotonic,
    every: float = _EVERY_SECONDS,
) -> None:
    """Look at the heat for ever, and have what is left of `profile` used when that changes.

    every: seconds between two looks. Returns when the kernel tells neither temperature nor throttling.
    """
    state = HeatState()
    while True:
        reading = await asyncio.to_thread(read)
        if reading.celsius is None and reading.throttled is None and not state.step:
            return  # at a step it goes on, or a sensor that fails would hold the box there
        new = next_state(state, reading, clock())
        if new.step != state.step:
            tell(PowerStep(new.step, new.reason))
            await use(stepped(profile, new.step))
        state = new
        await asyncio.sleep(every)
