"""Enrolment: an embedding of a person from a recording of them alone, if the recording is good enough."""

import numpy as np
from numpy.typing import NDArray

from wallflower.audio.pcm import SAMPLE_RATE
from wallflower.errors import WallflowerError
from wallflower.speakers.diarizer import Diarizer, SpeakerModels
from wallflower.speakers.embedding import Embedding
from wallflower.speakers.settings import Diarizing

LEAST_SPEECH = 3.0
"""Seconds."""
LONGEST = 60.0
"""Seconds of a recording that are looked at."""
LEAST_LEVEL = -55.0
"""dBFS (RMS of what is spoken)."""
MOST_OTHERS = 0.1
"""Of the speech, what may seem to be of somebody else."""
_MOST_CLIPPED = 0.01


class EnrolmentError(WallflowerError):
    """A recording that no voice can be learnt from."""


def enrolment_of(sound: NDArray[np.int16], models: SpeakerModels) -> Embedding:
    """The embedding of the one person who speaks in mono 16 kHz `sound`. Blocking.

    Raises EnrolmentError when there is too little speech, it is too quiet or clipped, or several people
    speak.
    """
    sound = sound[: int(LONGEST * SAMPLE_RATE)]
    diarizer = Diarizer(models, Diarizing(longest_turn=4.0))
    diarizer.feed(sound)
    diarizer.finish()
    turns = [turn for turn in diarizer.spoken if turn.speaker is not None]
    stretches = [(turn.start, turn.end, turn.speaker) for turn in turns]
    if revised := diarizer.revise():
        stretches = [(each.start, each.end, each.speaker) for each in revised]
    lasting: dict[int | None, float] = {}
    for start, end, speaker in stretches:
        lasting[speaker] = lasting.get(speaker, 0.0) + end - start
    spoken = sum(lasting.values())
    if spoken < LEAST_SPEECH:
        raise EnrolmentError(f"there are {spoken:.1f} s of speech, and {LEAST_SPEECH:.0f} s are needed")
    main = max(lasting, key=lambda each: lasting[each])
    if spoken - lasting[main] > MOST_OTHERS * spoken:
        raise EnrolmentError(f"{len(lasting)} people seem to speak; one alone is needed")
    pieces = [
        sound[int(start * SAMPLE_RATE) : int(end * SAMPLE_RATE)]
        for start, end, speaker in stretches
        if speaker == main
    ]
    speech = np.concatenate(pieces)
    level = 10 * np.log10(np.mean(np.square(speech, dtype=np.float32)) / 32768.0**2 + 1e-12)
    if level < LEAST_LEVEL:
        raise EnrolmentError(f"the speech is too quiet: {level:.0f} dBFS, and {LEAST_LEVEL:.0f} are needed")
    if np.mean(np.abs(speech.astype(np.int32)) >= 32767) > _MOST_CLIPPED:
        raise EnrolmentError("the speech is clipped: record it less loud")
    embedding = models.embedder.embed(speech)
    assert embedding is not None  # it is long enough
    return embedding
