"""The bytes of each token, from a tokenizer.json."""

import json
from pathlib import Path

from wallflower.models.catalog import ModelError


def token_bytes(tokenizer: Path, count: int) -> list[bytes]:
    """The bytes of the first `count` tokens, which are byte-level BPE.

    Raises ModelError when the file is damaged, of another kind, or lacks one of them.
    """
    try:
        vocabulary = json.loads(tokenizer.read_bytes())["model"]["vocab"]
        texts = {number: text for text, number in vocabulary.items()}
    except OSError as error:
        raise ModelError(f"cannot read {tokenizer}: {error.strerror}") from error
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ModelError(f"{tokenizer.name} is damaged or of another kind: it has no vocabulary") from error
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
