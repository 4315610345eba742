"""The report on a feed as one page to send on: it needs no other file, runs no script and asks nobody for anything.

The layout is ``check.html``; what is told, and how a feed's words are made harmless, is ``check``. Every value passes
through ``shown`` and is escaped, so that no feed can write into the page.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from hubs.check import MAX_PATH_CHARACTERS, Group, by_origin, groups, shown, stories
from hubs.contract.findings import CODES, Severity
from hubs.contract.kinds import kinds
from hubs.contract.verdict import Verdict

MAX_ROWS = 1_000
"""Of a table of places or records. The account of the files is always whole."""
MENDED_FIRST = 5
"""Codes that are named above all others."""


def report_html(verdict: Verdict, name: str, checked: datetime | None = None, digest: str | None = None) -> str:
    """The page on the feed called ``name``. ``checked`` is when (UTC), ``digest`` the feed's; neither stands there if
    it is not known.
    """
    found = groups(verdict)
    return _template().render(
        feed=name,
        checked=f"{checked:%-d %B %Y, %H:%M} UTC" if checked else None,
        digest=digest,
        verdict=verdict,
        counts=verdict.counts(),
        groups=[(group, _columns(group)) for group in found],
        errors=[group for group in found if group.code.severity is Severity.ERROR][:MENDED_FIRST],
        stories=stories(verdict),
        codes=CODES,
        kinds=kinds(),
        by_origin=by_origin,
        most=MAX_ROWS,
    )


def _columns(group: Group) -> dict[str, str]:
    """The columns of a table of places, by the finding's attribute that they show: those in which anything stands."""
    findings = group.findings
    optional = {"row": "Row", "record": "Record", "field": "Field", "value": "Value", "detail": "Detail"}
    told = {name: title for name, title in optional.items() if any(getattr(f, name) for f in findings)}
    return {"file": "File"} | told | ({"count": "Times"} if any(f.count > 1 for f in findings) else {})


@cache
def _template() -> Template:
    return page_template(Path(__file__).with_name("check.html"), _harmless)


def page_template(path: Path, harmless: Callable[[Any], Any]) -> Template:
    """The template at ``path`` of a report that is a page by itself. ``harmless`` makes of each value what is shown."""
    environment = Environment(
        loader=FileSystemLoader(path.parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=harmless,
    )
    return environment.get_template(path.name)


def _harmless(value: Any) -> Any:
    """A text of the feed without what nobody sees. Figures and our own markup pass."""
    return shown(value, MAX_PATH_CHARACTERS) if isinstance(value, str) and not isinstance(value, Markup) else value
