"""Which engine, on which device, with which model.

Pure functions of facts, models, wishes and measurements: nothing here looks at the machine.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from wallflower.engines.known import ENGINES, TESTED_DEVICES, Offer, estimate_seconds, family_of
from wallflower.engines.timings import Timing
from wallflower.engines.wishes import Policy, SelectionError, Wishes, check_device, check_engine, is_wished
from wallflower.hardware.facts import Facts, Library

_PATIENCE_SECONDS: dict[Policy, float] = {"accuracy": 6.0, "balanced": 2.0, "speed": 0.0}
"""How long the answer to a command of 3 s may take for a more accurate model to be worth it."""
_SLOWEST_FACTOR = 0.8
"""Real-time factor above which an engine would fall behind somebody who goes on speaking."""
_PARTIALS_SHARE = 0.75
"""An engine for partials may take this much of the finals' time, or it is not worth its memory."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An engine that could be loaded. reason: why it stands where it does, in a few words.

    languages: those wished for that it understands. complete: whether these are all. tier: accuracy; higher
    is better. estimate_seconds: a guess at the time for a command of 3 s.
    """

    engine: str
    device: str
    model_id: str
    precision: str
    reason: str = field(compare=False)
    languages: tuple[str, ...] = ()
    complete: bool = True
    tier: int = 0
    memory_bytes: int = 0
    estimate_seconds: float = 0.0

    @property
    def key(self) -> str:
        """What its measurements are kept under."""
        return f"{self.engine}:{self.device}:{self.model_id}"

    @property
    def tested(self) -> bool:
        """Whether the project itself has run this kind of device."""
        return self.device.partition(".")[0] in TESTED_DEVICES


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What cannot be used, and why. device: empty when it is about all of them; model_id likewise."""

    engine: str
    device: str
    model_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Survey:
    """All that could be, in order, and all that could not."""

    candidates: tuple[Candidate, ...]
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """What to load. partials: None when the finals' engine is quick enough or nothing quicker is here."""

    finals: Candidate
    partials: Candidate | None
    reason: str = field(compare=False)


def candidates(
    facts: Facts,
    models_available: Iterable[Offer],
    options: Wishes,
    excluded: Mapping[str, str] | None = None,
) -> list[Candidate]:
    """The candidates of `survey` alone."""
    return list(survey(facts, models_available, options, excluded).candidates)


def survey(
    facts: Facts,
    models_available: Iterable[Offer],
    options: Wishes,
    excluded: Mapping[str, str] | None = None,
) -> Survey:
    """What could serve the wishes on a box, best first as far as can be guessed without measuring.

    excluded: engines, engine:device or engine:device:model, that are not to be tried, and why. Raises
    SelectionError when the options name a device or an engine that is not there, with what is.
    """
    offers = [offer for offer in models_available if options.model in {"", offer.id}]
    check_engine(facts, options.engine)
    check_device(facts, options.device)
    found: list[Candidate] = []
    left_out: list[LeftOut] = []
    for engine, kind in ENGINES.items():
        mine = [offer for offer in offers if offer.engine == engine]
        if options.engine not in {"", engine} or not mine:
            continue
        if engine in (excluded or {}):
            left_out.append(LeftOut(engine, "", "", (excluded or {})[engine]))
            continue
        library = facts.library(kind.library)
        if library.problem:
            left_out.append(LeftOut(engine, "", "", f"{library.name}: {library.problem}"))
            continue
        for device, problem in _devices(library, kind.devices):
            if not is_wished(device, options.device):
                continue
            if problem := problem or (excluded or {}).get(f"{engine}:{device}", ""):
                left_out.append(LeftOut(engine, device, "", problem))
                continue
            for offer in mine:
                failed = (excluded or {}).get(f"{engine}:{device}:{offer.id}", "")
                if problem := failed or _misfit(offer, options):
                    left_out.append(LeftOut(engine, device, offer.id, problem))
                else:
                    found.append(_candidate(facts, offer, device, options))
    found = _by_width(found) if options.widest else found
    patience = _PATIENCE_SECONDS[options.policy]
    found.sort(key=lambda each: _order(each, each.estimate_seconds, patience))
    return Survey(tuple(found), tuple(left_out))


def choose(
    candidates: Iterable[Candidate],
    timings: Mapping[str, Timing],
    *,
    policy: Policy = "balanced",
    memory_bytes: int | None = None,
) -> Choice:
    """Which to load, by what was measured here; those that were not are passed over if any were.

    timings: by `Candidate.key`. memory_bytes: what the two may take together; None: no limit. Without any
    measurement it is the first candidate on a device that the project has tested. Raises SelectionError when
    there is no candidate.
    """
    every = list(candidates)
    if not every:
        raise SelectionError(
            "no engine can serve what the options ask for; what there is, and why it cannot be used: "
            "wallflower hardware"
        )
    measured = [each for each in every if each.key in timings]
    if not measured:
        tested = [each for each in every if each.tested] or every
        seconds = {each.key: each.estimate_seconds for each in tested}
        patience = _PATIENCE_SECONDS[policy]
        return _choice(tested, seconds, patience, memory_bytes, "by estimate, nothing was measured yet")
    seconds = {each.key: timings[each.key].effective_seconds(_SLOWEST_FACTOR) for each in measured}
    return _choice(measured, seconds, _PATIENCE_SECONDS[policy], memory_bytes, "as measured here")


def rank(
    candidates: Iterable[Candidate], timings: Mapping[str, Timing], *, policy: Policy
) -> list[Candidate]:
    """The candidates, best first; by estimate where one was not measured."""
    patience = _PATIENCE_SECONDS[policy]

    def seconds(each: Candidate) -> float:
        timing = timings.get(each.key)
        return timing.effective_seconds(_SLOWEST_FACTOR) if timing else each.estimate_seconds

    return sorted(candidates, key=lambda each: _order(each, seconds(each), patience))


def _choice(
    those: list[Candidate],
    seconds: Mapping[str, float],
    patience: float,
    memory_bytes: int | None,
    basis: str,
) -> Choice:
    finals = min(those, key=lambda each: _order(each, seconds[each.key], patience))
    took = seconds[finals.key]
    if took > patience:
        because = (
            "the quickest"
            if patience == 0
            else f"nothing answers within {patience:g} s, and it is the quickest"
        )
    else:
        because = f"the most accurate of those that answer a command within {patience:g} s"
    if not finals.complete:
        because += f"; it understands only {', '.join(finals.languages)} of the languages wished for"
    quicker = [
        each
        for each in those
        if each.model_id.startswith("moonshine") and "en" in each.languages
        and seconds[each.key] <= took * _PARTIALS_SHARE
        and (memory_bytes is None or each.memory_bytes + finals.memory_bytes <= memory_bytes)
    ]  # fmt: skip
    partials = min(quicker, key=lambda each: seconds[each.key], default=None)
    reason = f"{_named(finals)} for finals: {because} ({took:.2f} s, {basis})"
    if partials is not None:
        reason += f"; {_named(partials)} for English partials ({seconds[partials.key]:.2f} s)"
    return Choice(finals, partials, reason)


def _named(candidate: Candidate) -> str:
    return f"{candidate.model_id} by {candidate.engine} on {candidate.device}"


def _order(candidate: Candidate, seconds: float, patience: float) -> tuple[bool, int, bool, int, float]:
    """Those that understand all languages first; of these the ones in time, by accuracy; then by time."""
    late = seconds > patience
    missing = 0 if candidate.complete else -len(candidate.languages)
    return (not candidate.complete, missing, late, 0 if late else -candidate.tier, seconds)


def plain_candidate(offer: Offer) -> Candidate:
    """A model on the CPU that nobody compares with others."""
    return Candidate(
        engine=offer.engine,
        device="cpu",
        model_id=offer.id,
        precision=offer.precision,
        reason="the options name it",
        languages=offer.languages,
        tier=family_of(offer.id).tier,
        memory_bytes=offer.memory_bytes,
    )


def _candidate(facts: Facts, offer: Offer, device: str, options: Wishes) -> Candidate:
    wished = options.base_languages
    spoken = tuple(language for language in wished if language in offer.languages) or offer.languages
    complete = set(wished) <= set(offer.languages)
    seconds = estimate_seconds(offer.engine, device, offer.id, facts.cpu)
    tier = family_of(offer.id).tier
    reason = f"accuracy rank {tier}, about {seconds:.2g} s a command by estimate"
    if not complete:
        reason += f"; only {', '.join(spoken)}"
    return Candidate(
        engine=offer.engine,
        device=device,
        model_id=offer.id,
        precision=offer.precision,
        reason=reason,
        languages=spoken,
        complete=complete,
        tier=tier,
        memory_bytes=offer.memory_bytes,
        estimate_seconds=seconds,
    )


def _by_width(found: list[Candidate]) -> list[Candidate]:
    """The same, where only those count as complete that understand the most languages."""
    most = max((len(each.languages) for each in found), default=0)
    return [replace(each, complete=len(each.languages) == most) for each in found]


def _misfit(offer: Offer, options: Wishes) -> str:
    """Why a model cannot serve the wishes; empty when it can."""
    wished = options.base_languages
    if wished and not set(wished) & set(offer.languages):
        return f"does not understand {', '.join(wished)}"
    if options.memory_bytes is not None and offer.memory_bytes > options.memory_bytes:
        return f"needs {offer.memory_bytes / 1e6:.0f} MB, {options.memory_bytes / 1e6:.0f} may be taken"
    return ""


def _devices(library: Library, can_use: tuple[str, ...]) -> list[tuple[str, str]]:
    """The library's devices that an engine can use, in its order, each with its problem or none."""
    return [
        (each.device, each.problem)
        for kind in can_use
        for each in library.devices
        if each.device.partition(".")[0] == kind
    ]
