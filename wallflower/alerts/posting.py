"""Posting one letter: signed, to a checked address, without following anybody elsewhere."""

import hashlib
import hmac
import json
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import aiohttp

from wallflower import __version__
from wallflower.alerts.addresses import CheckedResolver, RefusedAddressError, check_address
from wallflower.alerts.letters import Letter
from wallflower.alerts.targets import Target
from wallflower.redaction import redact

_ANSWER_SECONDS = 10.0
_CONNECT_SECONDS = 5.0
_LONGEST_RETRY_AFTER = 300.0
_MOST_REDIRECTS = 3
_TRY_AGAIN = {408, 425, 429}


@dataclass(frozen=True, slots=True)
class Outcome:
    """delivered; else reason: why not, without secrets; again: whether it may work later, and after: in how
    many seconds at the earliest.
    """

    delivered: bool
    reason: str = ""
    again: bool = False
    after: float = 0.0


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 of the timestamp, a dot and the body, in hex after `v1=`."""
    return "v1=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def pool(targets: Collection[Target]) -> aiohttp.ClientSession:
    """The one session for all targets."""
    allowed = {urlsplit(target.url).hostname or "" for target in targets if target.link_local}
    connector = aiohttp.TCPConnector(resolver=CheckedResolver(allowed), limit_per_host=2, use_dns_cache=False)
    timeout = aiohttp.ClientTimeout(total=_ANSWER_SECONDS, sock_connect=_CONNECT_SECONDS)
    return aiohttp.ClientSession(
        connector=connector,
        timeout=timeout,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": f"Wallflower/{__version__}"},
    )


async def post(session: aiohttp.ClientSession, target: Target, letter: Letter) -> Outcome:
    """Post a letter. Takes at most 10 s for each of up to four requests."""
    body = json.dumps(letter.payload, ensure_ascii=False).encode()
    url = target.url
    try:
        for _ in range(_MOST_REDIRECTS + 1):
            _check_literal(target, url)
            async with session.post(
                url, data=body, headers=_headers(target, letter, body), allow_redirects=False
            ) as response:
                location = response.headers.get("Location")
                if response.status not in {307, 308} or location is None:
                    return _outcome(response.status, response.headers)
            there = urljoin(url, location)
            if _origin(there) != _origin(url):
                return Outcome(False, "it redirects to another host, which is not followed")
            url = there
    except (OSError, ValueError, aiohttp.ClientError) as error:  # TimeoutError is an OSError
        return _failure(error)
    return Outcome(False, "it redirects in circles")


def _failure(error: Exception) -> Outcome:
    """Neither the path of an address nor its query is told: both may be secret."""
    reason = getattr(error, "os_error", None) or error
    if isinstance(reason, RefusedAddressError):
        return Outcome(False, str(reason))
    if isinstance(reason, ValueError):  # aiohttp.InvalidURL is one
        return Outcome(False, "it is no possible address")
    if isinstance(reason, TimeoutError):
        return Outcome(False, f"no answer within {_ANSWER_SECONDS:g} s", again=True)
    told = getattr(reason, "strerror", None) or type(reason).__name__
    return Outcome(False, redact(str(told)), again=True)


def _headers(target: Target, letter: Letter, body: bytes) -> dict[str, str]:
    timestamp = str(int(time.time()))
    headers = {
        "Content-Type": "application/json",
        "X-Wallflower-Delivery": letter.key,
        "X-Wallflower-Timestamp": timestamp,
    }
    if target.secret:
        headers["X-Wallflower-Signature"] = signature(target.secret, timestamp, body)
    return headers


def _check_literal(target: Target, url: str) -> None:
    """An address in place of a name is not looked up, so it is checked here."""
    if target.link_local:
        return
    try:
        check_address((urlsplit(url).hostname or "").strip("[]"))
    except RefusedAddressError:
        raise
    except ValueError:
        return


def _outcome(status: int, headers: Mapping[str, str]) -> Outcome:
    if 200 <= status < 300:
        return Outcome(True)
    if 300 <= status < 400:
        return Outcome(False, f"it redirects by HTTP {status}, which is not followed")
    return Outcome(False, f"HTTP {status}", status in _TRY_AGAIN or status >= 500, _retry_after(headers))


def _retry_after(headers: Mapping[str, str]) -> float:
    text = headers.get("Retry-After", "")
    return min(float(text), _LONGEST_RETRY_AFTER) if text.isdecimal() and len(text) < 10 else 0.0


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port
