"""`wallflower hardware`: what this box has, what can run on it, and what is chosen, and why."""

import argparse
import asyncio
import json
import shlex
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wallflower.config import Options
from wallflower.config.places import data_dir
from wallflower.engines.calibration import calibrate
from wallflower.engines.exclusions import allow, excluded
from wallflower.engines.fingerprint import fingerprint
from wallflower.engines.known import TESTED_DEVICES, offers_of
from wallflower.engines.onnx import thread_count
from wallflower.engines.selection import Candidate, Choice, Survey, choose, survey
from wallflower.engines.timings import Timing, load_timings, store_timings
from wallflower.engines.wishes import SelectionError, Wishes
from wallflower.errors import ExitCode
from wallflower.hardware.facts import Accelerator, Facts, Library, ProbedDevice, to_mapping
from wallflower.hardware.heat import Reading, read_heat
from wallflower.hardware.probe import gather_facts
from wallflower.hardware.ram import free_memory
from wallflower.models.catalog import Model
from wallflower.models.store import Store

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_ENV_PREFIX = "HARDWARE_"
_WIDTH = 160


@dataclass(frozen=True, slots=True)
class _Findings:
    """All that is shown. choice: None when there is none, and `problem` says why."""

    facts: Facts
    free_bytes: int
    heat: Reading
    survey: Survey
    timings: Mapping[str, Timing]
    fingerprint: str
    choice: Choice | None
    problem: str


def execute(parsed: argparse.Namespace, options: Options) -> int:
    """Look, and print what was found; or allow an excluded engine again."""
    home = data_dir(options)
    if parsed.allow:
        for name in allow(home, parsed.allow):
            print(f"{name} will be tried again at the next start")
        return ExitCode.OK
    findings = _look(home, options)
    if parsed.calibrate:
        _calibrate(home, options, findings)
        findings = _look(home, options)
    if parsed.form == "json":
        print(json.dumps(_mapping(findings), indent=2, ensure_ascii=False))
    elif parsed.form == "env":
        for name, value in _variables(findings):
            print(f"{_ENV_PREFIX}{name}={shlex.quote(value)}")
    else:
        _print(findings)
    return ExitCode.OK if findings.choice else ExitCode.ENGINE


def _calibrate(home: Path, options: Options, findings: _Findings) -> None:
    """Measure the candidates that are here, and keep the figures."""
    store = Store(home / "models")
    here = [each for each in findings.survey.candidates if store.is_here(store.find(each.model_id))]
    timings = asyncio.run(
        calibrate(
            here,
            store.root,
            threads=thread_count(options.threads),
            report=lambda line: print(line, file=sys.stderr, flush=True),
        )
    )
    store_timings(home, findings.fingerprint, timings)


def _look(home: Path, options: Options) -> _Findings:
    facts = asyncio.run(gather_facts())
    models = _models(Store(home / "models"), options)
    print_ = fingerprint(facts, models)
    timings = load_timings(home, print_) or {}
    free = free_memory()
    wishes = Wishes(languages=(options.language,), memory_bytes=free)
    found = survey(facts, offers_of(models), wishes, excluded(home))
    choice, problem = None, ""
    try:
        choice = choose(found.candidates, timings, policy=wishes.policy, memory_bytes=free)
    except SelectionError as error:
        problem = str(error)
    return _Findings(facts, free, read_heat(), found, timings, print_, choice, problem)


def _models(store: Store, options: Options) -> list[Model]:
    """The models that are here, and the one that the options name: it would be fetched."""
    return [model for model in store.models().values() if model.id == options.model or store.is_here(model)]


def _mapping(findings: _Findings) -> dict[str, Any]:
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
    }  # fmt: skip


def _variables(findings: _Findings) -> Iterator[tuple[str, str]]:
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


def _print(findings: _Findings) -> None:
    from rich.console import Console

    console = Console(markup=False, highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = _WIDTH
    facts = findings.facts
    box = _table("this box", "")
    cpu = facts.cpu
    features = " ".join(sorted(cpu.features)) or "none of those that matter"
    box.add_row("processor", f"{cpu.name} ({cpu.architecture}), {cpu.cores} cores, {cpu.threads} threads")
    box.add_row("features", features)
    box.add_row("memory", f"{facts.memory_bytes / 1e6:.0f} MB, {findings.free_bytes / 1e6:.0f} MB free")
    box.add_row("temperature", _heat(findings.heat))
    for kind in ("gpu", "npu"):
        those = [_accelerator(each, facts) for each in facts.accelerators if each.kind == kind]
        box.add_row(kind.upper(), "; ".join(those) or "none found")
    console.print(box, "", _libraries(facts.libraries), "", sep="\n")
    _print_candidates(console, findings)
    console.print(findings.choice.reason if findings.choice else f"no choice: {findings.problem}")


def _print_candidates(console: "Console", findings: _Findings) -> None:
    table = _table("candidates", "device", "model", "precision", "memory", "3 s command", "real time", "")
    for each in findings.survey.candidates:
        timing = findings.timings.get(each.key)
        table.add_row(
            each.engine,
            each.device,
            each.model_id,
            each.precision,
            f"{each.memory_bytes / 1e6:.0f} MB",
            f"{timing.command_seconds:.2f} s" if timing else "-",
            f"× {timing.real_time_factor:.2f}" if timing else "-",
            _remark(each),
        )
    console.print(table, "", sep="\n")
    if findings.survey.left_out:
        table = _table("left out", "device", "model", "why")
        for out in findings.survey.left_out:
            table.add_row(out.engine, out.device or "-", out.model_id or "-", out.reason)
        console.print(table, "", sep="\n")


def _remark(candidate: Candidate) -> str:
    return candidate.reason if candidate.tested else f"{candidate.reason}; untested"


def _libraries(libraries: tuple[Library, ...]) -> "Table":
    table = _table("libraries", "version", "device", "")
    for library in libraries:
        if library.problem or not library.devices:
            table.add_row(library.name, library.version or "-", "-", library.problem)
            continue
        for number, device in enumerate(library.devices):
            first = (library.name, library.version) if number == 0 else ("", "")
            table.add_row(*first, device.device, _device(device))
    return table


def _device(device: ProbedDevice) -> str:
    if device.problem:
        return f"{device.name}: {device.problem}"
    told = f"{device.name}: {'ran a graph' if device.ran else 'offered, not tried'}"
    return told if device.device.partition(".")[0] in TESTED_DEVICES else f"{told}; untested by this project"


def _accelerator(accelerator: Accelerator, facts: Facts) -> str:
    if accelerator.path:
        return f"{accelerator.name} ({accelerator.path})"
    if facts.platform == "darwin":
        return accelerator.name
    return f"{accelerator.name} (this process may not use it: pass its device file into the container)"


def _heat(heat: Reading) -> str:
    parts = ["not known" if heat.celsius is None else f"{heat.celsius:.0f} °C"]
    if heat.limit_celsius is not None:
        parts.append(f"slows down at {heat.limit_celsius:.0f} °C")
    if heat.throttled is not None:
        parts.append("throttled now" if heat.throttled else "not throttled")
    if heat.frequency_share is not None and heat.frequency_share < 1:
        parts.append(f"clock held at {heat.frequency_share:.0%}")
    return ", ".join(parts)


def _table(*headings: str) -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table
