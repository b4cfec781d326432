"""What is known of engines and models before anything was measured here: who runs on what, how accurate
models are beside each other, and roughly how long they take. A measurement on the box itself beats all of it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from wallflower.hardware.facts import Cpu
from wallflower.models.catalog import Model


@dataclass(frozen=True, slots=True)
class EngineKind:
    """An engine. library: what it runs on. devices: those it can use, as `ProbedDevice.device` names them.

    base_seconds: what Whisper base takes for a command of 3 s on two cores with AVX-512 VNNI.
    """

    library: str
    devices: tuple[str, ...]
    base_seconds: float


ENGINES = {
    "openvino": EngineKind("openvino", ("npu", "gpu", "cpu"), 0.2),
    "whispercpp": EngineKind("pywhispercpp", ("cuda", "metal", "vulkan", "cpu"), 0.5),
    "onnx": EngineKind("onnxruntime", ("tensorrt", "cuda", "coreml", "cpu"), 0.35),
    "moonshine": EngineKind("onnxruntime", ("cpu",), 0.13),
}
"""By the names that the catalogue has for engines."""

TESTED_DEVICES = frozenset({"cpu"})
"""What the project's own machines have. All else is written from the libraries' documentation."""

_WITHOUT_CPU = {
    "npu": 0.6,
    "gpu": 0.5,
    "coreml": 0.4,
    "vulkan": 0.5,
    "metal": 0.2,
    "cuda": 0.1,
    "tensorrt": 0.1,
}
"""Share of the reference box's time. Guesses, but for their order."""


@dataclass(frozen=True, slots=True)
class Family:
    """Models of one size. tier: accuracy; higher is better. cost: time, that of Whisper base being 1."""

    tier: int
    cost: float


_FAMILIES = {
    "moonshine-tiny": Family(10, 0.35),
    "moonshine-base": Family(20, 0.7),
    "whisper-tiny": Family(15, 0.5),
    "whisper-tiny.en": Family(17, 0.5),
    "whisper-base": Family(30, 1.0),
    "whisper-base.en": Family(32, 1.0),
    "whisper-small": Family(40, 3.3),
    "whisper-small.en": Family(41, 3.3),
    "whisper-medium": Family(50, 10.0),
    "whisper-medium.en": Family(51, 10.0),
    "whisper-large": Family(60, 20.0),
    "whisper-large-v3-turbo": Family(58, 11.0),
    "distil-whisper-small": Family(38, 2.6),
    "distil-whisper-medium": Family(48, 6.0),
    "distil-whisper-large": Family(56, 11.0),
    "parakeet": Family(62, 2.5),
}
_STRANGER = Family(25, 1.0)
_PRECISIONS = ("int8", "fp16", "f16", "f32", "fp32", "q4_0", "q5_0", "q5_1", "q8_0", "q5", "q8")


def family_of(model_id: str) -> Family:
    """What is known of a model, by the longest family name that its id begins with."""
    names = [name for name in _FAMILIES if model_id.startswith(name)]
    return _FAMILIES[max(names, key=len)] if names else _STRANGER


@dataclass(frozen=True, slots=True)
class Offer:
    """A model that could be loaded. languages: ISO 639 codes. memory_bytes: what it takes when loaded and at
    work.
    """

    id: str
    engine: str
    precision: str
    languages: tuple[str, ...]
    memory_bytes: int


def offers_of(models: Iterable[Model]) -> list[Offer]:
    """The models of the catalogue that turn speech into words."""
    return [
        Offer(
            model.id,
            model.engine,
            precision_of(model),
            model.languages,
            model.memory or memory_need(model.engine, model.size),  # one that was added has none stated
        )
        for model in models
        if model.engine in ENGINES
    ]


def memory_need(engine: str, size: int) -> int:
    """Bytes that a model with files of so many bytes takes when at work: measured on Whisper base and
    Moonshine tiny, and extended from there.
    """
    times, more = (3, 80 << 20) if engine == "openvino" else (2, 60 << 20)
    return size * times + more


def precision_of(model: Model) -> str:
    """How the weights are kept, as far as the model's entry tells; else a hyphen."""
    if model.precision:
        return model.precision
    words = f"{model.id} {model.title}".lower().replace(",", " ").replace("-", " ").split()
    return next((precision for precision in _PRECISIONS if precision in words), "-")


def estimate_seconds(engine: str, device: str, model_id: str, cpu: Cpu) -> float:
    """A guess at the time for a command of 3 s."""
    seconds = ENGINES[engine].base_seconds * family_of(model_id).cost
    share = _WITHOUT_CPU.get(device.partition(".")[0])
    return seconds * share if share else seconds / _power(cpu)


def _power(cpu: Cpu) -> float:
    """How quick a processor is beside the reference box, by what it can do in one instruction."""
    ranks = (
        ({"avx512_vnni", "amx_int8"}, 1.0),
        ({"i8mm"}, 0.8),
        ({"avx_vnni", "avx512f"}, 0.5),
        ({"avx2"}, 0.4),
        ({"dotprod"}, 0.15),
        ({"avx"}, 0.1),
        ({"neon"}, 0.04),
    )
    a_core = next((power for features, power in ranks if features & cpu.features), 0.03)
    return a_core * min(cpu.cores, 4) / 2
