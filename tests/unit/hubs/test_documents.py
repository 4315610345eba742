from dataclasses import replace
from datetime import date

import pytest

from hubs.judge.documents import judge_documents
from tests.feeds import a_case_study, a_faq, raw, registration

TODAY = date(2026, 10, 1)


def codes(fields: dict, kind: str = "case_study") -> tuple[bool, set[str]]:
    """Whether the record was accepted, and the codes of its findings."""
    records, quarantine, findings = judge_documents([raw(kind, fields)], registration(), TODAY)
    assert len(records) + len(quarantine) == 1
    return bool(records), {finding.code for finding in findings}


def test_good_records_earn_nothing() -> None:
    assert codes(a_case_study()) == (True, set())
    assert codes(a_faq(), "faq") == (True, set())


@pytest.mark.parametrize(
    ("kind", "name", "code"),
    [
        ("case_study", "id", "missing_id"),
        ("case_study", "title", "missing_title"),
        ("case_study", "summary", "missing_summary"),
        ("case_study", "body", "missing_body"),
        ("case_study", "sectors", "missing_sector"),
        ("case_study", "licence", "missing_licence"),
        ("case_study", "language", "missing_language"),
        ("faq", "question", "missing_question"),
        ("faq", "answer", "missing_answer"),
        ("faq", "audience", "missing_audience"),
    ],
)
@pytest.mark.parametrize("value", [None, "", []])
def test_each_essential_field_is_missed_by_name(kind: str, name: str, code: str, value: object) -> None:
    fields = (a_case_study if kind == "case_study" else a_faq)() | {name: value}
    is_accepted, found = codes(fields, kind)
    assert not is_accepted
    assert found & {code, "invalid_value", "invalid_id", "unknown_language", "closed_licence"}
    if value is None:
        assert found == {code}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"id": "Not An Id"}, "invalid_id"),
        ({"sectors": ["astrology"]}, "unknown_sector"),
        ({"technology_types": ["abacus"]}, "unknown_technology_type"),
        ({"language": "fr"}, "unknown_language"),
        ({"licence": "All rights reserved"}, "closed_licence"),
        ({"published": "1/3/26"}, "invalid_date"),
        ({"title": "x" * 301}, "too_long"),
        ({"organisations": [f"Sample {n}" for n in range(34_866)]}, "too_many_values"),
        ({"title": 12}, "invalid_value"),
    ],
)
def test_each_fault_has_its_code_and_quarantines(changes: dict, code: str) -> None:
    assert codes(a_case_study(**changes)) == (False, {code})


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"published": None}, "missing_date"),
        ({"published": "2027-01-01"}, "date_in_future"),
        ({"technology_types": []}, "missing_technology_type"),
        ({"mood": "sunny"}, "unknown_field"),
        ({"body": a_case_study()["body"] + "Mail a.b@sample.example."}, "contact_masked"),
        ({"body": "Some text."}, "missing_sections"),
        ({"translation_of": "no-such-record"}, "unknown_translation"),
    ],
)
def test_each_remark_leaves_the_record_accepted(changes: dict, code: str) -> None:
    assert codes(a_case_study(**changes)) == (True, {code})


def test_all_faults_of_a_record_come_at_once() -> None:
    fields = a_case_study(sectors=["astrology"], licence=None, published="soon", title=None)
    is_accepted, found = codes(fields)
    assert not is_accepted
    assert found == {"unknown_sector", "missing_licence", "invalid_date", "missing_title"}


def test_the_second_record_with_an_id_is_quarantined_with_its_bytes() -> None:
    documents = [raw("case_study", a_case_study(), "a.md"), raw("faq", a_faq(id="shared-schedule"), "b.md")]
    records, quarantine, findings = judge_documents(documents, registration(), TODAY)
    assert [record.file for record in records] == ["a.md"]
    assert [(entry.file, entry.codes, entry.raw) for entry in quarantine] == [
        ("b.md", ("duplicate_id",), documents[1].raw)
    ]
    assert "also: a.md" in (findings[0].detail or "")


def test_a_finding_does_not_repeat_the_contact_details_it_warns_of() -> None:
    fields = a_case_study(body="Mail a.b@sample.example or c.d@sample.example.")
    _, _, findings = judge_documents([raw("case_study", fields)], registration(), TODAY)
    (finding,) = [f for f in findings if f.code == "contact_masked"]
    assert finding.count == 2
    assert "@" not in str(finding.to_dict())


def test_a_document_that_could_not_be_read_is_quarantined_for_that_alone() -> None:
    broken = replace(raw("case_study", {"id": "half-read"}), faults=("unreadable_front_matter",))
    records, quarantine, findings = judge_documents([broken], registration(), TODAY)
    assert (records, findings) == ([], [])
    assert [entry.codes for entry in quarantine] == [("unreadable_front_matter",)]
