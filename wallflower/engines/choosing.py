"""What to load on this box: chosen by measurement, once, and remembered.

The first start, and the first after the box, the libraries or the models changed, takes a closer look: it
tries the libraries, fetches the models that suit, and measures. Every other start only reads what was found
then, and fetches what it could not fetch before.
"""

import asyncio
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from wallflower.config import Options
from wallflower.config.places import writable_data_dir
from wallflower.engines.calibration import calibrate
from wallflower.engines.exclusions import excluded
from wallflower.engines.fingerprint import fingerprint
from wallflower.engines.known import ENGINES, Offer, offers_of
from wallflower.engines.selection import Candidate, Survey, choose, plain_candidate, rank, survey
from wallflower.engines.timings import Calibration, load_calibration, store_calibration
from wallflower.engines.wishes import AUTO, SelectionError, Wishes, wishes_of
from wallflower.hardware.power import profile_of, threads_of
from wallflower.hardware.probe import gather_facts, read_box
from wallflower.languages import base_language
from wallflower.models.catalog import SUGGESTED_MODELS, Model, ModelError, find_model
from wallflower.models.fetching import Fetcher
from wallflower.models.progress import Progress
from wallflower.models.store import Store

_MOST_MEASURED = 4
"""Candidates, the best by estimate; the quick ones for partials come on top."""
_STAND_INS = 3


@dataclass(frozen=True, slots=True)
class Plan:
    """What to load. finals: decodes what counts. quick: for partials, or None. stand_ins: what decodes while
    `finals` cannot, best first; loaded when needed. quickest: for a box that must spare itself; one of the
    others, or None. reason: a sentence for people.
    """

    finals: Candidate
    quick: Candidate | None
    stand_ins: tuple[Candidate, ...]
    quickest: Candidate | None
    reason: str


@dataclass(frozen=True, slots=True)
class _Box:
    """Where and for what the choice is made."""

    home: Path
    store: Store
    wishes: Wishes
    threads: int


async def plan_engines(options: Options, fetcher: Fetcher, progress: Progress) -> Plan:
    """Choose; the chosen models are in the fetcher's store afterwards.

    Raises OptionsError or SelectionError when the options ask for what cannot be had here, ModelError when no
    model can be fetched, EngineError and DataDirError.
    """
    named = None
    if options.model != AUTO:
        named = _named(options, fetcher.store)
        await fetcher.ensure([named])
    wishes = wishes_of(options, profile_of(options))
    if named is not None:  # while memory is short, the chain of engines has another stand in for it
        wishes = replace(wishes, memory_bytes=None)
    home = await asyncio.to_thread(writable_data_dir, options)
    box = _Box(home, fetcher.store, wishes, threads_of(options))
    if named is not None and (plan := _without_a_choice(named, box)):
        return plan
    found = await asyncio.to_thread(remembered, box.home, box.store)
    if found is None or not _serves(found, box):
        progress.note("looking at this box")
        facts = await gather_facts()  # what failed then may work now: it is measured anew
        found = replace(found, facts=facts, failed={}) if found else Calibration(facts)
    problem = "" if named else await _fetch_suggested(found, box, fetcher, progress)
    found = await _with_what_is_new(found, box, progress)
    return _decided(found, box, problem)


def _named(options: Options, store: Store) -> Model:
    """The model that the options name. Raises OptionsError when it is none, or other options rule it out."""
    allowed = f"{AUTO}, or the id of a model from `wallflower models list --all`"
    try:
        model = store.find(options.model)
    except ModelError as error:
        raise options.wrong("model", f"{allowed} ({error})") from error
    if model.engine not in ENGINES:
        raise options.wrong("model", f"{allowed} ({model.id} does not turn speech into words)")
    option, wished = (
        ("languages", options.languages) if options.language == AUTO else ("language", [options.language])
    )
    if not {base_language(each) for each in wished} <= set(model.languages):
        raise options.wrong(option, f"{', '.join(model.languages)}, which model {model.id} speaks")
    needed = math.ceil(offers_of([model])[0].memory_bytes / 1e6)
    if options.memory_limit and options.memory_limit < needed:
        raise options.wrong("memory_limit", f"0, or at least {needed}, which model {model.id} needs")
    return model


def _without_a_choice(model: Model, box: _Box) -> Plan | None:
    """The plan for a model that can run on the CPU only, here or as the options have it; else None."""
    devices = ENGINES[model.engine].devices
    if box.wishes.device == AUTO and len(devices) > 1:
        return None
    if box.wishes.device not in {AUTO, "cpu"} or "cpu" not in devices:
        return None
    finals = plain_candidate(offers_of([model])[0])
    stand_ins = tuple(each for each in _standing_by(box) if each.key != finals.key)
    return Plan(finals, None, stand_ins, None, f"{model.id} by {model.engine} on cpu, as the options have it")


def _standing_by(box: _Box) -> list[Candidate]:
    """What runs on any box, whatever the options name: Moonshine on the CPU, if it speaks the language."""
    wishes, out = box.wishes, excluded(box.home).keys() & {"moonshine", "moonshine:cpu"}
    return [
        plain_candidate(offer)
        for offer in offers_of(models_here(box.store))
        if offer.engine == "moonshine"
        and not out
        and (not wishes.languages or set(wishes.base_languages) & set(offer.languages))
        and (wishes.memory_bytes is None or offer.memory_bytes <= wishes.memory_bytes)
    ]


def models_here(store: Store) -> list[Model]:
    """The models in the store that turn speech into words."""
    return [model for model in store.models().values() if model.engine in ENGINES and store.is_here(model)]


def print_of(store: Store) -> str:
    """The fingerprint of this box with the models that are in the store."""
    models = {model.id: [file.key for file in store.files_of(model)] for model in models_here(store)}
    return fingerprint(read_box(), models)


def remembered(home: Path, store: Store) -> Calibration | None:
    """What was found out about this box; None when it was never looked at, or has changed since."""
    return load_calibration(home, print_of(store))


def survey_here(found: Calibration, offers: Iterable[Offer], wishes: Wishes, home: Path) -> Survey:
    """`survey`, without what could not be measured or took the process down before.

    Raises SelectionError.
    """
    failed = {
        key: f"could not be measured: {why}; try it again with: wallflower hardware --calibrate"
        for key, why in found.failed.items()
    }
    return survey(found.facts, offers, wishes, {**excluded(home), **failed})


def _those_here(found: Calibration, box: _Box) -> list[Candidate]:
    return list(survey_here(found, offers_of(models_here(box.store)), box.wishes, box.home).candidates)


def _serves(found: Calibration, box: _Box) -> bool:
    """Whether what was found then holds what the options ask for now."""
    try:
        return bool(_those_here(found, box))
    except SelectionError:
        return False


async def _fetch_suggested(found: Calibration, box: _Box, fetcher: Fetcher, progress: Progress) -> str:
    """Fetch the models that suit the box, where they are not here yet; why one could not be had.

    A start without a network goes on with those that are here, and the next one tries again. Raises
    ModelError when none is here.
    """
    offers = offers_of(find_model(name) for name in SUGGESTED_MODELS)
    suit = survey_here(found, offers, box.wishes, box.home).candidates
    wanted = dict.fromkeys(each.model_id for each in suit)
    problems: list[ModelError] = []
    for name in list(wanted)[: 1 if box.wishes.policy == "speed" else None]:
        try:
            await fetcher.ensure([find_model(name)])
        except ModelError as error:
            problems.append(error)
            progress.note(str(error))
    if problems and not _those_here(found, box):
        raise problems[-1]
    return "; ".join(map(str, problems))


async def _with_what_is_new(found: Calibration, box: _Box, progress: Progress) -> Calibration:
    """Measure the candidates that were not yet, if they have rivals, and remember it all."""
    those = _those_here(found, box)
    quick = [each for each in those if each.engine == "moonshine"]
    worth_it = dict.fromkeys([*those[:_MOST_MEASURED], *quick])
    missing = [each for each in worth_it if each.key not in found.timings]
    if len(worth_it) > 1 and missing:
        progress.note("measuring the engines on this box, once: this takes a few seconds each")
        timings, failed = await calibrate(missing, box.store.root, threads=box.threads, report=progress.note)
        found = found.with_more(replace(found, timings=timings, failed=failed))
    await asyncio.to_thread(_remember, box, found)
    return found


def _remember(box: _Box, found: Calibration) -> None:
    name = print_of(box.store)
    if load_calibration(box.home, name) != found:
        store_calibration(box.home, name, found)


def _decided(found: Calibration, box: _Box, problem: str) -> Plan:
    """Raises SelectionError when nothing here serves the wishes, and nothing can stand in."""
    wishes = box.wishes
    here = offers_of(models_here(box.store))
    told = survey_here(found, here, wishes, box.home)
    last = [each for each in _standing_by(box) if each.key not in found.failed]
    if not told.candidates:
        everything = offers_of(find_model(name) for name in SUGGESTED_MODELS)
        why = survey_here(found, [*here, *everything], wishes, box.home).left_out
        reasons = dict.fromkeys(f"{out.model_id or out.engine}: {out.reason}" for out in why)
        told_why = "; ".join([*reasons, *([problem] if problem else [])])
        if last:
            reason = f"{last[0].model_id} stands in for what the options ask for: {told_why}"
            return Plan(last[0], None, tuple(last[1:]), None, reason)
        language = ", ".join(wishes.languages) or AUTO
        raise SelectionError(
            f"no model here serves language {language!r} on device {wishes.device!r}: {told_why}"
        )
    choice = choose(told.candidates, found.timings, policy=wishes.policy, memory_bytes=wishes.memory_bytes)
    others = [
        each
        for each in rank(told.candidates, found.timings, policy=wishes.policy)
        if each.key != choice.finals.key
    ]
    quickest = rank(told.candidates, found.timings, policy="speed")[0]
    stand_ins = {each.key: each for each in [*others[:_STAND_INS], quickest, *last]}
    stand_ins.pop(choice.finals.key, None)
    return Plan(choice.finals, choice.partials, tuple(stand_ins.values()), quickest, choice.reason)
