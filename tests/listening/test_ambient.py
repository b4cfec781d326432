"""The sound of a part of what was said in one go."""

import numpy as np

from wallflower.events import Passage
from wallflower.listening.ambient import _Said, _sound_of


def test_a_part_has_its_own_sound_though_speech_was_cut_before_it() -> None:
    sound = np.arange(4 * 16_000).astype(np.int16)  # from second 10 on; its first words were told before
    whole = Passage(11, 14, "one two", "en")
    said = _Said(whole, None, sound, 10)
    part = _sound_of(Passage(12, 13, "two", "en"), said)
    assert part is not None
    assert (part == sound[2 * 16_000 : 3 * 16_000]).all()
    assert _sound_of(whole, said) is sound
