"""What a Whisper model is told before it listens, the same for each library that runs it."""

from wallflower.engines.base import Request

PROMPT_TOKENS = 223
"""Half of the text's places, less the token that begins a prompt. What is longer loses its beginning."""


def prompt_text(request: Request) -> str:
    """The text before, then the words to expect: those stand nearest to what is said. May be empty.

    A list that ends with a full stop does less harm where none of it is said (benchmarks/biasing.py).
    """
    words = f"{', '.join(request.hotwords)}." if request.hotwords else ""
    text = " ".join(part for part in (request.prompt.strip(), words) if part)
    return f" {text}" if text else ""
