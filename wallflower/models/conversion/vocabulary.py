"""The tokens in a tokenizer.json, and the bytes of each."""

import json
from dataclasses import dataclass
from pathlib import Path

from wallflower.models.catalog import ModelError


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Numbers by text. tokens: of what is said. added: marks such as <|startoftranscript|>."""

    tokens: dict[str, int]
    added: dict[str, int]


def read_vocabulary(tokenizer: Path) -> Vocabulary:
    """The vocabulary in a tokenizer.json. Raises ModelError when the file is damaged or of another kind."""
    try:
        content = json.loads(tokenizer.read_bytes())
        tokens = {str(text): int(number) for text, number in content["model"]["vocab"].items()}
        added = {str(token["content"]): int(token["id"]) for token in content.get("added_tokens", [])}
    except OSError as error:
        raise ModelError(f"cannot read {tokenizer}: {error.strerror}") from error
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ModelError(f"{tokenizer.name} is damaged or of another kind: it has no vocabulary") from error
    return Vocabulary(tokens, added)


def token_bytes(tokenizer: Path, count: int) -> list[bytes]:
    """The bytes of the first `count` tokens, which are byte-level BPE.

    Raises ModelError when the file is damaged, of another kind, or lacks one of them.
    """
    texts = {number: text for text, number in read_vocabulary(tokenizer).tokens.items()}
    letters = byte_of_letter()
    try:
        return [bytes(letters[letter] for letter in texts[number]) for number in range(count)]
    except KeyError as error:
        raise ModelError(
            f"{tokenizer.name} does not fit these weights: {error} is missing or no byte-level token"
        ) from error


def byte_of_letter() -> dict[str, int]:
    """GPT-2's letters for bytes: printable ones stand for themselves, the others for those from 256 on."""
    printable = {*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), 256)}
    others = [byte for byte in range(256) if byte not in printable]
    letters = {chr(byte): byte for byte in printable}
    return letters | {chr(256 + place): byte for place, byte in enumerate(others)}
