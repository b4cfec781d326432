"""Makes `wallflower/speakers/cohort.npy`: embeddings of people whom no household knows."""

import argparse
import csv
from pathlib import Path

import numpy as np
import soundfile

from command import run_command
from corpus import REPOSITORY, add_audio_flag
from wallflower.config import load_options
from wallflower.config.places import data_dir
from wallflower.models.catalog import EMBEDDING_MODEL, find_model
from wallflower.models.store import Store
from wallflower.speakers.embedding import Embedder

_SECONDS = 2


def _make(audio: Path) -> int:
    files = Store(data_dir(load_options()) / "models").files(find_model(EMBEDDING_MODEL))
    embedder = Embedder(next(iter(files.values())))
    with (audio / "voices" / "manifest.tsv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["part"] == "cohort"]
    embeddings = []
    for row in rows:
        sound, rate = soundfile.read(audio / "voices" / row["path"], dtype="int16")
        embeddings.append(embedder.embed(sound[-_SECONDS * rate :]))
    np.save(REPOSITORY / "wallflower" / "speakers" / "cohort.npy", np.array(embeddings, np.float16))
    return 0


def main() -> int:
    """Make the file; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_audio_flag(parser)
    parsed = parser.parse_args()
    return run_command(lambda: _make(parsed.audio))


if __name__ == "__main__":
    raise SystemExit(main())
