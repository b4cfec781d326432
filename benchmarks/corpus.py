"""The sets of speech to measure with: folders with sound and a `manifest.tsv` that says what is said.

A manifest has a heading line, then a line a clip, in columns that a tab separates. Of these, `path` (of
the sound, from the manifest's folder) and `transcript` are read.
"""

import argparse
import csv
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from wallflower.audio.pcm import AudioError, PcmConverter, PcmFormat
from wallflower.errors import ExitCode, WallflowerError

REPOSITORY = Path(__file__).resolve().parent.parent

ENGLISH_SETS = (
    "commands_en",
    "commands_en_misc",
    "read_misc_en",
    "librispeech_test_other",
    "librivox_austen",
    "librivox_sonnets",
)
COMMANDS = "commands_en"
NOISE = "noise_silence"

_SONNETS = "librivox_sonnets"
_MANIFEST = "manifest.tsv"
_ROMAN_NUMERAL = re.compile(r"[IVXLC]+\s+")


class CorpusError(WallflowerError):
    """There is no speech where it was looked for."""

    exit_code = ExitCode.USAGE


@dataclass(frozen=True, slots=True)
class Clip:
    """One recording. text: what is said in it; empty when nobody speaks, or when it is not known."""

    path: Path
    text: str


def add_audio_flag(parser: argparse.ArgumentParser) -> None:
    """Add --audio, the folder of the sets."""
    parser.add_argument(
        "--audio",
        type=Path,
        default=REPOSITORY.parent / "shared" / "audio",
        metavar="DIR",
        help="a folder of sets of speech, or one set: a folder with manifest.tsv (default: %(default)s)",
    )


def speech_sets(audio: Path) -> dict[str, list[Clip]]:
    """The English sets of `audio` by name, or `audio` itself if it is a set; clips with a transcript.

    Raises CorpusError when there are none.
    """
    if (audio / _MANIFEST).is_file():
        found = {audio.name: _spoken(audio)}
    else:
        found = {name: _spoken(audio / name) for name in ENGLISH_SETS if (audio / name).is_dir()}
    if not found:
        raise CorpusError(f"there is no set of speech in {audio}; name a folder that has some with --audio")
    return found


def command_clips(audio: Path) -> list[Clip]:
    """The short commands of `audio`, or the clips of `audio` itself if it is a set. Raises CorpusError."""
    return _spoken(audio if (audio / _MANIFEST).is_file() else audio / COMMANDS)


def noise_clips(audio: Path) -> list[Clip]:
    """The clips of `audio` in which nobody speaks; none when it has no such set."""
    folder = audio / NOISE
    return _clips(folder) if folder.is_dir() else []


def samples_of(clip: Clip) -> NDArray[np.int16]:
    """The sound of a clip, mono at 16 kHz. Raises AudioError."""
    try:
        sound, rate = soundfile.read(clip.path, dtype="int16", always_2d=True)
    except (OSError, soundfile.LibsndfileError) as error:
        raise AudioError(f"cannot read {clip.path}: {error}") from error
    converter = PcmConverter(PcmFormat(rate, 2, sound.shape[1]))
    return np.concatenate([converter.feed(sound.astype("<i2").tobytes()), converter.finish()])


def _spoken(folder: Path) -> list[Clip]:
    clips = [clip for clip in _clips(folder) if clip.text]
    if not clips:
        raise CorpusError(f"{folder / _MANIFEST} has no clip with a transcript")
    return clips


def _clips(folder: Path) -> list[Clip]:
    manifest = folder / _MANIFEST
    try:
        with manifest.open(encoding="utf-8", newline="") as file:
            # Transcripts are not quoted: a quotation mark in one is part of what is said.
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    except OSError as error:
        raise CorpusError(
            f"cannot read {manifest}: {error.strerror}; name a folder of speech with --audio"
        ) from error
    if rows and not {"path", "transcript"} <= rows[0].keys():
        raise CorpusError(f"{manifest} has no columns 'path' and 'transcript'")
    return [Clip(folder / row["path"], _text(folder.name, row["transcript"] or "")) for row in rows]


def _text(set_name: str, transcript: str) -> str:
    # A sonnet's number stands before its text, and is not read aloud.
    return _ROMAN_NUMERAL.sub("", transcript, count=1) if set_name == _SONNETS else transcript
