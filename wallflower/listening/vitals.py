"""How the box is, in figures, for whoever watches over it."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

import psutil

from wallflower import __version__
from wallflower.hardware.heat import read_heat
from wallflower.listening.bulletin import Bulletin
from wallflower.listening.condition import sentence_about
from wallflower.listening.ears import Ears


@dataclass(frozen=True, slots=True)
class Vitals:
    """How the box is. accelerator: the device that decodes what counts. real_time_factor: processing time by
    the length of the sound, over the last segments; None before the first. lane_load: 0 to 1. queue: jobs
    that wait. celsius: the processor's; None where nothing tells it. memory_mb: resident, in MB of 1,000,000
    bytes. trouble: what is not as it should be, in words; empty when all is well.
    """

    version: str
    started: datetime
    engine: str
    accelerator: str
    model: str
    real_time_factor: float | None
    lane_load: float
    queue: int
    celsius: float | None
    memory_mb: float
    trouble: str


async def read_vitals(ears: Ears, bulletin: Bulletin, started: datetime) -> Vitals:
    """Look once. started: when the daemon began, aware."""
    heat = await asyncio.to_thread(read_heat)
    condition = bulletin.condition
    engine, _, rest = condition.in_use.partition(":")
    recent = [job for job in ears.lane.counts.recent if job.sound]
    sound = sum(job.sound for job in recent)
    return Vitals(
        version=__version__,
        started=started,
        engine=engine,
        accelerator=rest.partition(":")[0],
        model=ears.decoders.model.id,
        real_time_factor=sum(job.worked for job in recent) / sound if sound else None,
        lane_load=ears.lane.load,
        queue=ears.lane.waiting,
        celsius=heat.celsius,
        memory_mb=psutil.Process().memory_info().rss / 1e6,
        trouble=sentence_about(condition),
    )
