"""Which language a session is in, where it is detected: settled once, and not given up lightly."""

from dataclasses import dataclass

SETTLES = 0.5
"""Probability of a detection from which on it is believed: no other language is as likely then."""
TAKES_OVER = 0.8
"""What another language needs once one is settled: a short segment, a name or an accent is easily mistaken,
and people change their language more rarely than a model errs."""


@dataclass(slots=True)
class LastLanguage:
    """The language that was spoken last, for the sessions to come. code: ISO 639; None: not known yet."""

    code: str | None = None


class SpokenLanguage:
    """The language of one session. known: ISO 639 code of the one spoken last, in this session or before it.
    settled: whether it was heard in this session.
    """

    def __init__(self, known: str | None = None) -> None:
        self.known = known
        self.settled = False

    def choose(self, language: str, probability: float | None) -> str:
        """The language that a segment is to be decoded in, given what was detected in it.

        probability: None where the engine does not tell; there is nothing to weigh then.
        """
        if probability is None or self.known is None:
            return language
        return language if probability >= (TAKES_OVER if self.settled else SETTLES) else self.known

    def take(self, language: str, probability: float | None) -> None:
        """Learn from a whole segment, as it was decoded at last."""
        if probability is None or probability < SETTLES or self.choose(language, probability) != language:
            return
        self.known, self.settled = language, True

    def is_sure_of(self, language: str, probability: float | None) -> bool:
        """Whether a text in this language can be relied on before its segment is whole."""
        return self.settled and language == self.known and (probability is None or probability >= SETTLES)
