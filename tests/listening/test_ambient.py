"""What becomes of what was said: the sound of its parts, and what is revised as the listening ends."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import numpy as np

from wallflower.config.sources import SourceSettings
from wallflower.events import Heard, Passage, Speaker
from wallflower.listening.ambient import AmbientSpeech, Outlets, _Said, _sound_of
from wallflower.listening.processors import Blocks

NOW = datetime(2026, 3, 28, tzinfo=UTC)


def test_a_part_has_its_own_sound_though_speech_was_cut_before_it() -> None:
    sound = np.arange(4 * 16_000).astype(np.int16)  # from second 10 on; its first words were told before
    whole = Passage(11, 14, "one two", "en")
    said = _Said(0.0, whole, None, sound, 10)
    part = _sound_of(Passage(12, 13, "two", "en"), said)
    assert part is not None
    assert (part == sound[2 * 16_000 : 3 * 16_000]).all()
    assert _sound_of(whole, said) is sound


async def test_a_revision_of_what_is_kept_at_the_end_is_kept() -> None:
    kept: list[Heard] = []
    revised: list[Heard] = []
    slow = asyncio.Event()

    async def keep(heard: Heard, _sound: object) -> None:
        await slow.wait()
        kept.append(heard)

    outlets = Outlets(lambda _event: None, keep, revised.append, lambda _seconds: NOW)
    unused: Any = None
    speech = AmbientSpeech("hall", unused, lambda: SourceSettings(name="Hall", url="push"), outlets, unused)
    heard = Heard(1, "hall", NOW, NOW, "words", "en", 0, 1)
    speech._unkept.append((heard, None))
    work = asyncio.create_task(speech.work(Blocks()))
    await asyncio.sleep(0.01)
    work.cancel()
    await asyncio.sleep(0.01)
    now = Heard(1, "hall", NOW, NOW, "words", "en", 0, 1, Speaker(1, "Anna"), revision=1)
    speech.revise(now)
    slow.set()
    await asyncio.gather(work, return_exceptions=True)
    assert kept == [heard]
    assert revised == [now]
