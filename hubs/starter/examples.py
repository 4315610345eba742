"""One example record of every kind, made from the contract's models: a new kind or field appears by itself.

Examples say of themselves that they are. How they are written into files is ``feed`` and ``workbook``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from hubs.contract.kinds import Kind, record_kinds
from hubs.contract.kinds.base import Document, RecordKind, TableKind
from hubs.contract.kinds.case_study import SECTIONS
from hubs.contract.vocabularies import vocabulary
from hubs.instruments import instruments

EXAMPLE_DAY = date(2026, 1, 31)
EXAMPLE_LICENCE = "OGL-UK-3.0"
REFERENCES = ("translation_of", "successor")
"""Fields that name another record: an example that stands alone leaves them empty."""
_BODY = "\n\n".join(
    f"## {name.capitalize()}\n\nExample text to replace. {what}"
    for name, what in zip(
        SECTIONS,
        (
            "Say who had which problem, and what could not be exchanged.",
            "Say what was done, in which order, and with which standards.",
            "Say what is better now, in figures where you have them.",
            "Say what you would do again, and what you would not.",
        ),
        strict=True,
    )
)
_COMMON = set(Document.model_fields)
"""Fields of every document, which stand behind those of its kind."""
_WORDED = {("case_study", "body"): _BODY}
"""Fields whose example must look a certain way. All others are made from their descriptions."""


@dataclass(frozen=True)
class Starter:
    """What the examples take from the hub: its id, its name and its sector."""

    hub: str
    name: str
    sector: str

    @property
    def contact(self) -> str:
        """A role mailbox at an address that can never be anybody's."""
        return f"data@{self.hub}.example"


def example(kind: RecordKind, starter: Starter) -> dict[str, Any]:
    """A record of ``kind`` as its model wants it; fields that name another record are left out."""
    return {name: _value(kind, name, starter) for name in kind.model.model_fields if name not in REFERENCES}


def is_several(kind: RecordKind, name: str) -> bool:
    """Whether a field holds a list."""
    return bool(_schema(kind, name).get("type") == "array")


def is_day(kind: RecordKind, name: str) -> bool:
    """Whether a field holds a date."""
    return bool(_schema(kind, name).get("format") == "date")


def longest(kind: RecordKind, name: str) -> int | None:
    """Characters that a field may hold; None if there is no limit."""
    return _schema(kind, name).get("maxLength")


def _schema(kind: RecordKind, name: str) -> Mapping[str, Any]:
    """The schema of a field without the choice of leaving it empty."""
    return _schemas(kind.name)[name]


@cache
def _schemas(kind_name: str) -> Mapping[str, Mapping[str, Any]]:
    fields = record_kinds()[kind_name].model.model_json_schema()["properties"]
    return {name: _plain(schema) for name, schema in fields.items()}


def _plain(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    choices = [entry for entry in schema.get("anyOf", ()) if entry.get("type") != "null"]
    return choices[0] if choices else schema


def _value(kind: RecordKind, name: str, starter: Starter) -> Any:
    schema = _schema(kind, name)
    if (kind.name, name) in _WORDED:
        return _WORDED[kind.name, name]
    if name in kind.schemes:
        term = {"sectors": starter.sector, "licence": EXAMPLE_LICENCE, "language": "en"}.get(name)
        term = term or next(iter(vocabulary(kind.schemes[name]).terms))
        return [term] if is_several(kind, name) else term
    if is_day(kind, name):
        return EXAMPLE_DAY
    if schema.get("format") == "uri":
        return f"https://{starter.hub}.example/example"
    if "pattern" in schema:
        return f"example-{kind.name.replace('_', '-')}"
    if name == "contact":
        return starter.contact
    if is_several(kind, name):
        return [f"Example {name.removesuffix('_used').removesuffix('s').replace('_', ' ')}"]
    text = f"Example to replace. {kind.model.model_fields[name].description or ''}".strip()
    return text[: longest(kind, name)]


def answer(kind: TableKind) -> dict[str, str]:
    """One row of ``kind``. Keys are as random as any that everybody has."""
    bank = instruments()[min(instruments())]
    question = next(iter(bank.questions.values()))
    known = {
        "organisation": "replace1me",
        "respondent": "replace2me",
        "audience": question.audience,
        "period": f"{EXAMPLE_DAY.year}-Q1",
        "instrument": bank.name,
        "question": question.id,
    }
    return {column.name: known[column.name] if column.name in known else column.allowed[0] for column in kind.columns}


def entries(kind: Kind) -> list[tuple[str, str, bool]]:
    """Name, description and whether it is needed, of each field of a record or column of a row, in the order to fill
    them in.
    """
    if isinstance(kind, TableKind):
        return [(column.name, column.description_en, column.required) for column in kind.columns]
    fields = kind.model.model_fields
    ordered = sorted(fields, key=lambda name: (name != "id", name != kind.heading, name in _COMMON))
    # An id that is made of the heading need not be given.
    needed = set(kind.missing) - ({"id"} if kind.is_id_derived else set())
    return [(name, fields[name].description or "", name in needed) for name in ordered]
