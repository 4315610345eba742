"""How facts are shown beside an asset in Dagster's UI: tables, bars, moments, links. What is shown stands elsewhere."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg

from hubs.contract.records import canonical_json
from pipelines import publish
from pipelines.candidates import Candidate, CandidateState
from pipelines.line import Line
from pipelines.settings import PLACEHOLDER

BAR_CHARACTERS = 20


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], none: str = "none") -> dg.MarkdownMetadataValue:
    """Rows as a Markdown table, numbers with thousands; ``none`` when there are none."""
    lines = [[_cell(value) for value in row] for row in rows]
    if not lines:
        return dg.MetadataValue.md(none)
    heads = [list(columns), ["---"] * len(columns)]
    return dg.MetadataValue.md("\n".join(f"| {' | '.join(line)} |" for line in [*heads, *lines]))


def bars(what: str, numbers: Mapping[str, int], links: Mapping[str, str] | None = None) -> dg.MarkdownMetadataValue:
    """Numbers as a chart of bars, the largest as long as can be. ``links`` has addresses for some of the names."""
    most, links = max(numbers.values(), default=0), links or {}
    rows = [
        (f"[{name}]({links[name]})" if name in links else name, number, "█" * max(1, number * BAR_CHARACTERS // most))
        for name, number in numbers.items()
        if number
    ]
    return table((what, "number", ""), rows)


def folder_of(line: Line, candidate: Candidate) -> Path:
    """Where the files of a candidate are, or of the release that it became."""
    waits = candidate.state is CandidateState.WAITING
    return publish.candidate_folder(line.public, candidate.id) if waits else line.public / "releases" / candidate.id


def page(line: Line, candidate: Candidate, path: str) -> dg.MetadataValue:
    """A page of a candidate at the address of its preview, of a release at its public one. While the site has no
    address, where the file lies, since a browser opens no file from a page of the web.
    """
    if candidate.state is CandidateState.WAITING:
        return dg.MetadataValue.url(f"{line.rule.preview}releases/{candidate.id}/{path}")
    if line.address != PLACEHOLDER:
        return dg.MetadataValue.url(f"{line.address}releases/{candidate.id}/{path}")
    return dg.MetadataValue.path(str(folder_of(line, candidate) / path))


def pack_links(line: Line) -> dict[str, str]:
    """Addresses of the pages of packs in the latest release, by pack; none on a site that has no address yet."""
    newest = publish.latest(line.public)
    if newest is None or line.address == PLACEHOLDER:
        return {}
    packs = sorted(path.name for path in (line.public / newest.address / "packs").iterdir())
    return {pack: f"{line.address}{newest.address}en/packs/{pack}.html" for pack in packs}


def version_of(*parts: Any) -> dg.DataVersion:
    """The version of an asset that depends on ``parts`` alone, so that what is made again of the same is not new."""
    return dg.DataVersion(hashlib.sha256(canonical_json(parts).encode()).hexdigest()[:16])


def moment(value: datetime | None, none: str = "never") -> dg.MetadataValue | str:
    """A moment, shown in the reader's time zone; ``none`` when there is none."""
    return dg.MetadataValue.timestamp(value) if value else none


def listed(words: Iterable[str]) -> str:
    """Words with commas between them."""
    return ", ".join(words) or "nothing"


def _cell(value: Any) -> str:
    text = f"{value:,}" if isinstance(value, int) else str("" if value is None else value)
    return text.replace("|", "\\|").replace("\n", " ")
