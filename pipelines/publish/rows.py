"""Rows of a ``pack.json`` as files made from it see them: what each is called, when it was last touched, and each text
once in a language. What is made of them is for those who ask.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from pipelines.helps import translation

Row = Mapping[str, Any]


def heading(row: Row) -> str:
    """What the record is called; its id when it says nothing."""
    return str(row.get("title") or row.get("question") or row["id"])


def touched(row: Row) -> date | None:
    """When the record was last touched by its hub, None when that does not say. Dates may stand as text."""
    when = row["updated"] or row["published"]
    return date.fromisoformat(when) if isinstance(when, str) else when


def shown(rows: Iterable[Row], language: str) -> list[Row]:
    """The records in the order given, each text once: in ``language`` where one of the rows is, else as it is."""
    by_id = {row["id"]: row for row in rows}
    found: dict[str, Row] = {}
    for row in by_id.values():
        chosen = translation(row, language, by_id) or row
        found.setdefault(chosen["id"], chosen)
    return list(found.values())
