"""What of an accepted feed is compared with the one before it: a profile of its records and of its returns.

What a difference means is said in ``breaker``; rows are read in ``returns``. A profile is worked out anew and never
stored; only the digest of the whole content is.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubs.contract.records import canonical_json
from hubs.contract.verdict import Verdict
from pipelines.identity import Trait, trait_of

if TYPE_CHECKING:
    from pipelines.returns import Returns, Sheet

_FROM_HEADING = ("heading", "place")
"""How an id is derived that changes with the heading (``Record.derived``)."""


@dataclass(frozen=True, slots=True)
class Item:
    """One record. ``content`` is ``Record.content``; ``position`` its place in the feed; ``is_named_by_heading`` says
    that its id was not stated but is its heading's.
    """

    trait: Trait
    content: str
    file: str
    position: int
    licence: str
    is_named_by_heading: bool


@dataclass(frozen=True)
class Profile:
    """What is compared. ``records`` by local id; ``refused`` the codes of what is in quarantine, by local id;
    ``notices`` what the hub says of withdrawals; ``returns`` by kind and period, ``sheets`` by kind and file (with
    place), ``refused_rows`` by kind.

    ``content`` is a digest of everything that a release would say of the feed. Two feeds have the same one if nothing
    but their files' names and form, the order of records, or what is not content (such as a stamp in the descriptor)
    is different.
    """

    records: Mapping[str, Item]
    refused: Mapping[str, tuple[str, ...]]
    notices: Sequence[tuple[str, ...]]
    returns: Mapping[tuple[str, str], Returns]
    sheets: Mapping[tuple[str, str], Sheet]
    refused_rows: Mapping[str, int]
    content: str


def profile(verdict: Verdict) -> Profile:
    """The profile of an accepted feed. Raises OSError and pyarrow.ArrowInvalid when a table's file cannot be read."""
    records = {
        record.document.id: Item(
            trait_of(record),
            record.content,
            record.file,
            position,
            record.document.licence,
            record.derived.get("id") in _FROM_HEADING,
        )
        for position, record in enumerate(verdict.records)
    }
    refused_rows: Counter[str] = Counter()
    for table in verdict.tables:
        refused_rows[table.kind] += table.quarantined_rows
    sheets, returns = _tables(verdict)
    notices = sorted((w.id, w.reason, w.date.isoformat(), w.successor or "") for w in verdict.withdrawals)
    return Profile(
        records=records,
        refused={entry.record: entry.codes for entry in verdict.quarantine if entry.record is not None},
        notices=notices,
        returns=returns,
        sheets=sheets,
        refused_rows=refused_rows,
        content=_content(verdict, records, notices, returns),
    )


def _tables(verdict: Verdict) -> tuple[dict[tuple[str, str], Sheet], dict[tuple[str, str], Returns]]:
    """The tables by kind and file, and their rows by kind and period."""
    files = [(table, table.accepted) for table in verdict.tables if table.accepted is not None]
    if not files:
        return {}, {}
    from pipelines.returns import Tables  # feeds of documents do without the libraries for tables

    tables = Tables()
    for table, path in files:
        tables.add(table, path)
    return tables.sheets, tables.returns()


def _content(
    verdict: Verdict,
    records: Mapping[str, Item],
    notices: Sequence[tuple[str, ...]],
    returns: Mapping[tuple[str, str], Returns],
) -> str:
    said = [
        sorted(item.content for item in records.values()),
        notices,
        [[*key, one.rows_n, one.digest] for key, one in sorted(returns.items())],
        verdict.counts(),
        verdict.quarantined_by_code(),
        verdict.answers_quarantined_by_code(),
        verdict.derived(),
    ]
    return hashlib.sha256(canonical_json(said).encode()).hexdigest()
