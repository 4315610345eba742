"""A first registration for an unknown folder: what it holds, how each field is found, and every doubt about it.

The text is made to be read and changed by the hub's editor. It is valid as it stands, and says nothing that was not
seen in the folder. Looking is ``folder``; what is guessed is in ``hub`` and ``content``; ``doubts`` writes it down.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubs.contract.records import MANIFEST
from hubs.instruments import Instrument
from hubs.starter.suggest.content import Content, content_of, is_native_workbook
from hubs.starter.suggest.doubts import block, comment, shown
from hubs.starter.suggest.folder import look
from hubs.starter.suggest.hub import about_hub, hub_id
from hubs.starter.suggest.tables import Reading

__all__ = ["Suggestion", "hub_id", "suggest"]

_CONSTANTS = {"signpost_type": "guidance"}
"""What stands where a record must say something and nothing is found. A doubt says so each time."""


@dataclass(frozen=True)
class Suggestion:
    """The text of a registration, with how many sources it has and how many doubts."""

    text: str
    sources: int
    doubts: int


def suggest(root: Path, hub: str, folder: Path, banks: Mapping[str, Instrument]) -> Suggestion:
    """A registration called ``hub`` for the feed at ``root``, to be kept in ``folder``. ``banks`` are the known
    instruments. Raises OSError when ``root`` cannot be listed.
    """
    seen = look(root)
    settings = about_hub(seen, root, hub, folder)
    content = Content()
    remarks = list(seen.remarks)
    if MANIFEST in seen.files:
        remarks.append(f"there is a {MANIFEST}: it is a feed in the contract's shape already and needs no mapping.")
    elif is_native_workbook(seen):
        remarks.append("it is a workbook in the contract's shape already and needs no mapping.")
    else:
        constants = {"source": settings["name"].value["en"], "publisher": settings["name"].value["en"], **_CONSTANTS}
        content = content_of(seen, banks, constants)
        if content.skip:
            settings["skip"] = content.skip
        if content.sources:
            settings["sources"] = content.sources
        else:
            remarks.append("nothing was found that can be read as records or answers.")
    lines = list(_lines(hub, root, settings, remarks, content.drafts))
    doubts = sum(line.lstrip().startswith("# doubt: ") for line in lines)
    return Suggestion("\n".join(lines) + "\n", len(content.sources), doubts)


def _lines(hub: str, root: Path, settings: dict[str, Any], remarks: list[str], drafts: list[Reading]) -> Iterator[str]:
    yield from comment(f"A first registration for {shown(root.name or root)}, worked out by looking at its files.", "")
    yield from comment(
        "Each line that begins with '# doubt:' is a guess: look at it, then change it or take it away.", ""
    )
    yield from comment(
        f"Lint: hubpacks registry check. See what comes out: hubpacks check FEED --mapping {hub}.yaml", ""
    )
    for remark in remarks:
        yield from comment(remark)
    yield ""
    yield from block(settings)
    for draft in drafts:
        yield ""
        for doubt in draft.doubts:
            yield from comment(doubt)
        for line in block({"sources": [draft.draft]}):
            yield f"# {line}"
