"""Terms, signposts, requirements and withdrawals in the contract's shape and in shapes of their own, and what a cover
sheet says of all records of a workbook.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.hubs.mapping.feeds import a_descriptor, a_workbook, codes, mapped, only

REQUIREMENT = """---
title: All data leaves in an open format
licence: OGL-UK-3.0
---
# All data leaves in an open format

## Model clause

The supplier **shall** export all data.

### When

Within five days.

## How to evaluate a bid

Ask for a sample.

## How to check it during the contract

Load an export once a year.
"""


def native(folder: Path, kind: str, name: str, content: str, **changes: Any) -> Any:
    """What the contract makes of one file of ``kind``."""
    resource = {"name": "r", "path": name, "hubpacks": {"kind": kind}}
    return mapped(folder, {"datapackage.json": a_descriptor(resource), name: content}, **changes)


# Requirements.


def test_a_requirement_may_hold_its_three_texts_under_headings(tmp_path) -> None:
    result = native(tmp_path, "requirement", "r.md", REQUIREMENT)
    fields = only(result).fields
    assert fields["clause"] == "The supplier **shall** export all data.\n\n### When\n\nWithin five days."
    assert fields["evaluation"] == "Ask for a sample."
    assert fields["verification"] == "Load an export once a year."
    assert result.findings == []


def test_a_requirement_in_welsh_has_welsh_headings(tmp_path) -> None:
    text = (
        "---\ntitle: T\nlanguage: cy\n---\n## Cymal\n\nA.\n\n## Sut i werthuso cynnig\n\nB.\n\n## Sut i'w wirio\n\nC."
    )
    fields = only(native(tmp_path, "requirement", "r.md", text)).fields
    assert (fields["clause"], fields["evaluation"], fields["verification"]) == ("A.", "B.", "C.")


def test_a_body_without_such_headings_is_the_clause(tmp_path) -> None:
    text = "---\ntitle: T\nevaluation: Ask.\nverification: Look.\n---\nThe supplier shall.\n\n## Notes\n\nMore."
    result = native(tmp_path, "requirement", "r.md", text)
    assert only(result).fields["clause"] == "The supplier shall.\n\n## Notes\n\nMore."
    assert result.findings == []


def test_what_stands_before_the_other_two_is_the_clause(tmp_path) -> None:
    text = "---\ntitle: T\n---\nThe supplier shall.\n\n## Evaluation\n\nAsk.\n\n## Verification\n\nLook."
    fields = only(native(tmp_path, "requirement", "r.md", text)).fields
    assert (fields["clause"], fields["evaluation"], fields["verification"]) == ("The supplier shall.", "Ask.", "Look.")


def test_a_title_above_the_headings_is_no_clause(tmp_path) -> None:
    text = "---\ntitle: T\n---\n# T\n\n## Evaluation\n\nAsk.\n\n## Verification\n\nLook."
    assert "clause" not in only(native(tmp_path, "requirement", "r.md", text)).fields


def test_text_under_no_heading_of_the_kind_is_told_of(tmp_path) -> None:
    result = native(tmp_path, "requirement", "r.md", REQUIREMENT + "\n## Background\n\nWhy.\n")
    [finding] = result.findings
    assert (finding.code, finding.record) == ("text_left_out", "all-data-leaves-in-an-open-format")
    assert "Why." in (finding.value or "")


def test_a_body_beside_a_stated_text_is_told_of(tmp_path) -> None:
    result = native(tmp_path, "term", "t.md", "---\nterm: API\ndefinition: A way in.\nsource: Us\n---\nAnother text.")
    assert only(result).fields["definition"] == "A way in."
    assert codes(result) == ["text_left_out"]


def test_a_mapped_requirement_is_read_by_the_same_headings(tmp_path) -> None:
    source = {"kind": "requirement", "reader": "markdown", "glob": "*.md"}
    result = mapped(tmp_path, {"open-format.md": REQUIREMENT}, source)
    fields = only(result).fields
    assert (fields["id"], fields["evaluation"]) == ("open-format", "Ask for a sample.")
    assert fields["clause"].startswith("The supplier")
    assert result.findings == []


def test_a_mapped_requirement_with_headings_of_its_own_has_rules(tmp_path) -> None:
    text = "# T\n\n## What we ask\n\nA.\n\n## Scoring\n\nB.\n\n## Verification\n\nC."
    fields = {
        "title": {"from": "first_heading"},
        "clause": {"from": "section", "under": "What we ask"},
        "evaluation": {"from": "section", "under": "Scoring"},
    }
    source = {"kind": "requirement", "reader": "markdown", "glob": "*.md", "fields": fields}
    result = mapped(tmp_path, {"a.md": text}, source)
    found = only(result).fields
    assert (found["clause"], found["evaluation"], found["verification"]) == ("A.", "B.", "C.")
    assert result.findings == []


# Ids that come from headings.


@pytest.mark.parametrize(
    ("kind", "row", "id"),
    [
        ("term", "Term,Definition,Source\nOpen standard,D,S\n", "open-standard"),
        ("signpost", "Title,Address\nTŷ da: a code,https://a.example\n", "ty-da-a-code"),
        ("requirement", "Title,Clause\nOpen formats,C\n", "open-formats"),
    ],
)
def test_a_record_without_an_id_is_known_by_its_heading(kind: str, row: str, id: str, tmp_path) -> None:
    document = only(native(tmp_path, kind, "rows.csv", row))
    assert (document.fields["id"], document.derived["id"]) == (id, "heading")


def test_a_stated_id_is_kept(tmp_path) -> None:
    document = only(native(tmp_path, "term", "rows.csv", "id,term\nt-1,Open standard\n"))
    assert document.fields["id"] == "t-1"
    assert "id" not in document.derived


def test_the_id_of_a_study_is_asked_for(tmp_path) -> None:
    assert "id" not in only(native(tmp_path, "case_study", "a.md", "---\ntitle: T\n---\nText.")).fields


# Mapped signposts and withdrawals.


def test_a_mapped_signpost_finds_its_type_by_name(tmp_path) -> None:
    fields = {"title": "Name", "address": "URL", "publisher": "By", "signpost_type": "Sort"}
    source = {"kind": "signpost", "reader": "rows", "glob": "*.csv", "fields": fields}
    row = "Name,URL,By,Sort\nCode,https://a.example/x,Body,Codes of practice\n"
    found = only(mapped(tmp_path, {"links.csv": row}, source)).fields
    assert (found["signpost_type"], found["address"]) == ("code_of_practice", "https://a.example/x")


def test_a_mapped_withdrawal_is_told_apart_from_others_by_nothing_but_its_id(tmp_path) -> None:
    fields = {"id": "Ref", "reason": "Why", "date": {"key": "When", "dates": "%d/%m/%Y"}}
    source = {"kind": "withdrawal", "reader": "rows", "glob": "*.csv", "fields": fields}
    rows = "Ref,Why,When\nOld Study,Out of date,31/03/2026\n,No number,01/04/2026\n"
    first, second = mapped(tmp_path, {"gone.csv": rows}, source).documents
    assert (first.fields["id"], first.fields["date"].isoformat()) == ("old-study", "2026-03-31")
    assert "id" not in second.fields


# Sheets.


@pytest.mark.parametrize(
    ("sheet", "kind"),
    [
        ("Terms", "term"),
        ("Termau", "term"),
        ("Signposts", "signpost"),
        ("Requirements", "requirement"),
        ("Gofynion", "requirement"),
        ("withdrawal", "withdrawal"),
    ],
)
def test_a_sheet_is_called_after_its_kind_in_either_language(sheet: str, kind: str, tmp_path) -> None:
    data = a_workbook({sheet: [["id"], ["one"]]})
    assert [document.kind for document in mapped(tmp_path, {"book.xlsx": data}).documents] == [kind]


TERMS = [["term", "definition", "source"], ["API", "A way in.", "Us"]]
SIGNPOSTS = [["title", "address"], ["Code", "https://a.example"]]


def test_a_cover_speaks_for_all_records_of_its_workbook(tmp_path) -> None:
    cover = [["hub", "vale"], ["Licence", "CC BY 4.0"], ["language", "Cymraeg"], ["sector", "Housing"], ["Tel", 1]]
    result = mapped(tmp_path, {"b.xlsx": a_workbook({"Cover": cover, "Terms": TERMS, "Signposts": SIGNPOSTS})})
    term, signpost = result.documents
    assert (term.fields["licence"], term.fields["language"]) == ("CC-BY-4.0", "cy")
    assert "sectors" not in term.fields
    assert signpost.fields["sectors"] == ["housing"]
    assert signpost.derived | {"id": ""} == {"id": "", "licence": "cover", "language": "cover", "sectors": "cover"}


def test_a_record_speaks_for_itself_before_its_cover_does(tmp_path) -> None:
    terms = [[*TERMS[0], "licence"], [*TERMS[1], "MIT"]]
    data = a_workbook({"Feed": [["licence", "CC BY 4.0"]], "Terms": terms})
    assert only(mapped(tmp_path, {"b.xlsx": data})).fields["licence"] == "MIT"


def test_a_closed_licence_on_the_cover_does_not_give_way_to_the_registrations(tmp_path) -> None:
    data = a_workbook({"Cover": [["licence", "All rights reserved"]], "Terms": TERMS})
    assert only(mapped(tmp_path, {"b.xlsx": data})).fields["licence"] == "All rights reserved"


@pytest.mark.parametrize(
    ("cover", "code"), [([["hub", "dale"]], "wrong_hub"), ([["contract", 2]], "unsupported_contract")]
)
def test_a_cover_may_hold_the_feed(cover: list[list[Any]], code: str, tmp_path) -> None:
    result = mapped(tmp_path, {"b.xlsx": a_workbook({"Cover": cover, "Terms": TERMS})})
    assert result.held_by == (code,)
    assert result.documents == []


def test_the_sector_of_a_cover_is_that_of_the_returns(tmp_path) -> None:
    names = ["organisation", "respondent", "audience", "organisation_type", "size_band", "region", "period"]
    sheet = [[*names, "instrument", "question", "level"], ["x"] * 10]
    result = mapped(tmp_path, {"b.xlsx": a_workbook({"Cover": [["sector", "housing"]], "assessment": sheet})})
    [table] = result.tables
    assert table.derived == {"sector": "cover"}
    assert [row["sector"] for batch in table.batches() for row in batch.to_pylist()] == ["housing"]
