"""From what happens on the bus to messages in the outbox."""

import json
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import structlog

from wallflower.config.identity import Identity
from wallflower.events import (
    Alert,
    BusEvent,
    Heard,
    Partial,
    SoundLevel,
    SourceChanged,
    SourceRemoved,
    Speaker,
    SpeakerChanged,
    SpeakersChanged,
    SpeechChanged,
    Unheard,
    UtteranceRevised,
)
from wallflower.interfaces.mqtt import payloads
from wallflower.interfaces.mqtt.controls import Controls, Desk, SourceCard
from wallflower.interfaces.mqtt.discovery import box_device, source_device
from wallflower.interfaces.mqtt.outbox import Outbox
from wallflower.interfaces.mqtt.topics import SOURCE_STATES, Topics

_LOG = structlog.get_logger(__name__)

_LEVEL_SECONDS = 10.0
"""A source's sound level is told at most so often."""


class Reporter:
    """Knows what Home Assistant and others were told of the box and its sources."""

    def __init__(self, identity: Identity, topics: Topics, controls: Controls, outbox: Outbox) -> None:
        self._identity = identity
        self._topics = topics
        self._controls = controls
        self._outbox = outbox
        self._cards: dict[str, SourceCard] = {}
        self._status: dict[str, SourceChanged] = {}
        self._silences: dict[str, set[int]] = defaultdict(set)  # alerts of silence that have not ended
        self._level_at: dict[str, datetime] = {}
        self._last_heard: dict[str, Heard] = {}
        self._last_change: dict[str, SpeakerChanged] = {}
        if controls.desk is None:  # it may have been otherwise before
            outbox.clear_state(topics.of_box("speakers"))

    async def look(self) -> None:
        """See what sources there are and how the box is, and tell what is new."""
        self._outbox.set_state(self._topics.discovery(), _as_json(box_device(self._identity, self._topics)))
        cards = {card.slug: card for card in self._controls.sources()}
        for slug in self._cards.keys() - cards.keys():
            self.forget(slug)
        for slug, card in cards.items():
            if card != self._cards.get(slug):
                self._cards[slug] = card
                self._introduce(card)
        state = payloads.box_state(
            await self._controls.vitals(),
            listening=any(card.listening for card in cards.values()),
            power=self._controls.power(),
            tier=self._controls.tier(),
        )
        self._outbox.set_state(self._topics.of_box("state"), payloads.encoded(state))
        self._tell_people()

    def knows(self, slug: str) -> bool:
        """Whether there is such a source."""
        return slug in self._cards

    def forget(self, slug: str) -> None:
        """The source is gone: so is all that the broker retains of it."""
        about: tuple[dict[str, Any], ...] = (
            self._cards, self._status, self._silences, self._level_at, self._last_heard, self._last_change
        )  # fmt: skip
        for known in about:
            known.pop(slug, None)
        self._outbox.clear_state(self._topics.discovery(slug))
        for what in SOURCE_STATES:
            self._outbox.clear_state(self._topics.of_source(slug, what))

    def take(self, event: BusEvent) -> None:
        """Something happened."""
        match event:
            case Heard():
                self._take_words(event)
            case UtteranceRevised(heard):
                self._take_words(heard)
            case SpeechChanged() | SpeakerChanged() | SoundLevel():
                self._take_sound(event)
            case SpeakersChanged():
                self._take_people()
            case Alert():
                self._take_alert(event)
            case Partial() | Unheard():
                topic = self._topics.of_source(event.source, "partial")
                self._outbox.say(topic, payloads.encoded(payloads.partial(event)))
            case SourceChanged():
                self._status[event.source] = event
                if (card := self._card(event.source)) is not None:
                    self._tell_state(card)
            case SourceRemoved():
                self.forget(event.source)
            case _:  # what happens to the box is seen at the next look
                pass

    def _introduce(self, card: SourceCard) -> None:
        """Tell of a source that is new, or set otherwise."""
        self._outbox.set_state(self._topics.discovery(card.slug), _as_json(source_device(card, self._topics)))
        if card.slug not in self._status:
            self._status[card.slug] = SourceChanged(card.slug, *self._controls.state(card.slug), _now())
            self._set(
                card.slug, "speech", payloads.speech(SpeechChanged(card.slug, speaking=False, at=_now()))
            )
        if not card.kept:
            for what in ("transcript", "speaker"):
                self._outbox.clear_state(self._topics.of_source(card.slug, what))
        self._tell_state(card)

    def _card(self, slug: str) -> SourceCard | None:
        """The source's card, looked up if it is a new one; None for one that is gone already."""
        if slug not in self._cards:
            for card in self._controls.sources():
                if card.slug == slug:
                    self._cards[slug] = card
                    self._introduce(card)
        return self._cards.get(slug)

    def _tell_state(self, card: SourceCard) -> None:
        status = self._status[card.slug]
        silence = bool(self._silences.get(card.slug))
        state = payloads.source_state(card, status.status, status.reason, silence=silence, at=status.at)
        self._set(card.slug, "state", state)

    def _take_words(self, heard: Heard) -> None:
        self._outbox.keep(
            self._topics.of_source(heard.source, "utterance"), payloads.encoded(payloads.utterance(heard))
        )
        last = self._last_heard.get(heard.source)
        if heard.revision and (last is None or last.id != heard.id):
            return  # it is known better who said something before
        self._last_heard[heard.source] = heard
        self._show(heard.source, "transcript", payloads.transcript(heard))
        self._show_speaker(heard.source)

    def _show_speaker(self, source: str) -> None:
        """By the words, unless somebody else began since, or it is known who although they do not tell."""
        change, heard = self._last_change.get(source), self._last_heard.get(source)
        if heard is not None and (
            change is None or change.at < (heard.start if heard.speaker is None else heard.end)
        ):
            self._show(source, "speaker", payloads.speaker(heard))
        elif change is not None:
            self._show(source, "speaker", payloads.speaker(change))

    def _show(self, source: str, what: str, payload: payloads.Payload) -> None:
        """Tell something that the broker retains if the source's transcripts are kept."""
        card = self._card(source)
        if card is not None and card.kept:
            self._set(source, what, payload)
        else:
            self._outbox.say(self._topics.of_source(source, what), payloads.encoded(payload), qos=1)

    def _tell_people(self) -> None:
        if self._controls.desk is not None:
            people = payloads.speakers(self._controls.desk.people())
            self._outbox.set_state(self._topics.of_box("speakers"), payloads.encoded(people))

    def _take_people(self) -> None:
        """Whoever has another name now is told by that, and nobody who was forgotten, nor their words."""
        self._tell_people()
        desk = self._controls.desk
        for slug, card in self._cards.items():
            heard, change = self._last_heard.get(slug), self._last_change.get(slug)
            if heard is not None:
                if heard.speaker is not None and desk is not None and desk.words_gone(heard.speaker.id):
                    heard = replace(heard, text="", words=())
                self._last_heard[slug] = replace(heard, speaker=_as_now(heard.speaker, desk))
            if change is not None:
                self._last_change[slug] = replace(change, speaker=_as_now(change.speaker, desk))
            if card.kept:
                if heard is not None:
                    self._show(slug, "transcript", payloads.transcript(self._last_heard[slug]))
                self._show_speaker(slug)

    def _take_alert(self, event: Alert) -> None:
        topics = self._topics
        topic = topics.of_source(event.source, "alert") if event.source else topics.of_box("alert")
        self._outbox.keep(topic, payloads.encoded(payloads.alert(event)))
        if event.kind == "silence" and (card := self._card(event.source)) is not None:
            change = self._silences[event.source]
            change.add(event.id) if event.phase == "raised" else change.discard(event.id)
            self._tell_state(card)

    def _take_sound(self, event: SpeechChanged | SpeakerChanged | SoundLevel) -> None:
        match event:
            case SpeechChanged():
                self._set(event.source, "speech", payloads.speech(event))
            case SpeakerChanged():
                self._last_change[event.source] = event
                self._show(event.source, "speaker", payloads.speaker(event))
            case SoundLevel():
                self._take_level(event)

    def _take_level(self, event: SoundLevel) -> None:
        last = self._level_at.get(event.source)
        if last is None or abs((event.at - last).total_seconds()) >= _LEVEL_SECONDS:
            self._level_at[event.source] = event.at
            payload = payloads.encoded(payloads.level(event))
            self._outbox.set_state(self._topics.of_source(event.source, "level"), payload, qos=0)

    def _set(self, source: str, what: str, payload: payloads.Payload) -> None:
        if source in self._cards:  # else it would outlive the source
            self._outbox.set_state(self._topics.of_source(source, what), payloads.encoded(payload))


def _as_now(speaker: Speaker | None, desk: Desk | None) -> Speaker | None:
    card = desk.person(speaker.id) if speaker is not None and desk is not None else None
    return replace(speaker, id=card.id, name=card.name, known=card.known) if speaker and card else None


def _as_json(payload: payloads.Payload) -> bytes:
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()


def _now() -> datetime:
    return datetime.now(UTC)
