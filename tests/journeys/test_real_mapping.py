"""Real content of 22 owners, each brought in by a registration alone. Nothing of the content is kept here.

The content lies beside the project, or where HUBPACKS_REAL says.
"""

from __future__ import annotations

import os
import re
from datetime import date
from functools import cache
from pathlib import Path

import pytest

from hubs.contract.kinds import table_kinds
from hubs.contract.records import RawDocument
from hubs.feed import Feed
from hubs.instruments import instruments
from hubs.judge.documents import judge_documents
from hubs.mapping import Mapped, map_feed
from hubs.mapping.lint import lint
from hubs.registration import Registration, read_registration
from tests.feeds import feed_of

REGISTRY = Path(__file__).parent / "real"
REAL = Path(os.environ.get("HUBPACKS_REAL") or Path(__file__).parents[3] / "shared" / "real")

FOUND = {
    # source: (files, documents, tables, answers)
    "assess-csps-2020": (5, 0, 1, 981),
    "assess-nz-open-data": (6, 0, 0, 0),
    "assess-odb-2014": (7, 0, 2, 2408),
    "assess-rse-2016-2017": (8, 0, 6, 15682),
    "cps-casework-design": (53, 47, 0, 0),
    "datagovuk-library-casestudies": (66, 66, 0, 0),
    "dfe-tra-identity-and-records": (74, 70, 0, 0),
    "digital-land-blog": (41, 33, 0, 0),
    "faq-bops": (1, 6, 0, 0),
    "faq-datagovuk-guidance": (4, 14, 0, 0),
    "faq-frictionless": (1, 7, 0, 0),
    "faq-nhs-careconnect": (1, 5, 0, 0),
    "faq-nhs-gpconnect": (1, 15, 0, 0),
    "faq-openactive": (28, 16, 0, 0),
    "faq-project-open-data": (2, 57, 0, 0),
    "frictionless-casestudies": (48, 47, 0, 0),
    "gsa-data-federation": (7, 7, 0, 0),
    "nhse-datascience-projects": (67, 66, 0, 0),
    "odi-open-standards-guidebook": (15, 6, 0, 0),
    "openactive-casestudies": (9, 6, 0, 0),
    "oruk-casestudies": (45, 19, 0, 0),
    "project-open-data-casestudies": (5, 4, 0, 0),
}
SOURCES = sorted(FOUND)
SURVEYS = [source for source in SOURCES if FOUND[source][2]]
READ = [source for source in SOURCES if FOUND[source][1]]

UNSEEN = re.compile("[\ufeff\u200b\u00a0\u2060\r]")
TEMPLATE = re.compile(r"\{%|\{\{")


def registration(source: str) -> Registration:
    return read_registration(REGISTRY / f"{source}.yaml")


@cache
def feed(source: str) -> Feed:
    root = REAL / source / "files"
    if not root.is_dir():
        pytest.fail(f"no content at {root}: put the real content beside the project or set HUBPACKS_REAL")
    return feed_of(root)


@cache
def mapped(source: str) -> Mapped:
    return map_feed(feed(source), registration(source))


def documents(source: str) -> dict[str, RawDocument]:
    return {document.fields["id"]: document for document in mapped(source).documents}


def reasons(source: str) -> dict[str, str]:
    return {skip.file: skip.reason for skip in mapped(source).skips if not skip.place}


def test_every_source_has_a_registration_that_the_linter_accepts() -> None:
    assert sorted(path.stem for path in REGISTRY.glob("*.yaml")) == SOURCES
    assert [message for source in SOURCES for message in lint(registration(source))] == []


@pytest.mark.parametrize("source", SOURCES)
def test_addresses_are_relative(source: str) -> None:
    address = registration(source).address
    assert address == f"../../../../shared/real/{source}/files"


@pytest.mark.parametrize("source", SOURCES)
def test_what_comes_out_of_each_source(source: str) -> None:
    result = mapped(source)
    answers = sum(batch.num_rows for table in result.tables for batch in table.batches())
    assert (len(feed(source).files), len(result.documents), len(result.tables), answers) == FOUND[source]
    assert result.held_by == ()


@pytest.mark.parametrize("source", SOURCES)
def test_each_file_ends_somewhere(source: str) -> None:
    result = mapped(source)
    ended = {entry.file for entry in (*result.documents, *result.tables, *result.skips, *result.findings)}
    assert ended == set(feed(source).files)
    assert all(len(skip.reason) > 10 for skip in result.skips)
    assert "unmapped_file" not in {finding.code for finding in result.findings}


@pytest.mark.parametrize("source", READ)
def test_documents_are_accepted_or_lack_what_their_owner_left_out(source: str) -> None:
    records, quarantine, _ = judge_documents(mapped(source).documents, registration(source), date(2026, 8, 1))
    assert len(records) >= len(mapped(source).documents) - 1
    assert {code for entry in quarantine for code in entry.codes} <= {"missing_summary"}


@pytest.mark.parametrize("source", READ)
def test_texts_are_free_of_what_nobody_sees(source: str) -> None:
    for document in mapped(source).documents:
        for name, value in document.fields.items():
            if isinstance(value, str):
                prose = re.sub(r"(?s)```.*?```", "", value)
                assert not UNSEEN.search(value), (document.file, name)
                assert not TEMPLATE.search(prose), (document.file, name)


@pytest.mark.parametrize("source", READ)
def test_ids_are_unique_and_what_is_not_stated_is_named(source: str) -> None:
    found = mapped(source).documents
    assert len({document.fields["id"] for document in found}) == len(found)
    assert all(document.derived.get("licence") == "registration" for document in found)


# Surveys.


@pytest.mark.parametrize("source", SURVEYS)
def test_nothing_but_the_contract_s_values_comes_out_of_a_survey(source: str) -> None:
    columns = table_kinds()["assessment"].columns
    for table in mapped(source).tables:
        for batch in table.batches():
            assert batch.column_names == [*(column.name for column in columns), "row"]
            for column in columns:
                for value in set(batch.column(column.name).to_pylist()):
                    fits = value in column.allowed if column.allowed else re.fullmatch(column.pattern or "", value)
                    assert fits, (table.file, column.name)


@pytest.mark.parametrize("source", SURVEYS)
def test_keys_never_show_a_name(source: str) -> None:
    for table in mapped(source).tables:
        for batch in table.batches():
            for name, form in (("organisation", r"org-[0-9a-f]{16}"), ("respondent", r"rsp-[0-9a-f]{16}")):
                assert all(re.fullmatch(form, key) for key in set(batch.column(name).to_pylist()))


@pytest.mark.parametrize("source", SURVEYS)
def test_a_survey_s_instrument_asks_every_question_that_was_mapped(source: str) -> None:
    banks = instruments(REGISTRY / "instruments")
    for table in mapped(source).tables:
        for batch in table.batches():
            (name,) = set(batch.column("instrument").to_pylist())
            assert set(batch.column("question").to_pylist()) <= set(banks[name].questions)


@pytest.mark.parametrize("source", SURVEYS)
def test_no_one_answers_a_question_twice(source: str) -> None:
    keys = [
        key
        for table in mapped(source).tables
        for batch in table.batches()
        for key in zip(*(batch.column(name).to_pylist() for name in table_kinds()["assessment"].key), strict=True)
    ]
    assert len(keys) == len(set(keys))


def test_columns_left_unread_are_accounted_for() -> None:
    unread = {skip.place for skip in mapped("assess-odb-2014").skips if "columns" in skip.place}
    assert unread == {"1 columns", "34 columns"}
    assert not [finding for finding in mapped("assess-odb-2014").findings if finding.code == "column_not_allowed"]


def test_totals_are_no_organisations() -> None:
    dropped = [skip.place for skip in mapped("assess-csps-2020").skips if "over all bodies and not" in skip.reason]
    assert dropped == ["190 rows"]


def test_a_workbook_called_csv_is_known_for_what_it_is() -> None:
    from hubs.mapping.readers.workbook import is_workbook, sheets

    data = feed("assess-csps-2020").read("R/data/csps2020_org_scores.csv")
    assert is_workbook(data[:8])
    assert len(list(sheets(data))) == 5


def test_aggregates_are_skipped_with_reasons() -> None:
    assert set(reasons("assess-nz-open-data")) == set(feed("assess-nz-open-data").files)


# Documents.


def test_titles_are_those_that_the_owners_gave() -> None:
    studies = documents("oruk-casestudies")
    assert not [d for d in studies.values() if "News Story" in d.fields["title"] + d.fields["body"][:40]]
    health = documents("nhse-datascience-projects")
    assert not [d for d in health.values() if re.search(r"(?m)^# Case Study", d.fields["body"])]


def test_dates_of_other_forms_are_read() -> None:
    library = documents("datagovuk-library-casestudies").values()
    assert all(study.fields["published"].year == 2012 for study in library)
    assert all(study.fields["updated"] >= study.fields["published"] for study in library)
    opened = documents("project-open-data-casestudies").values()
    assert all(study.fields["published"].year in (2012, 2013) for study in opened)


def test_html_bodies_are_text_and_titles_are_not_repeated() -> None:
    for study in documents("datagovuk-library-casestudies").values():
        assert "<p" not in study.fields["body"]
        assert not study.fields["body"].startswith(f"**{study.fields['title']}**")
        assert len(study.fields["summary"]) > 30


def test_drafts_stubs_and_the_imagined_study_are_left_out_by_rule() -> None:
    assert "imagined" in reasons("project-open-data-casestudies")["future-case-study.md"]
    assert sum("not published" in reason for reason in reasons("faq-openactive").values()) == 8
    assert sum("section" in reason for reason in reasons("cps-casework-design").values()) == 6
    assert sum("section" in reason for reason in reasons("dfe-tra-identity-and-records").values()) == 4
    assert sum("another site" in reason for reason in reasons("digital-land-blog").values()) == 8
    assert len(reasons("odi-open-standards-guidebook")) == 9


def test_five_small_files_are_one_study() -> None:
    study = documents("oruk-casestudies")["reuse-data-one-source-many-places"]
    assert re.findall(r"(?m)^## (.+)$", study.fields["body"]) == ["Context", "Approach", "Benefits", "Outcome"]
    joined = [reason for reason in reasons("oruk-casestudies").values() if reason.startswith("Joined into")]
    assert len(joined) == 24


def test_questions_have_no_numbers_marks_or_answers_prefixed() -> None:
    for source in (source for source in READ if source.startswith("faq-")):
        for document in mapped(source).documents:
            question, answer = document.fields["question"], document.fields["answer"]
            assert not re.search(r"^Q\d|[#*<]|&reg;", question), question
            assert not answer.startswith("A:")
