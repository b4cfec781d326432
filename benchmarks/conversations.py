"""Conversations composed of people who read, to tune diarization on: none of them is in what is reported.

From the set `voices`, part "tune": 84 people of LibriSpeech's train-clean-100, 8 s each, in groups of two to
six, several times over. A third are as people talk in a room (short pauses, now and then two at once), a
third as a far microphone hears a meeting: quiet, with reverberation and noise, short turns, much overlap; a
third with long turns. The edges of turns come from an energy segmenter, so a collar is needed.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

RATE = 16_000
Turn = tuple[float, float, str]
"""Start and end in seconds, and who."""

_FRAME = 320
_BELOW_LOUDEST_DB = 35.0
_SHORTEST_GAP = 0.3
_GROUPS = ((21, 2), (22, 3), (23, 4))  # a seed, and how many people talk with each other
_LONG_GROUPS = ((31, 3), (32, 4), (33, 6))

_Person = tuple[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Conversation:
    """Sound, mono 16 kHz, and who speaks when in it."""

    name: str
    samples: NDArray[np.int16]
    turns: tuple[Turn, ...]


def composed(audio: Path) -> list[Conversation]:
    """All conversations from the set `voices` of `audio`; the same at each call."""
    with (audio / "voices" / "manifest.tsv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["part"] == "tune"]
    people = [(row["speaker"], _read(audio / "voices" / row["path"])) for row in rows]
    found: list[Conversation] = []
    for seed, size in _GROUPS:
        chance = np.random.default_rng(seed)
        for number, group in enumerate(_groups(people, size, chance)):
            compose = _meeting if number % 2 else _talk
            found.append(compose(f"{compose.__name__[1:]} of {size}", group, chance))
    for seed, size in _LONG_GROUPS:
        chance = np.random.default_rng(seed)
        groups = _groups(people, size, chance)
        found += [_long_turns(f"long turns of {size}", group, chance) for group in groups]
    return found


def degraded(
    samples: NDArray[np.int16], noise: NDArray[np.int16], snr_db: float, seed: int
) -> NDArray[np.int16]:
    """With the reverberation of a room of 0.5 s and with noise, at a level that speech and noise have
    together.
    """
    chance = np.random.default_rng(seed)
    sound = _reverberated((samples / 32768).astype(np.float32), chance)
    start = chance.integers(0, max(1, len(noise) - len(sound)))
    floor = np.resize((noise[start:] / 32768).astype(np.float32), len(sound))
    ratio = np.sqrt(np.mean(sound**2) / max(float(np.mean(floor**2)), 1e-12)) * 10 ** (-snr_db / 20)
    return _as_int16(sound + floor * np.float32(ratio))


def speech_of(sound: NDArray[np.float32]) -> list[tuple[float, float]]:
    """Where there is speech in clean sound, by its energy; seconds."""
    frames = sound[: len(sound) // _FRAME * _FRAME].reshape(-1, _FRAME)
    level = 10 * np.log10(np.mean(frames**2, axis=1) + 1e-10)
    found: list[list[float]] = []
    for frame in np.flatnonzero(level > level.max() - _BELOW_LOUDEST_DB):
        start, end = frame * _FRAME / RATE, (frame + 1) * _FRAME / RATE
        if found and start - found[-1][1] < _SHORTEST_GAP:
            found[-1][1] = end
        else:
            found.append([start, end])
    return [(start, end) for start, end in found if end - start >= 0.1]


def _groups(people: list[_Person], size: int, chance: np.random.Generator) -> list[list[_Person]]:
    order = chance.permutation(len(people)).tolist()
    starts = range(0, len(people) - size + 1, size)
    return [[people[index] for index in order[start : start + size]] for start in starts]


def _talk(name: str, people: list[_Person], chance: np.random.Generator) -> Conversation:
    return _lay_out(name, people, chance, shortest=1.2, longest=6.0, overlaps=0.1, level=-24.0, floor=-66.0)


def _long_turns(name: str, people: list[_Person], chance: np.random.Generator) -> Conversation:
    return _lay_out(name, people, chance, shortest=2.5, longest=8.0, overlaps=0.15, level=-26.0, floor=-60.0)


def _meeting(name: str, people: list[_Person], chance: np.random.Generator) -> Conversation:
    level = float(chance.uniform(-46, -32))
    far = [(who, _reverberated(sound, chance)) for who, sound in people]
    clean = [speech_of(sound) for _, sound in people]
    floor = level - float(chance.uniform(14, 24))
    return _lay_out(
        name, far, chance, shortest=0.5, longest=4.0, overlaps=0.35, level=level, floor=floor, speech=clean
    )


def _lay_out(
    name: str,
    people: list[_Person],
    chance: np.random.Generator,
    *,
    shortest: float,
    longest: float,
    overlaps: float,
    level: float,
    floor: float,
    speech: list[list[tuple[float, float]]] | None = None,
) -> Conversation:
    pieces: list[tuple[str, NDArray[np.float32], list[tuple[float, float]]]] = []
    for index, (who, sound) in enumerate(people):
        loud = speech[index] if speech else speech_of(sound)
        gain = 10 ** ((level + float(chance.uniform(-4, 4))) / 20) / np.sqrt(np.mean(sound**2))
        for start, end in _cuts(sound, shortest, longest, chance):
            inside = [(max(a, start) - start, min(b, end) - start) for a, b in loud if a < end and b > start]
            piece = sound[int(start * RATE) : int(end * RATE)] * np.float32(gain)
            pieces.append((who, piece, [(a, b) for a, b in inside if b - a > 0.1]))
    if speech:  # in a meeting a few talk at a time
        some = {who for who, _ in people[: len(people) // 2]}
        order = _shuffled([each for each in pieces if each[0] in some], chance)
        order += _shuffled([each for each in pieces if each[0] not in some], chance)
    else:
        order = _shuffled(pieces, chance)
    seconds = sum(len(piece) for _, piece, _ in order) / RATE + len(order) + 4
    mixed = chance.normal(size=int(seconds * RATE)).astype(np.float32) * np.float32(10 ** (floor / 20))
    turns: list[Turn] = []
    at, end = 0.5, 0.5
    for who, piece, loud in order:
        length = len(piece) / RATE
        overlap = chance.random() < overlaps and at > 2 and turns and turns[-1][2] != who
        at = (
            max(0.0, end - float(chance.uniform(0.3, 1.5)))
            if overlap
            else end + float(chance.gamma(1.5, 0.25))
        )
        begin = int(at * RATE)
        mixed[begin : begin + len(piece)] += piece
        turns += [(at + a, at + b, who) for a, b in loud]
        end = max(end, at + length)
    return Conversation(name, _as_int16(mixed[: int((end + 0.7) * RATE)]), tuple(turns))


def _cuts(
    sound: NDArray[np.float32], shortest: float, longest: float, chance: np.random.Generator
) -> Iterator[tuple[float, float]]:
    """Pieces of a clip, cut where it is quiet."""
    frames = sound[: len(sound) // _FRAME * _FRAME].reshape(-1, _FRAME)
    level = np.convolve(np.mean(frames**2, axis=1), np.ones(5), "same")
    start, last = 0, len(frames)
    while last - start >= shortest * RATE / _FRAME:
        wish = float(chance.uniform(shortest, longest))
        low, high = (int((start * _FRAME / RATE + wish + by) * RATE / _FRAME) for by in (-0.3, 0.5))
        end = last if high >= last - shortest * RATE / _FRAME / 2 else low + int(np.argmin(level[low:high]))
        yield start * _FRAME / RATE, end * _FRAME / RATE
        start = end


def _shuffled(
    pieces: list[tuple[str, NDArray[np.float32], list[tuple[float, float]]]], chance: np.random.Generator
) -> list[tuple[str, NDArray[np.float32], list[tuple[float, float]]]]:
    """In an order in which nobody often follows themselves."""
    order = [pieces[index] for index in chance.permutation(len(pieces))]
    for index in range(1, len(order)):
        if order[index][0] == order[index - 1][0] and chance.random() < 0.8:
            others = [j for j in range(index + 1, len(order)) if order[j][0] != order[index][0]]
            if others:
                order[index], order[others[0]] = order[others[0]], order[index]
    return order


def _reverberated(sound: NDArray[np.float32], chance: np.random.Generator) -> NDArray[np.float32]:
    """In a room of 0.5 s, where what comes directly is as loud as what comes back."""
    time = np.arange(RATE // 2)
    answer = chance.normal(size=len(time)) * np.exp(-6.9 * time / len(time)) * 0.02
    answer[0] = 1.0
    size = len(sound) + len(answer)
    both = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(answer, size), size)
    return both[: len(sound)].astype(np.float32)


def _read(path: Path) -> NDArray[np.float32]:
    sound, rate = soundfile.read(path, dtype="float32")
    assert rate == RATE
    return np.asarray(sound, np.float32)


def _as_int16(sound: NDArray[np.float32]) -> NDArray[np.int16]:
    loudest = max(float(np.abs(sound).max()), 1.0)
    return np.asarray(np.rint(sound * np.float32(32767 / loudest)), np.int16)
