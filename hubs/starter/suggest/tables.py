"""Guessing what tables are: records of a kind, a survey (``surveys``), or neither."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from glob import escape
from typing import Any

from hubs.contract.kinds import document_kinds
from hubs.contract.kinds.base import DocumentKind
from hubs.mapping.readers.rows import column_name
from hubs.mapping.readers.workbook import as_text
from hubs.starter.suggest.doubts import Guess, listed, shown
from hubs.starter.suggest.fields import (
    MANY,
    MOST,
    SOME,
    SUMMARY_LIMIT,
    Records,
    constant_guesses,
    date_guess,
    list_guess,
    one_or_all,
    terms_guess,
    text_rules,
)
from hubs.starter.suggest.folder import Table
from hubs.starter.suggest.values import keys_called


@dataclass
class Reading:
    """What a table is taken for: ``settings`` of a source, or None and ``reason`` why it is left out. ``draft`` says
    that the settings are shown as a comment only, since they need an answer that no guess can give.
    """

    settings: dict[str, Any] | None
    reason: str = ""
    doubts: list[str] = field(default_factory=list)
    draft: dict[str, Any] | None = None


LONG_TEXT = 60
"""Characters of a text that is meant to be read."""


def columns_shown(names: list[str]) -> str:
    """The first names of columns, for messages."""
    shortened = [f"'{shown(name)}'" for name in names[:8] if name]
    return ", ".join(shortened) + (f" and {len(names) - 8} more" if len(names) > 8 else "")  # noqa: PLR2004


def base(table: Table, kind: str, reader: str) -> dict[str, Any]:
    """What every source of a table says: its file, its sheet, and the line that names its columns."""
    settings: dict[str, Any] = {"kind": kind, "reader": reader, "glob": escape(table.name)}
    if table.sheet is not None:
        settings["sheet"] = table.sheet
    if table.header_row > 1:
        doubt = (
            f"the line that names the columns is taken to be line {table.header_row}: {columns_shown(table.columns)}."
        )
        settings["header_row"] = Guess(table.header_row, (doubt,))
    return settings


_NEEDED = {
    "faq": ("question", "answer"),
    "term": ("term", "definition"),
    "signpost": ("title", "address"),
    "requirement": ("clause", "evaluation", "verification"),
    "case_study": ("title", "body"),
}
"""The columns by which a table of a kind is known, the surest kind first. Others need heading and text."""
_TELLING = {
    *("question", "answer", "term", "word", "phrase", "acronym", "abbreviation", "definition", "meaning", "address"),
    *("url", "link", "web_address", "clause", "model_clause", "body", "full_text", "case_study"),
    *("case_study_text", "story"),
}
"""Names of columns of which one must be there: a name and a description alone may be of anything."""


def records_source(table: Table, constants: Mapping[str, str]) -> dict[str, Any] | None:
    """How the table is read if each row is a record of a kind of documents; None if none is."""
    for name in [*_NEEDED, *sorted(set(document_kinds()) - set(_NEEDED))]:
        kind = document_kinds()[name]
        needed = _NEEDED.get(name, (kind.heading, kind.text))
        found: dict[str, str] = {}
        for field_name in needed:
            free = [column for column in table.columns if column and column not in found.values()]
            column = next((c for c in keys_called(field_name, free) if _is_fit(table, field_name, c)), None)
            if column is None:
                break
            found[field_name] = column
        if len(found) == len(needed) and (name not in _NEEDED or _TELLING & set(map(column_name, found.values()))):
            return _rows_source(table, name, found, constants)
    return None


def _is_fit(table: Table, field_name: str, column: str) -> bool:
    """Whether a column's cells look like what its name promises."""
    texts = [as_text(cell) for cell in table.values(table.columns.index(column))]
    if len(texts) < SOME * len(table.rows):
        return False
    if field_name == "address":
        return sum(text.startswith(("http://", "https://")) for text in texts) >= MANY * len(texts)
    if field_name in ("body", "answer", "definition", "clause"):
        return sum(len(text) for text in texts) / len(texts) >= LONG_TEXT / (2 if field_name == "definition" else 1)
    return sum(any(c.isalpha() for c in text) for text in texts) >= MANY * len(texts)


def _rows_source(table: Table, kind_name: str, needed: dict[str, str], constants: Mapping[str, str]) -> dict[str, Any]:
    kind = document_kinds()[kind_name]
    settings = base(table, kind_name, "rows")
    rows = [dict(zip(table.columns, row, strict=False)) for row in table.rows]
    records = Records(rows, "rows")
    used = set(needed.values())
    fields: dict[str, Any] = {}
    for name, column in needed.items():
        if name != column:
            doubt = f"the column {shown(column)} is taken for {name}."
            fields[name] = Guess(column, (doubt,) if column_name(column) != name else ())
    for name in kind.model.model_fields:
        if name not in needed and (guess := _row_field(name, kind, records, used)) is not None:
            fields[name] = guess
    fields |= constant_guesses(kind, constants, {*fields, *map(column_name, records.names())})
    if left := {key: count for key, count in records.names().items() if key not in used and key}:
        settings["glob"] = Guess(settings["glob"], (f"columns that nothing is made of: {listed(left)}.",))
    if fields:
        settings["fields"] = fields
    if keys := [column for column in needed.values() if records.names()[column] >= MOST * len(rows)]:
        settings["expect"] = {"keys": keys}
    return settings


def _row_field(name: str, kind: DocumentKind, records: Records, used: set[str]) -> Guess | None:
    if name in ("published", "updated"):
        return date_guess(name, records, used)
    if name in kind.schemes:
        return terms_guess(name, kind, records, used)
    if name in ("organisations", "standards_used"):
        return list_guess(name, records, used)
    if name == "id":
        exact = [key for key in records.names() if column_name(key) == "id"]
        used |= set(exact)
        return Guess(exact[0]) if exact and exact != ["id"] else None
    if name == "contact":
        return None
    rules, having = text_rules(name, records, used, SUMMARY_LIMIT if name == "summary" else None)
    if name == "summary" and len(having) < records.total:
        rules.append({"from": "first_paragraph", "limit": SUMMARY_LIMIT})
        return Guess(one_or_all(rules), (f"{records.lacking(len(having))} have no summary of their own.",))
    return Guess(one_or_all(rules)) if rules and rules != [name] else None
