"""What a Whisper model is told before it listens, the same for each library that runs it."""

from wallflower.engines.base import Request

PROMPT_TOKENS = 223
"""Half of the text's places, less the token that begins a prompt. What is longer loses its beginning."""


def prompt_text(request: Request) -> str:
    """The text before, then the words to expect: those stand nearest to what is said. May be empty."""
    text = " ".join(part for part in (request.prompt.strip(), ", ".join(request.hotwords)) if part)
    return f" {text}" if text else ""
