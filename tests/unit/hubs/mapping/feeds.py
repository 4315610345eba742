"""Builders of small feeds and registrations for the tests of mapping."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import xlsxwriter

from hubs.contract.records import RawDocument
from hubs.feed import Feed
from hubs.mapping import Mapped, map_feed
from hubs.registration import Registration


def a_feed(folder: Path, files: Mapping[str, str | bytes], dates: Mapping[str, str] | None = None) -> Feed:
    """A feed of the files, written under ``folder``."""
    paths = {}
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        paths[name] = path
    return Feed(paths, dates or {})


def a_registration(*sources: Mapping[str, Any], **changes: Any) -> Registration:
    """A registration with the sources given, or of a feed in the contract's own shape."""
    fields = {
        "id": "vale",
        "name": {"en": "Vale"},
        "sector": "health",
        "owner": {"role": "Editor"},
        "data_contact": {"role": "Data team"},
        "address": "feed",
        "licence": "OGL-UK-3.0",
        "sources": list(sources),
    }
    return Registration.model_validate(fields | changes)


def a_source(**changes: Any) -> dict[str, Any]:
    """A source of Markdown case studies."""
    return {"kind": "case_study", "reader": "markdown", "glob": "**/*.md"} | changes


def a_table_source(**changes: Any) -> dict[str, Any]:
    """A source of tables in which every column of the contract has a rule."""
    columns = {
        "organisation": "who",
        "respondent": "who",
        "audience": {"constant": "decision_maker"},
        "organisation_type": {"constant": "council"},
        "size_band": {"constant": "not_stated"},
        "region": {"constant": "wales"},
        "period": {"constant": "2026"},
        "instrument": {"constant": "interop-baseline-v1"},
        "question": "asked",
        "level": "score",
    }
    changed = {"columns": columns | changes.pop("columns", {})}
    return {"kind": "assessment", "reader": "table", "glob": "*.csv"} | changed | changes


def a_descriptor(*resources: Mapping[str, Any], **changes: Any) -> str:
    """A datapackage.json with the resources given."""
    return json.dumps({"hubpacks": {"contract": "1"}, "resources": list(resources)} | changes)


def mapped(folder: Path, files: Mapping[str, str | bytes], *sources: Mapping[str, Any], **changes: Any) -> Mapped:
    """What a registration with the sources makes of the files."""
    return map_feed(a_feed(folder, files), a_registration(*sources, **changes))


def only(result: Mapped) -> RawDocument:
    """The one document that was found."""
    assert len(result.documents) == 1, result
    return result.documents[0]


def a_workbook(sheets: Mapping[str, Sequence[Sequence[Any]]]) -> bytes:
    """An XLSX workbook of these cells."""
    made = io.BytesIO()
    with xlsxwriter.Workbook(made, {"in_memory": True}) as book:
        for name, lines in sheets.items():
            sheet = book.add_worksheet(name)
            for number, cells in enumerate(lines):
                sheet.write_row(number, 0, cells)
    return made.getvalue()


def codes(result: Mapped) -> list[str]:
    """Codes of the findings in order."""
    return [finding.code for finding in result.findings]


def rows(result: Mapped) -> list[dict[str, Any]]:
    """All rows of all tables."""
    return [row for table in result.tables for batch in table.batches() for row in batch.to_pylist()]
