"""Language codes, and how languages are written."""

WITHOUT_SPACES = frozenset({"zh", "ja", "th", "lo", "my", "km", "bo", "yue"})
"""Languages that are written without spaces between words, by ISO 639 code."""

UNDETERMINED = "und"
"""The language of a text whose language nobody told: the code of ISO 639-2 for it."""


def base_language(code: str) -> str:
    """The language of a code without its region: en for en-GB, also for en_gb."""
    return code.replace("_", "-").split("-", 1)[0].lower()
