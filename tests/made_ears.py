"""Ears and engines for tests: those of the session, lent, and made-up ones."""

from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from wallflower.engines.base import Engine
from wallflower.engines.choosing import Plan
from wallflower.engines.known import offers_of
from wallflower.engines.lane import Lane
from wallflower.engines.selection import Candidate, plain_candidate
from wallflower.hardware.power import PROFILES, Profile
from wallflower.listening.decoders import Decoders
from wallflower.listening.ears import Ears
from wallflower.models.catalog import find_model
from wallflower.speech.pacing import PartialCounts
from wallflower.speech.vad import SileroVad

WHISPER, MOONSHINE = (
    plain_candidate(offer)
    for offer in offers_of(find_model(name) for name in ("whisper-base-openvino-int8", "moonshine-tiny-en"))
)


class Lent:
    """An engine that others use, too: it is not to be unloaded."""

    def __init__(self, engine: Engine) -> None:
        self.languages = engine.languages
        self.longest_seconds = engine.longest_seconds
        self.transcribe = engine.transcribe
        self.abort = engine.abort

    def unload(self) -> None:
        pass


def decoders_of(finals: Engine, quick: Engine | None = None) -> Decoders:
    """These engines, as if a box had chosen them: the quick one is Moonshine, and the other Whisper if it has
    one beside it.
    """

    def load(candidate: Candidate, _profile: Profile) -> Engine:
        return Lent(quick if quick is not None and candidate.key == MOONSHINE.key else finals)

    plan = Plan(MOONSHINE, None, (), None, "a test")
    if quick is not None:
        plan = Plan(WHISPER, MOONSHINE, (), None, "a test")
    return Decoders(plan, load, profile=PROFILES["balanced"])


@asynccontextmanager
async def ears_of(
    vad: SileroVad, finals: Engine, quick: Engine | None = None, *, names: Sequence[str] = ()
) -> AsyncIterator[Ears]:
    """Ears with these engines."""
    decoders = decoders_of(finals, quick)
    with ThreadPoolExecutor(1) as vad_thread:
        lane = Lane()
        yield Ears(vad, vad_thread, lane, "en", decoders, PartialCounts(), lambda: names)
        await lane.close()
    decoders.unload()
