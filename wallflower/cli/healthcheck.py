"""`wallflower healthcheck`: is a daemon there, and does it answer? For containers."""

import argparse
import asyncio
import sys
from urllib.parse import urlsplit

from wallflower.config import Options
from wallflower.errors import ExitCode


def execute(parsed: argparse.Namespace, options: Options) -> int:
    """Describe → Info within the deadline."""
    uri = reachable(options.uri)
    try:
        names = asyncio.run(_ask(uri, parsed.timeout))
    except TimeoutError:
        reason = f"no answer within {parsed.timeout:g} s"
    except (OSError, ValueError) as error:
        reason = str(error)
    except (KeyError, TypeError, AttributeError, EOFError):  # what the library does not expect
        reason = "what answers there does not speak Wyoming"
    else:
        print(f"{uri} is well: {', '.join(names)}")
        return ExitCode.OK
    print(f"wallflower: {uri} is not well: {reason}", file=sys.stderr)
    return ExitCode.FAILED


def reachable(uri: str) -> str:
    """The address under which this machine reaches a server that is told to serve at `uri`."""
    host = urlsplit(uri).hostname
    if host in {"0.0.0.0", "::"}:
        return uri.replace("0.0.0.0", "127.0.0.1").replace("[::]", "[::1]")
    return uri


async def _ask(uri: str, seconds: float) -> list[str]:
    """The names of the models at `uri`. Raises TimeoutError, OSError or ValueError."""
    from wyoming.client import AsyncClient
    from wyoming.info import Describe, Info

    if uri.startswith("stdio:"):
        raise ValueError("a daemon at stdio:// serves the program that started it alone")
    async with asyncio.timeout(seconds), AsyncClient.from_uri(uri) as client:
        await client.write_event(Describe().event())
        while (event := await client.read_event()) is not None:
            if Info.is_type(event.type):
                programs = Info.from_event(event).asr
                return [model.name for program in programs for model in program.models]
    raise ValueError("it closed the connection without an answer")
