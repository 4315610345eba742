"""An organisation's own gap analysis against a published release: read its return, compare it, plan, tell.

What may be published of others was decided when the release was made; here is only read what stands in it. Nothing that
the organisation says is kept: no store, no log, and no file but the report that it asks for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from hubs.check import json_text
from hubs.instruments import Instrument
from pipelines.gap.plan import Analysis, analyse
from pipelines.gap.read import Own, UnusableReturn, read_return
from pipelines.gap.release import UnusableRelease, read_release
from pipelines.gap.targets import UnusableTarget, read_target
from pipelines.gap.tell import gap_html, gap_json, gap_text

__all__ = [
    "Analysis",
    "Own",
    "UnusableRelease",
    "UnusableReturn",
    "UnusableTarget",
    "analysed",
    "read_return",
    "report",
]


def analysed(
    own: Own,
    before: Own | None,
    release: Path,
    banks: Mapping[str, Instrument],
    *,
    target: str | None,
    peers: Mapping[str, str | None],
    language: str,
) -> Analysis:
    """The gap analysis of ``own`` against the release in ``release`` (a folder, a zip, or a public folder).

    ``before`` is an earlier return, ``target`` a level or a file with levels, ``peers`` what is said in place of the
    return's own description, by attribute. Raises UnusableTarget, UnusableRelease and OSError.
    """
    own = replace(own, described={**own.described, **{name: term for name, term in peers.items() if term}})
    dimensions = {dimension: None for name, _ in own.answers for dimension in banks[name].dimensions}
    targets = read_target(target, dimensions) if target is not None else {}
    return analyse(own, before, read_release(release, own.described), banks, targets=targets, language=language)


def report(analysis: Analysis, form: str, output: Path | None) -> str:
    """The analysis as ``text``, ``json`` or ``html``; a page that is written to ``output`` leads from there."""
    if form == "html":
        return gap_html(analysis, output)
    return json_text(gap_json(analysis)) if form == "json" else gap_text(analysis)
