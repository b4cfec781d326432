"""What `wallflower hardware` found, as tables for people."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wallflower.engines.known import TESTED_DEVICES
from wallflower.engines.selection import Candidate, Choice, Survey
from wallflower.engines.timings import Timing
from wallflower.hardware.facts import Accelerator, Facts, Library, ProbedDevice
from wallflower.hardware.heat import Reading
from wallflower.listening.condition import Condition, sentence_about

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_WIDTH = 160


@dataclass(frozen=True, slots=True)
class Findings:
    """All that is shown. choice: None when there is none, and `problem` says why. here: ids of the models
    that need not be fetched. running: how the daemon is that runs now.
    """

    facts: Facts
    free_bytes: int
    heat: Reading
    survey: Survey
    timings: Mapping[str, Timing]
    fingerprint: str
    choice: Choice | None
    problem: str
    here: frozenset[str]
    running: Condition | None


def print_findings(findings: Findings) -> None:
    """Print it all."""
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
    if (running := findings.running) is not None:
        console.print(
            f"the daemon runs {running.in_use}" + (f" and {running.quick}" if running.quick else "")
        )
        if trouble := sentence_about(running):
            console.print(trouble)
        if running.mqtt:
            console.print(f"MQTT: {running.mqtt}")


def _print_candidates(console: "Console", findings: Findings) -> None:
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
            _remark(each, findings),
        )
    console.print(table, "", sep="\n")
    if findings.survey.left_out:
        table = _table("left out", "device", "model", "why")
        for out in findings.survey.left_out:
            table.add_row(out.engine, out.device or "-", out.model_id or "-", out.reason)
        console.print(table, "", sep="\n")


def _remark(candidate: Candidate, findings: Findings) -> str:
    parts = [candidate.reason]
    if not candidate.tested:
        parts.append("untested")
    if candidate.model_id not in findings.here:
        parts.append("not here yet")
    return "; ".join(parts)


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
