"""Language codes."""


def base_language(code: str) -> str:
    """The language of a code without its region: en for en-GB, also for en_gb."""
    return code.replace("_", "-").split("-", 1)[0].lower()
