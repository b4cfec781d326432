"""Recognition: three enrolments of each of four people, speech in a room with noise, and strangers.

People: LibriSpeech test-other; strangers: those of `voices` who are not in the cohort. The threshold was
chosen on the first half of the strangers; the second half is reported.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from conversations import RATE, degraded
from wallflower.speakers.embedding import Embedder, Embedding
from wallflower.speakers.recognition import Recogniser, Verdict
from wallflower.speakers.voiceprint import MODEL, Voiceprint, enrolled

_ENROLMENTS = 3
_ENROLLED_SECONDS = 4.0
_DRAWS = 20
_SNR_DB = 5.0

Sound = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Recognised:
    """Shares in percent. right: of the enrolled, by name. accepted: of strangers, by any name."""

    seconds: float
    noisy: bool
    right: float
    accepted: float


def recognised(audio: Path, embedder: Embedder) -> Iterator[Recognised]:
    """Rows, for each length of speech, clean and noisy."""
    people = _people(audio / "librispeech_test_other")
    strangers = _strangers(audio / "voices")
    noise, _ = soundfile.read(audio / "noise_silence" / "background_noise.wav", dtype="int16")
    clean = {
        name: [_embed(embedder, _cut(clip, _ENROLLED_SECONDS)) for clip in clips]
        for name, clips in people.items()
    }
    for noisy in (False, True):
        for seconds in (3.0, 1.5):

            def heard(clip: Sound, seed: int, seconds: float = seconds, noisy: bool = noisy) -> Embedding:
                cut = _cut(clip, seconds)
                return _embed(embedder, degraded(cut, noise, _SNR_DB, seed) if noisy else cut)

            tests = {
                name: [heard(clip, seed) for seed, clip in enumerate(clips)] for name, clips in people.items()
            }
            unknown = [heard(clip, 1000 + seed) for seed, clip in enumerate(strangers)]
            right, accepted = _rates(clean, tests, unknown, seconds)
            yield Recognised(seconds, noisy, right, accepted)


def _rates(
    clean: dict[str, list[Embedding]],
    tests: dict[str, list[Embedding]],
    unknown: list[Embedding],
    seconds: float,
) -> tuple[float, float]:
    right, accepted = [], []
    for draw in range(_DRAWS):
        chance = np.random.default_rng(draw)
        orders = {name: chance.permutation(len(clips)).tolist() for name, clips in clean.items()}
        voiceprints = {}
        for person, (name, order) in enumerate(orders.items(), 1):
            voiceprint: Voiceprint | None = None
            for index in order[:_ENROLMENTS]:
                voiceprint = enrolled(voiceprint, clean[name][index])
            assert voiceprint is not None
            voiceprints[person] = voiceprint
        recogniser = Recogniser(voiceprints, MODEL)
        for person, (name, order) in enumerate(orders.items(), 1):
            for index in order[_ENROLMENTS:]:
                found = recogniser.identify(tests[name][index], seconds)
                right.append(found.verdict is Verdict.KNOWN and found.person == person)
        accepted += [recogniser.identify(each, seconds).verdict is Verdict.KNOWN for each in unknown]
    return 100 * float(np.mean(right)), 100 * float(np.mean(accepted))


def _people(folder: Path) -> dict[str, list[Sound]]:
    with (folder / "manifest.tsv").open(encoding="utf-8", newline="") as file:
        paths = [row["path"] for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]
    people: dict[str, list[Sound]] = {}
    for path in paths:
        sound, _ = soundfile.read(folder / path, dtype="int16")
        people.setdefault(Path(path).parts[0], []).append(sound)
    return people


def _strangers(folder: Path) -> list[Sound]:
    with (folder / "manifest.tsv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["part"] != "cohort"]
    rows = rows[len(rows) // 2 :]
    return [soundfile.read(folder / row["path"], dtype="int16")[0] for row in rows]


def _cut(sound: Sound, seconds: float) -> Sound:
    """The middle of a clip."""
    length = min(len(sound), int(seconds * RATE))
    start = (len(sound) - length) // 2
    return sound[start : start + length]


def _embed(embedder: Embedder, sound: Sound) -> Embedding:
    embedding = embedder.embed(sound)
    assert embedding is not None
    return embedding
