"""`wallflower hardware`: what this box has, what can run on it, and what is chosen, and why."""

import argparse
import asyncio
import json
import shlex
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from wallflower.cli.hardware_tables import Findings, print_findings
from wallflower.config import Options
from wallflower.config.places import data_dir, writable_data_dir
from wallflower.engines.calibration import calibrate
from wallflower.engines.choosing import models_here, print_of, remembered, survey_here
from wallflower.engines.exclusions import allow
from wallflower.engines.known import offers_of
from wallflower.engines.selection import Survey, choose
from wallflower.engines.timings import Calibration, store_calibration
from wallflower.engines.wishes import AUTO, SelectionError, wishes_of
from wallflower.errors import ExitCode
from wallflower.hardware.facts import to_mapping
from wallflower.hardware.heat import read_heat
from wallflower.hardware.power import profile_of, threads_of
from wallflower.hardware.probe import gather_facts
from wallflower.listening.condition import kept_condition
from wallflower.models.catalog import SUGGESTED_MODELS
from wallflower.models.store import Store

_ENV_PREFIX = "HARDWARE_"


def execute(parsed: argparse.Namespace, options: Options) -> int:
    """Look, and print what was found; or allow an excluded engine again."""
    home = data_dir(options)
    if parsed.allow:
        for name in allow(home, parsed.allow):
            print(f"{name} will be tried again at the next start")
        return ExitCode.OK
    findings = asyncio.run(_look(home, options, measure=parsed.calibrate))
    if parsed.form == "json":
        print(json.dumps(_mapping(findings), indent=2, ensure_ascii=False))
    elif parsed.form == "env":
        for name, value in _variables(findings):
            print(f"{_ENV_PREFIX}{name}={shlex.quote(value)}")
    else:
        print_findings(findings)
    return ExitCode.OK if findings.choice else ExitCode.ENGINE


async def _look(home: Path, options: Options, *, measure: bool) -> Findings:
    store = Store(home / "models")
    wishes = wishes_of(options, profile_of(options))
    facts = await gather_facts()
    kept = remembered(home, store) or Calibration(facts)
    found = replace(kept, facts=facts)
    models = [
        model
        for model in store.models().values()
        if model in models_here(store) or model.id in _considered(options)
    ]
    everything = offers_of(models)
    if measure:
        anew = replace(found, failed={})
        found = await _measured(anew, survey_here(anew, everything, wishes, home), home, options)
    told = survey_here(found, everything, wishes, home)
    here = [each for each in told.candidates if store.is_here(store.find(each.model_id))]
    choice, problem = None, ""
    try:
        choice = choose(
            here or told.candidates, found.timings, policy=wishes.policy, memory_bytes=wishes.memory_bytes
        )
    except SelectionError as error:
        problem = str(error)
    return Findings(
        facts, wishes.memory_bytes or 0, read_heat(), told, found.timings, print_of(store), choice, problem,
        frozenset(each.model_id for each in here), kept_condition(home),
    )  # fmt: skip


def _considered(options: Options) -> tuple[str, ...]:
    """The models that a start would fetch."""
    return SUGGESTED_MODELS if options.model == AUTO else (options.model,)


async def _measured(found: Calibration, told: Survey, home: Path, options: Options) -> Calibration:
    """Measure all candidates that are here, and keep the figures."""
    store = Store(home / "models")
    here = [each for each in told.candidates if store.is_here(store.find(each.model_id))]
    timings, failed = await calibrate(
        here,
        store.root,
        threads=threads_of(options),
        report=lambda line: print(line, file=sys.stderr, flush=True),
    )
    found = found.with_more(replace(found, timings=timings, failed=failed))
    store_calibration(writable_data_dir(options), print_of(store), found)
    return found


def _mapping(findings: Findings) -> dict[str, Any]:
    choice = findings.choice
    return {
        "facts": to_mapping(findings.facts),
        "free_bytes": findings.free_bytes,
        "heat": asdict(findings.heat),
        "fingerprint": findings.fingerprint,
        "candidates": [
            {
                **asdict(each),
                "tested": each.tested,
                "here": each.model_id in findings.here,
                "measured": asdict(timing) if (timing := findings.timings.get(each.key)) else None,
            }
            for each in findings.survey.candidates
        ],
        "left_out": [asdict(each) for each in findings.survey.left_out],
        "choice": {
            "finals": choice.finals.key,
            "partials": choice.partials.key if choice.partials else None,
            "reason": choice.reason,
        } if choice else None,
        "problem": findings.problem,
        "running": asdict(findings.running) if findings.running else None,
    }  # fmt: skip


def _variables(findings: Findings) -> Iterator[tuple[str, str]]:
    """What a script may want to know, in variables that are no options."""
    facts, choice = findings.facts, findings.choice
    yield "PLATFORM", facts.platform
    yield "ARCHITECTURE", facts.cpu.architecture
    yield "CPU", facts.cpu.name
    yield "CORES", str(facts.cpu.cores)
    yield "FEATURES", " ".join(sorted(facts.cpu.features))
    yield "MEMORY_MB", str(facts.memory_bytes // 1_000_000)
    for kind in ("gpu", "npu"):
        vendors = {each.vendor.lower() for each in facts.accelerators if each.kind == kind}
        yield f"{kind.upper()}S", " ".join(sorted(vendors))
    for library in facts.libraries:
        yield f"{library.name.upper()}_DEVICES", " ".join(each.device for each in library.usable)
    yield "FINGERPRINT", findings.fingerprint
    yield "FINALS", choice.finals.key if choice else ""
    yield "PARTIALS", choice.partials.key if choice and choice.partials else ""
