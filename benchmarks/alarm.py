"""How soon a word that is said at a source is an alert at the MQTT broker: the whole way, with one source.

Commands one after the other, 4 s apart, play as a file in real time: ffmpeg, the daemon, a real Mosquitto,
a client. The last word of each is a keyword. Timed is from the end of its speech, by the source's own clock,
to the moment at which the client has the alert.
"""

import argparse
import asyncio
import json
import shutil
import sqlite3
import tempfile
import time
import wave
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import aiomqtt
import numpy as np
import yaml

from command import BenchmarkError, run_command, say
from corpus import Clip, add_audio_flag, command_clips, samples_of, speech_sets
from mqtt import Mosquitto
from pacing import with_silence
from servers import our_daemon
from speech_times import speech_span
from wallflower.alerts.folding import words_of
from wallflower.alerts.reading import slug_of
from wallflower.audio.pcm import SAMPLE_RATE
from wallflower.config import load_options
from wallflower.config.places import data_dir

_PAUSE_SECONDS = 4.0
_LEAD_SECONDS = 2.0
_P50_SECONDS = 0.7
_P95_SECONDS = 1.5
_EARLIEST_SECONDS = -1.5  # a word may be known before the end of the speech, by the VAD, is reached
_AFTER_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Said:
    """A keyword in the composed sound. end: seconds at which the speech ends."""

    word: str
    end: float


def _compose(clips: Sequence[Clip], target: Path) -> tuple[list[Said], float]:
    """Write the sound. Returns what is said in it, and its length in seconds."""
    pieces = [np.zeros(int(_LEAD_SECONDS * SAMPLE_RATE), np.int16)]
    said, length = [], len(pieces[0])
    for clip in clips:
        samples = samples_of(clip)
        word = words_of(clip.text)[-1].text
        said.append(Said(word, length / SAMPLE_RATE + speech_span(samples)[1]))
        pieces.append(with_silence(samples, _PAUSE_SECONDS))
        length += len(pieces[-1])
    with wave.open(str(target), "wb") as file:
        file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        file.writeframes(np.concatenate(pieces).tobytes())
    return said, length / SAMPLE_RATE


def _options(folder: Path, said: Sequence[Said], port: int) -> Path:
    words = sorted({each.word for each in said})
    options = {
        "mqtt_url": f"mqtt://127.0.0.1:{port}",
        "source_folders": [str(folder)],
        "sources": [{"name": "Room", "url": (folder / "room.wav").as_uri()}],
        "alerts": [{"name": word, "kind": "keyword", "words": [word]} for word in words],
    }
    path = folder / "options.yaml"
    path.write_text(yaml.safe_dump(options), "utf-8")
    return path


async def _listen(mosquitto: Mosquitto, arrived: list[tuple[str, str, float]]) -> None:
    """Note rule, phase and Unix time of each alert, until cancelled."""
    broker = mosquitto.broker
    async with aiomqtt.Client(broker.host, broker.port, protocol=aiomqtt.ProtocolVersion.V5) as client:
        await client.subscribe("wallflower/+/room/alert", qos=1)
        async for message in client.messages:
            payload = json.loads(message.payload)
            arrived.append((payload["rule"], payload["phase"], time.time()))


def _began(home: Path) -> float:
    """Unix time of the source's first sample, by what is kept of it."""
    with closing(sqlite3.connect(home / "wallflower.db")) as db:
        rows = db.execute("SELECT id >> 20, audio_start FROM utterances").fetchall()
    if not rows:
        raise BenchmarkError("nothing was heard")
    return float(np.median([start / 1000 - audio_start for start, audio_start in rows]))


async def _measure(clips: Sequence[Clip], folder: Path) -> int:
    home = folder / "data"
    home.mkdir()
    known = data_dir(load_options())
    (home / "models").symlink_to(known / "models")
    if (known / "calibration.json").exists():
        shutil.copy(known / "calibration.json", home)
    said, seconds = _compose(clips, folder / "room.wav")
    mosquitto = Mosquitto(folder)
    await mosquitto.start()
    arrived: list[tuple[str, str, float]] = []
    listening = asyncio.create_task(_listen(mosquitto, arrived))
    try:
        config = _options(folder, said, mosquitto.port)
        async with our_daemon("--config", str(config), "--data-dir", str(home), name="alarm"):
            say(f"{len(said)} keywords in {seconds:.0f} s of sound, in real time")
            await asyncio.sleep(seconds + _AFTER_SECONDS)
    finally:
        listening.cancel()
        await asyncio.wait([listening])
        await mosquitto.kill()
    return _report(said, arrived, _began(home))


def _report(said: Sequence[Said], arrived: Sequence[tuple[str, str, float]], began: float) -> int:
    waits, withdrawn = [], sum(phase == "withdrawn" for _, phase, _ in arrived)
    for each in said:
        after = [
            at - began - each.end
            for rule, phase, at in arrived
            if rule == slug_of(each.word) and phase == "raised"
        ]
        near = [wait for wait in after if _EARLIEST_SECONDS <= wait <= _PAUSE_SECONDS]
        if near:
            waits.append(near[0])
        say(f"{each.word!r}: {f'{near[0]:.2f} s' if near else 'not heard'}")
    if not waits:
        raise BenchmarkError("no alert came")
    missed = len(said) - len(waits)
    p50, p95 = np.percentile(waits, [50, 95])
    print(
        f"{len(said)} keywords: {len(waits)} alerts, {missed} not heard, {withdrawn} withdrawn; "
        f"from the end of speech to the broker's client p50 {p50:.2f} s (allowed {_P50_SECONDS}), "
        f"p95 {p95:.2f} s (allowed {_P95_SECONDS})"
    )
    return 0 if p50 <= _P50_SECONDS and p95 <= _P95_SECONDS else 1


def main() -> int:
    """Run the benchmark; the exit code is 1 when alerts came too late."""
    parser = argparse.ArgumentParser(description="From a spoken keyword to the alert at the MQTT broker.")
    add_audio_flag(parser)
    parsed = parser.parse_args()

    def work() -> int:
        clips = [*command_clips(parsed.audio), *speech_sets(parsed.audio).get("commands_en_misc", [])]
        with tempfile.TemporaryDirectory() as folder:
            return asyncio.run(_measure(clips, Path(folder)))

    return run_command(work)


if __name__ == "__main__":
    raise SystemExit(main())
