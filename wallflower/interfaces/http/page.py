"""The status page: plain HTML, no script, nothing from elsewhere."""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from html import escape

from wallflower import __version__
from wallflower.interfaces.http.overview import Status
from wallflower.listening.condition import sentence_about
from wallflower.redaction import redact

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 1.5rem; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid #8884; padding: .3rem .6rem .3rem 0; }
th, td { text-align: left; vertical-align: top; }
th { font-weight: 600; width: 12rem; } .trouble { color: #c33; } .none { opacity: .7; }
"""
_REFRESH_SECONDS = 10

_style_hash = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
SECURITY = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_style_hash}'; base-uri 'self'; "
    "form-action 'none'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
"""The headers that the page is sent with."""


def page(status: Status, base: str) -> str:
    """The page as HTML. base: the path that it is seen under, with a slash at its end."""
    condition = status.condition
    trouble = sentence_about(condition)
    box = [
        ("Version", __version__),
        ("State", "ready" if status.ready else "starting: the first start fetches and measures models"),
        ("Decodes", condition.in_use or "nothing yet"),
        ("Partial words", condition.quick or "the same"),
        ("Speakers known", "not told apart" if status.people is None else f"{status.people}"),
        *((f"Part: {name}", state.value) for name, state in status.parts.items()),
    ]
    sources = [
        (view.configured.settings.name, view.state.status.value, redact(view.state.reason))
        for view in status.sources
    ]
    heard = [(f"{each.start:%H:%M:%S}", each.source, each.speaker_name, each.text) for each in status.heard]
    alerts = [(f"{each.at:%H:%M:%S}", each.severity, each.phase, each.summary) for each in status.alerts]
    return "\n".join(
        (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<meta http-equiv="refresh" content="{_REFRESH_SECONDS}">',
            f'<base href="{escape(base)}"><title>{escape(status.name)}</title>',
            f"<style>{_STYLE}</style></head><body><h1>{escape(status.name)}</h1>",
            f'<p class="trouble">{escape(trouble)}</p>' if trouble else "",
            "<table>" + "".join(_row("th", row[:1], row[1:]) for row in box) + "</table>",
            _section("Sources", ("Name", "State", "Why"), sources),
            _section("Heard last", ("Time (UTC)", "Source", "Speaker", "Words"), heard),
            _section("Alerts", ("Time (UTC)", "Severity", "Phase", "What"), alerts),
            '<p><a href="./">Look again</a></p></body></html>',
        )
    )


def _section(title: str, names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    cells = "".join(_row("td", (), row) for row in rows)
    if not cells:
        return f'<h2>{title}</h2><p class="none">none</p>'
    return f"<h2>{title}</h2><table>{_row('th', names, ())}{cells}</table>"


def _row(kind: str, heads: Sequence[str], cells: Sequence[str]) -> str:
    text = "".join(f"<{kind}>{escape(each)}</{kind}>" for each in heads)
    return f"<tr>{text}{''.join(f'<td>{escape(each)}</td>' for each in cells)}</tr>"
