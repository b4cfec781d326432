"""What the options ask of the choice of an engine, and whether this box has it."""

from dataclasses import dataclass
from typing import Literal

from wallflower.config import Options
from wallflower.engines.base import EngineError
from wallflower.engines.known import ENGINES
from wallflower.errors import ExitCode
from wallflower.hardware.facts import Accelerator, Facts
from wallflower.hardware.power import Profile
from wallflower.hardware.ram import free_memory

AUTO = "auto"
"""The value of an option that leaves the choice to us."""

Policy = Literal["accuracy", "balanced", "speed"]

_GROUPS = {"gpu": {"gpu", "cuda", "tensorrt", "metal", "vulkan"}, "npu": {"npu", "coreml"}}
"""What a device means that is named by its kind."""


class SelectionError(EngineError):
    """What the options ask for cannot be had on this box."""

    exit_code = ExitCode.USAGE


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the options say.

    languages: ISO 639 or BCP 47 codes that must be understood; empty: any. widest: whether those models come
    first that understand the most languages. memory_bytes: what may be taken; None: no limit. device, engine,
    model: only these; AUTO or empty: any.
    """

    policy: Policy = "balanced"
    languages: tuple[str, ...] = ("en",)
    widest: bool = False
    memory_bytes: int | None = None
    device: str = AUTO
    engine: str = ""
    model: str = ""

    @property
    def base_languages(self) -> tuple[str, ...]:
        """The languages without their regions, each once."""
        return tuple(dict.fromkeys(language.partition("-")[0].lower() for language in self.languages))


def wishes_of(options: Options, profile: Profile) -> Wishes:
    """What the options ask for. profile: its tier is the policy."""
    free = free_memory()
    limit = options.memory_limit * 1_000_000
    detected = options.language == AUTO
    return Wishes(
        policy=profile.tier,
        languages=tuple(options.languages) if detected else (options.language,),
        widest=detected and not options.languages,
        memory_bytes=min(free, limit) if limit else free,
        device=options.device,
        model="" if options.model == AUTO else options.model,
    )


def is_wished(device: str, wished: str) -> bool:
    kind = device.partition(".")[0]
    return wished in {AUTO, device} or kind in _GROUPS.get(wished, {wished})


def check_engine(facts: Facts, engine: str) -> None:
    if not engine:
        return
    if engine not in ENGINES:
        raise SelectionError(f"there is no engine {engine!r}; there are: {', '.join(ENGINES)}")
    library = facts.library(ENGINES[engine].library)
    if library.problem:
        raise SelectionError(f"engine {engine!r} cannot be used here: {library.name}: {library.problem}")


def check_device(facts: Facts, device: str) -> None:
    """Raises SelectionError, with what there is, when no library offers the device."""
    if any(is_wished(each.device, device) for library in facts.libraries for each in library.usable):
        return
    if device == AUTO:
        return
    there: dict[str, list[str]] = {}
    for library in facts.libraries:
        for each in library.usable:
            there.setdefault(each.device, []).append(library.name)
    shown = ", ".join(f"{name} ({', '.join(names)})" for name, names in there.items()) or "none at all"
    raise SelectionError(
        f"no library here can use the device {device!r}; there are: {shown}{_why(facts, device)}"
    )


def _why(facts: Facts, device: str) -> str:
    """What stands in the way of a device, as far as it is known."""
    reasons = [f"{library.name}: {library.problem}" for library in facts.libraries if library.problem]
    reasons += [
        f"{library.name}: {each.problem}"
        for library in facts.libraries
        for each in library.devices
        if each.problem and not library.problem and is_wished(each.device, device)
    ]
    reasons += [
        f"the system has {each.name}{_hidden(each, facts)}"
        for each in facts.accelerators
        if each.kind == device.partition(".")[0]
    ]
    return "".join(f"; {reason}" for reason in reasons)


def _hidden(accelerator: Accelerator, facts: Facts) -> str:
    if accelerator.path or facts.platform == "darwin":
        return ""
    return ", but not for this process: pass its device file into the container, or give its group access"
