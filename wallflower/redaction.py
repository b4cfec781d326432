"""Taking secrets out of what is shown or logged."""

import re
from collections.abc import Mapping
from typing import Any

_SECRET_KEYS = re.compile(r"token|password|secret|authorization", re.IGNORECASE)
_URL_CREDENTIALS = re.compile(r"(?<=://)[^/\s]+@")
_URL_SECRETS = re.compile(r"(?<=[?&])((?:[\w-]*(?:token|key|password|secret)[\w-]*)=)[^&\s]+", re.IGNORECASE)


def redact(text: str) -> str:
    """`text` without the credentials of any address in it."""
    return _URL_SECRETS.sub(r"\1***", _URL_CREDENTIALS.sub("***@", text))


def redacted(value: Any, key: str = "") -> Any:
    """`value` without secrets, however deep: by its key, or as credentials in an address.

    What is neither plain data nor a collection of it becomes its text.
    """
    if _SECRET_KEYS.search(key):
        return "***"
    if isinstance(value, str):
        return redact(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(name): redacted(each, str(name)) for name, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redacted(each) for each in value]
    return redact(str(value))
