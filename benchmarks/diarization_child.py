"""Scores by pyannote.metrics, in an environment of its own: JSON on standard input, a list of sets, each a
list of files with `reference` and `hypothesis` (lists of [start, end, speaker]) and `seconds`; rates in
percent, a set a line.
"""

import json
import sys
import warnings
from typing import Any


def main() -> None:
    """Score what is on standard input."""
    warnings.filterwarnings("ignore")
    from pyannote.core import Annotation, Segment, Timeline  # type: ignore[import-not-found]
    from pyannote.metrics.diarization import DiarizationErrorRate  # type: ignore[import-not-found]

    def annotation(turns: list[list[Any]]) -> Any:
        result = Annotation()
        for index, (start, end, speaker) in enumerate(turns):
            result[Segment(start, end), index] = speaker
        return result

    results = []
    for files in json.load(sys.stdin):
        # pyannote counts both sides of an edge together: 0.5 is the usual collar of 0.25 s to either side.
        metric = DiarizationErrorRate(collar=0.5)
        strict = DiarizationErrorRate(collar=0.25)
        mappings = []
        for file in files:
            reference, hypothesis = annotation(file["reference"]), annotation(file["hypothesis"])
            for each in (metric, strict):
                each(reference, hypothesis, uem=Timeline([Segment(0, file["seconds"])]))
            mappings.append(DiarizationErrorRate().optimal_mapping(reference, hypothesis))
        total = metric["total"] / 100
        results.append(
            {
                "error": abs(metric) * 100,
                "strict": abs(strict) * 100,
                "missed": metric["missed detection"] / total,
                "false": metric["false alarm"] / total,
                "confused": metric["confusion"] / total,
                "mappings": mappings,
            }
        )
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()
