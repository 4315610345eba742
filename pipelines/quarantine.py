"""What of a hub is held back, and for how long, so that nothing is forgotten there. Why is the judge's to say.

The bytes lie with the verdict, under the rules that held them; a changed rule judges the feed again (``validate``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hubs.contract.verdict import Verdict
from pipelines.store import Store


@dataclass(frozen=True)
class Held:
    """A document, or the rows of one table, in quarantine. ``since`` is when it was first held: a hub that sends the
    same record again, still broken, does not make it young. ``rows`` is 0 for a document.
    """

    kind: str
    record: str | None
    file: str
    place: str
    codes: tuple[str, ...]
    rows: int
    since: datetime

    def days(self, now: datetime) -> int:
        """Whole days that it has been held."""
        return (now - self.since).days

    def to_dict(self, now: datetime) -> dict[str, Any]:
        """Plain types, with its age in ``days``."""
        return self.__dict__ | {"since": self.since.isoformat(timespec="seconds"), "days": self.days(now)}


def note(store: Store, verdict: Verdict, now: datetime) -> None:
    """Remember since when each record of the hub's newest verdict has been held; what is held no more is forgotten."""
    known = store.quarantined_since(verdict.hub)
    keys = [_key(entry.kind, entry.record, entry.file, entry.place) for entry in verdict.quarantine]
    keys += [_key(table.kind, None, table.file, table.place) for table in verdict.tables if table.quarantined_rows]
    store.keep_quarantined_since(verdict.hub, {key: known.get(key, now.isoformat()) for key in keys})


def held(store: Store, verdict: Verdict | None, now: datetime) -> list[Held]:
    """Everything of ``verdict`` that is held, the oldest first; ``now`` for what was not noted yet."""
    if verdict is None:
        return []
    known = store.quarantined_since(verdict.hub)

    def since(kind: str, record: str | None, file: str, place: str) -> datetime:
        text = known.get(_key(kind, record, file, place))
        return datetime.fromisoformat(text) if text else now

    found = [
        Held(e.kind, e.record, e.file, e.place, e.codes, 0, since(e.kind, e.record, e.file, e.place))
        for e in verdict.quarantine
    ]
    for table in verdict.tables:
        if table.quarantined_rows:
            codes = tuple(verdict.answers_quarantined_by_code(table.file))
            first = since(table.kind, None, table.file, table.place)
            found.append(Held(table.kind, None, table.file, table.place, codes, table.quarantined_rows, first))
    return sorted(found, key=lambda entry: (entry.since, entry.file, _in_order(entry.place)))


def _in_order(place: str) -> list[tuple[int, str]]:
    """So that row 2 comes before row 10."""
    return [(int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d+)", place)]


def _key(kind: str, record: str | None, file: str, place: str) -> str:
    """A record is told by its id, and by its place where it has none."""
    return f"{kind} {record}" if record else f"{kind} {file} {place}"
