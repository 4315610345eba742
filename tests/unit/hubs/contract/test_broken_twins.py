"""Every essential field of every kind, missing and wrong: the twin of a good record is told of by its code and field,
and its good neighbours are accepted. Through the judge, from real files.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from hubs.contract.findings import CODES, Severity
from hubs.contract.kinds import kinds, record_kinds
from tests.feeds import (
    GOOD,
    a_faq,
    a_term,
    answers_of,
    as_cells,
    judged,
    write_csv,
    write_markdown,
)

ESSENTIAL = {
    "case_study": (
        *("id", "title", "summary", "body", "organisations", "sectors", "technology_types", "standards_used"),
        *("published", "updated", "language", "translation_of", "licence", "contact"),
    ),
    "faq": ("id", "question", "answer", "audience", "sectors", "technology_types", "language", "licence"),
    "assessment": (
        *("organisation", "respondent", "audience", "organisation_type", "size_band", "region", "period"),
        *("instrument", "question", "level"),
    ),
    "term": ("term", "definition", "source", "language", "licence"),
    "signpost": (
        *("title", "address", "publisher", "signpost_type", "sectors", "technology_types", "language", "licence"),
    ),
    "requirement": (
        *("title", "clause", "evaluation", "verification", "standards_used", "sectors", "technology_types"),
        *("language", "licence"),
    ),
    "withdrawal": ("id", "reason", "date"),
}
"""The essential fields of the contract's table, and those that every document needs to be published at all."""

MAY_BE_ABSENT = {
    ("case_study", "translation_of"): "only a translation has an original",
    ("case_study", "updated"): "published is asked for",
    ("faq", "technology_types"): "an answer is often true of any technology",
}

FILLED_IN = {"sectors", "language"}
"""What the registration always says where a record does not: see ``test_what_the_registration_fills_in``."""


class Twin(NamedTuple):
    """What is changed in a good record of ``kind``, and what is said of it."""

    kind: str
    field: str
    value: Any
    code: str


LONG = "x" * 301

TWINS = [
    Twin("case_study", "id", None, "missing_id"),
    Twin("case_study", "id", "Not An Id", "invalid_id"),
    Twin("case_study", "title", None, "missing_title"),
    Twin("case_study", "title", LONG, "too_long"),
    Twin("case_study", "summary", None, "missing_summary"),
    Twin("case_study", "summary", "x" * 601, "too_long"),
    Twin("case_study", "body", None, "missing_body"),
    Twin("case_study", "body", "No headings at all.", "missing_sections"),
    Twin("case_study", "organisations", None, "missing_organisations"),
    Twin("case_study", "organisations", [f"Body {n}" for n in range(51)], "too_many_values"),
    Twin("case_study", "sectors", ["astrology"], "unknown_sector"),
    Twin("case_study", "technology_types", None, "missing_technology_type"),
    Twin("case_study", "technology_types", ["astrolabe"], "unknown_technology_type"),
    Twin("case_study", "standards_used", None, "missing_standards"),
    Twin("case_study", "standards_used", [LONG], "too_long"),
    Twin("case_study", "published", None, "missing_date"),
    Twin("case_study", "published", "31/03/2026", "invalid_date"),
    Twin("case_study", "published", "2026-02-30", "invalid_date"),
    Twin("case_study", "published", "2027-01-01", "date_in_future"),
    Twin("case_study", "updated", "last week", "invalid_date"),
    Twin("case_study", "language", "fr", "unknown_language"),
    Twin("case_study", "translation_of", "nowhere", "unknown_translation"),
    Twin("case_study", "translation_of", "Not An Id", "invalid_id"),
    Twin("case_study", "licence", None, "missing_licence"),
    Twin("case_study", "licence", "All rights reserved", "closed_licence"),
    Twin("case_study", "contact", None, "missing_contact"),
    Twin("case_study", "contact", LONG, "too_long"),
    Twin("faq", "id", None, "missing_id"),
    Twin("faq", "id", "-", "invalid_id"),
    Twin("faq", "question", None, "missing_question"),
    Twin("faq", "question", LONG, "too_long"),
    Twin("faq", "answer", None, "missing_answer"),
    Twin("faq", "answer", "Write to a.b@sample.example.", "contact_masked"),
    Twin("faq", "audience", None, "missing_audience"),
    Twin("faq", "audience", ["astronauts"], "unknown_audience"),
    Twin("faq", "sectors", ["astrology"], "unknown_sector"),
    Twin("faq", "technology_types", ["astrolabe"], "unknown_technology_type"),
    Twin("faq", "language", "fr", "unknown_language"),
    Twin("faq", "licence", None, "missing_licence"),
    Twin("faq", "licence", "© Sample Hub", "closed_licence"),
    Twin("term", "term", None, "missing_term"),
    Twin("term", "term", LONG, "too_long"),
    Twin("term", "definition", None, "missing_definition"),
    Twin("term", "definition", "x" * 5_001, "too_long"),
    Twin("term", "source", None, "missing_source"),
    Twin("term", "source", LONG, "too_long"),
    Twin("term", "sectors", ["astrology"], "unknown_sector"),
    Twin("term", "language", "fr", "unknown_language"),
    Twin("term", "licence", None, "missing_licence"),
    Twin("term", "licence", "secret", "closed_licence"),
    Twin("signpost", "title", None, "missing_title"),
    Twin("signpost", "title", LONG, "too_long"),
    Twin("signpost", "address", None, "missing_address"),
    Twin("signpost", "address", "www.sample.example", "invalid_address"),
    Twin("signpost", "address", "ftp://sample.example/a", "invalid_address"),
    Twin("signpost", "address", "https://sample.example/a b", "invalid_address"),
    Twin("signpost", "address", "https://user:word@sample.example/", "invalid_address"),
    Twin("signpost", "address", "javascript:alert(1)", "invalid_address"),
    Twin("signpost", "address", "https://[::1/", "invalid_address"),
    Twin("signpost", "address", "https://sample.example/" + "x" * 2_000, "too_long"),
    Twin("signpost", "publisher", None, "missing_publisher"),
    Twin("signpost", "publisher", LONG, "too_long"),
    Twin("signpost", "signpost_type", None, "missing_signpost_type"),
    Twin("signpost", "signpost_type", "rumour", "unknown_signpost_type"),
    Twin("signpost", "description", "See <script>alert(1)</script>.", "active_html"),
    Twin("signpost", "sectors", ["astrology"], "unknown_sector"),
    Twin("signpost", "technology_types", None, "missing_technology_type"),
    Twin("signpost", "technology_types", ["astrolabe"], "unknown_technology_type"),
    Twin("signpost", "language", "fr", "unknown_language"),
    Twin("signpost", "licence", None, "missing_licence"),
    Twin("signpost", "licence", "secret", "closed_licence"),
    Twin("requirement", "title", None, "missing_title"),
    Twin("requirement", "title", LONG, "too_long"),
    Twin("requirement", "clause", None, "missing_clause"),
    Twin("requirement", "clause", "x" * 200_001, "too_long"),
    Twin("requirement", "evaluation", None, "missing_evaluation"),
    Twin("requirement", "evaluation", "Ask a.b@sample.example.", "contact_masked"),
    Twin("requirement", "verification", None, "missing_verification"),
    Twin("requirement", "verification", "<iframe src=x></iframe>", "active_html"),
    Twin("requirement", "standards_used", None, "missing_standards"),
    Twin("requirement", "standards_used", [LONG], "too_long"),
    Twin("requirement", "sectors", ["astrology"], "unknown_sector"),
    Twin("requirement", "technology_types", None, "missing_technology_type"),
    Twin("requirement", "technology_types", ["astrolabe"], "unknown_technology_type"),
    Twin("requirement", "language", "fr", "unknown_language"),
    Twin("requirement", "licence", None, "missing_licence"),
    Twin("requirement", "licence", "secret", "closed_licence"),
    Twin("withdrawal", "id", None, "missing_id"),
    Twin("withdrawal", "id", "Not An Id", "invalid_id"),
    Twin("withdrawal", "reason", None, "missing_reason"),
    Twin("withdrawal", "reason", LONG, "too_long"),
    Twin("withdrawal", "date", None, "missing_withdrawal_date"),
    Twin("withdrawal", "date", "yesterday", "invalid_date"),
    Twin("withdrawal", "date", "2027-01-01", "date_in_future"),
    Twin("withdrawal", "successor", "nowhere", "unknown_successor"),
]

ROWS = [
    Twin("assessment", "organisation", "", "missing_value"),
    Twin("assessment", "organisation", "Sample Vale Council", "invalid_key"),
    Twin("assessment", "respondent", "", "missing_value"),
    Twin("assessment", "respondent", "short", "invalid_key"),
    Twin("assessment", "audience", "", "missing_value"),
    Twin("assessment", "audience", "astronauts", "unknown_audience"),
    Twin("assessment", "organisation_type", "", "missing_value"),
    Twin("assessment", "organisation_type", "circus", "unknown_organisation_type"),
    Twin("assessment", "size_band", "", "missing_value"),
    Twin("assessment", "size_band", "big", "unknown_size_band"),
    Twin("assessment", "region", "", "missing_value"),
    Twin("assessment", "region", "atlantis", "unknown_region"),
    Twin("assessment", "period", "", "missing_value"),
    Twin("assessment", "period", "2026-Q5", "invalid_period"),
    Twin("assessment", "instrument", "", "missing_value"),
    Twin("assessment", "instrument", "horoscope-v1", "unknown_instrument"),
    Twin("assessment", "question", "", "missing_value"),
    Twin("assessment", "question", "dm-none-1", "unknown_question"),
    Twin("assessment", "level", "", "missing_value"),
    Twin("assessment", "level", "6", "level_out_of_range"),
]


def test_every_essential_field_has_a_twin_without_it_and_a_wrong_one() -> None:
    assert set(ESSENTIAL) == set(kinds())
    for kind, fields in ESSENTIAL.items():
        twins = [twin for twin in (*TWINS, *ROWS) if twin.kind == kind]
        without = {twin.field for twin in twins if twin.value in (None, "")}
        wrong = {twin.field for twin in twins if twin.value not in (None, "")}
        may_be_absent = {field for of, field in MAY_BE_ABSENT if of == kind} | FILLED_IN & set(fields)
        assert set(fields) - without == may_be_absent, kind
        assert set(fields) <= wrong, kind


def test_what_a_kind_calls_missing_is_what_its_twin_is_told() -> None:
    told = {(twin.kind, twin.field): twin.code for twin in TWINS if twin.value is None}
    for name, kind in record_kinds().items():
        never_missing = FILLED_IN | ({"id"} if kind.is_id_derived else set())
        asked_for = {field: code for field, code in kind.missing.items() if field not in never_missing}
        assert asked_for == {field: told.get((name, field)) for field in asked_for}


# Records.


def in_markdown(folder: Path, kind: str, records: list[Mapping[str, Any]]) -> list[str]:
    for number, fields in enumerate(records):
        write_markdown(folder / kind / f"{number}.md", fields, record_kinds()[kind].text)
    return [f"{kind}/{number}.md" for number in range(len(records))]


def in_json(folder: Path, kind: str, records: list[Mapping[str, Any]]) -> list[str]:
    (folder / f"{kind}.json").write_text(json.dumps(records), encoding="utf-8")
    return [f"{kind}.json"]


def in_csv(folder: Path, kind: str, records: list[Mapping[str, Any]]) -> list[str]:
    names = dict.fromkeys(name for fields in records for name in fields)
    with (folder / f"{kind}.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, names)
        writer.writeheader()
        writer.writerows(as_cells(fields) for fields in records)
    return [f"{kind}.csv"]


SHAPES = {"markdown": in_markdown, "json": in_json, "csv": in_csv}


def a_package(folder: Path, paths: Mapping[str, list[str]], **changes: Any) -> None:
    listed = [{"name": kind, "path": path, "hubpacks": {"kind": kind}} for kind, path in paths.items()]
    descriptor = {"name": "twins", "hubpacks": {"contract": "1"}, "resources": listed} | changes
    (folder / "datapackage.json").write_text(json.dumps(descriptor), encoding="utf-8")


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", GOOD)
def test_good_records_earn_nothing(kind: str, shape: str, tmp_path: Path) -> None:
    folder = tmp_path / "feed"
    folder.mkdir()
    paths = {kind: SHAPES[shape](folder, kind, [GOOD[kind]()])}
    if kind == "withdrawal":
        paths["faq"] = in_json(folder, "faq", [a_faq()])
    a_package(folder, paths)
    verdict = judged(folder)
    assert (verdict.held_by, verdict.findings) == ((), [])
    assert (len(verdict.records), len(verdict.withdrawals)) == (1, kind == "withdrawal")


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("twin", TWINS, ids=lambda twin: f"{twin.kind}-{twin.field}-{twin.code}")
def test_a_broken_twin_is_told_of_and_its_neighbours_are_accepted(twin: Twin, shape: str, tmp_path: Path) -> None:
    folder = tmp_path / "feed"
    folder.mkdir()
    broken = GOOD[twin.kind](id="twin") | {twin.field: twin.value}
    if twin.kind not in ("case_study", "faq", "withdrawal"):
        del broken["id"]  # worked out from the heading, as most will be
        broken[record_kinds()[twin.kind].heading] = "The twin"
        broken |= {twin.field: twin.value}
    broken = {name: value for name, value in broken.items() if value is not None}
    neighbours = [GOOD[twin.kind](), GOOD[twin.kind](**another(twin.kind))]
    paths = {twin.kind: SHAPES[shape](folder, twin.kind, [neighbours[0], broken, neighbours[1]])}
    if twin.kind != "faq":
        paths["faq"] = in_json(folder, "faq", [a_faq()])
    a_package(folder, paths)
    verdict = judged(folder)
    assert verdict.held_by == ()
    assert [(f.code, f.field) for f in verdict.findings] == [(twin.code, twin.field)]
    is_refused = CODES[twin.code].severity is Severity.ERROR
    assert [entry.codes for entry in verdict.quarantine] == ([(twin.code,)] if is_refused else [])
    accepted = verdict.withdrawals if twin.kind == "withdrawal" else [r for r in verdict.records if r.kind == twin.kind]
    assert len(accepted) == (2 if is_refused else 3)
    [finding] = verdict.findings
    assert finding.file in paths[twin.kind]
    assert finding.record or shape == "markdown"


def another(kind: str) -> dict[str, str]:
    """What makes a second good record of ``kind`` another one."""
    return {record_kinds()[kind].heading: "another-one", "id": "another-one"}


@pytest.mark.parametrize("kind", ["case_study", "faq", "signpost", "requirement"])
def test_what_the_registration_fills_in(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "feed"
    folder.mkdir()
    fields = {n: v for n, v in GOOD[kind]().items() if n not in ("sectors", "language", "licence")}
    a_package(folder, {kind: in_json(folder, kind, [fields])})
    verdict = judged(folder, licence="MIT")
    assert verdict.findings == []
    [record] = verdict.records
    assert (record.document.sectors, record.document.language, record.document.licence) == (
        ["local_government"],
        "en",
        "MIT",
    )


def test_a_term_belongs_to_every_sector_unless_it_names_some(tmp_path: Path) -> None:
    folder = tmp_path / "feed"
    folder.mkdir()
    terms = [a_term(), a_term(term="Ward", sectors=["health"])]
    a_package(folder, {"term": in_json(folder, "term", terms)})
    assert [record.document.sectors for record in judged(folder).records] == [[], ["health"]]


# Rows of a return.


@pytest.mark.parametrize("twin", ROWS, ids=lambda twin: f"{twin.field}-{twin.code}")
def test_a_broken_row_is_told_of_and_its_neighbours_are_accepted(twin: Twin, tmp_path: Path) -> None:
    rows = answers_of(2)
    rows[3] |= {twin.field: twin.value}
    write_csv(tmp_path / "feed" / "returns.csv", rows)
    a_package(tmp_path / "feed", {"assessment": ["returns.csv"]})
    verdict = judged(tmp_path / "feed")
    assert verdict.held_by == ()
    assert [(f.code, f.field, f.row, f.count) for f in verdict.findings] == [(twin.code, twin.field, 4, 1)]
    assert (verdict.answers, verdict.counts()["answers_quarantined"]) == (5, 1)


@pytest.mark.parametrize("column", ESSENTIAL["assessment"])
def test_a_return_without_a_column_is_told_of_and_its_neighbours_are_accepted(column: str, tmp_path: Path) -> None:
    rows = [{name: value for name, value in row.items() if name != column} for row in answers_of(2)]
    write_csv(tmp_path / "feed" / "returns.csv", rows)
    write_csv(tmp_path / "feed" / "good.csv", answers_of(2))
    a_package(tmp_path / "feed", {"assessment": ["returns.csv", "good.csv"]})
    verdict = judged(tmp_path / "feed")
    assert [(f.code, f.file, f.field) for f in verdict.findings] == [("missing_column", "returns.csv", column)]
    assert verdict.answers == 6


# The descriptor.

FAQ = {"name": "faq", "path": "faq.json", "hubpacks": {"kind": "faq"}}

FEED_TWINS: dict[str, tuple[dict[str, Any], str]] = {
    "no resources": ({"resources": None}, "unreadable_manifest"),
    "resources that are no list": ({"resources": {"faq": "faq.json"}}, "unreadable_manifest"),
    "a resource that is no object": ({"resources": [FAQ, "faq.json"]}, "unreadable_manifest"),
    "a resource without a name": ({"resources": [FAQ, FAQ | {"name": ""}]}, "unreadable_manifest"),
    "a resource without a path": ({"resources": [FAQ, FAQ | {"path": None}]}, "unreadable_manifest"),
    "a path that is no text": ({"resources": [FAQ, FAQ | {"path": [7]}]}, "unreadable_manifest"),
    "no settings": ({"hubpacks": None}, "unsupported_contract"),
    "no contract": ({"hubpacks": {}}, "unsupported_contract"),
    "another contract": ({"hubpacks": {"contract": "2"}}, "unsupported_contract"),
    "another hub": ({"hubpacks": {"contract": "1", "hub": "two"}}, "wrong_hub"),
    "a skip without a reason": ({"hubpacks": {"contract": "1", "skip": [{"path": "a.md"}]}}, "unreadable_manifest"),
    "a skip out of the feed": (
        {"hubpacks": {"contract": "1", "skip": [{"path": "../a.md", "reason": "Old."}]}},
        "unreadable_manifest",
    ),
}


@pytest.mark.parametrize(("changes", "code"), FEED_TWINS.values(), ids=list(FEED_TWINS))
def test_a_broken_descriptor_holds_the_feed(changes: dict[str, Any], code: str, tmp_path: Path) -> None:
    folder = tmp_path / "feed"
    folder.mkdir()
    a_package(folder, {"faq": in_json(folder, "faq", [a_faq()])}, **changes)
    verdict = judged(folder)
    assert verdict.held_by == (code,)
    assert [f.file for f in verdict.findings if f.code == code] == ["datapackage.json"]


ENTRY_TWINS = {
    "a file that is not there": (FAQ | {"path": "more.json"}, "missing_file", "more.json"),
    "a file in other capitals": (FAQ | {"path": "FAQ.json"}, "missing_file", "FAQ.json"),
    "a path out of the feed": (FAQ | {"path": "../more.json"}, "unsafe_path", "../more.json"),
    "an absolute path": (FAQ | {"path": "/more.json"}, "unsafe_path", "/more.json"),
    "no kind": ({"name": "b", "path": "b.json"}, "unmapped_file", "b.json"),
    "an unknown kind": ({"name": "b", "path": "b.json", "hubpacks": {"kind": "recipe"}}, "unmapped_file", "b.json"),
}


@pytest.mark.parametrize(("entry", "code", "file"), ENTRY_TWINS.values(), ids=list(ENTRY_TWINS))
def test_a_broken_entry_is_told_of_and_its_neighbours_are_read(
    entry: dict[str, Any], code: str, file: str, tmp_path: Path
) -> None:
    folder = tmp_path / "feed"
    folder.mkdir()
    in_json(folder, "faq", [a_faq()])
    if code == "unmapped_file":
        (folder / "b.json").write_text("[]")
    a_package(folder, {}, resources=[FAQ, entry])
    verdict = judged(folder)
    assert verdict.held_by == ()
    assert [(f.code, f.file) for f in verdict.findings] == [(code, file)]
    assert len(verdict.records) == 1


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"{", "unreadable_manifest"),
        (b"[]", "unreadable_manifest"),
        (b'{"resources": [], "resources": []}', "unreadable_manifest"),
        (b"<!doctype html><title>Log in</title>", "not_a_feed"),
    ],
)
def test_what_is_no_descriptor_holds_the_feed(content: bytes, code: str, tmp_path: Path) -> None:
    folder = tmp_path / "feed"
    folder.mkdir()
    (folder / "datapackage.json").write_bytes(content)
    assert judged(folder).held_by == (code,)


def test_a_feed_says_whose_it_is_and_what_it_leaves_out(tmp_path: Path) -> None:
    folder = tmp_path / "feed"
    folder.mkdir()
    (folder / "old.json").write_text("not JSON")
    settings = {"contract": "1", "hub": "one", "skip": [{"path": "old.*", "reason": "Kept for us."}]}
    a_package(folder, {"faq": [*in_json(folder, "faq", [a_faq()]), "old.json"]}, hubpacks=settings)
    verdict = judged(folder)
    assert verdict.findings == []
    assert ("old.json", "Kept for us.") in [(skip.file, skip.reason) for skip in verdict.skips]


def test_a_feed_of_nobody_may_call_itself_anything(tmp_path: Path) -> None:
    folder = tmp_path / "feed"
    folder.mkdir()
    a_package(folder, {"faq": in_json(folder, "faq", [a_faq()])}, hubpacks={"contract": "1", "hub": "two"})
    assert judged(folder, id="unregistered").held_by == ()
