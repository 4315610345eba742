"""What ``map suggest`` makes of real content, before anybody has looked at its doubts: how near it comes to mappings
that were written by hand. Nothing of the content is kept here.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from hubs.contract.records import RawTable
from hubs.instruments import FOLDER, instruments
from hubs.judge.documents import judge_documents
from hubs.mapping import Mapped, map_feed
from hubs.mapping.lint import lint
from hubs.registration import Registration
from hubs.starter.suggest import Suggestion, suggest
from hubs.yamlfile import parse_yaml
from pipelines.check import check
from tests.journeys.test_real_mapping import FOUND, REAL, REGISTRY, SOURCES, feed, mapped, registration

NOW = datetime(2026, 8, 1, tzinfo=UTC)
BANKS = instruments(FOLDER, REGISTRY / "instruments")

FEWEST_SAME = 490
"""Records that come out of both mappings and are accepted: all that the hand-written ones have."""
MOST_OTHERS = 40
"""Records that only the suggestions have: editors have reasons to leave some out that no guess can know."""
FEWEST_ANSWERS = 3_000
"""Answers over all surveys. Most of their questions are worded otherwise than the instruments."""


@cache
def suggestion(source: str) -> Suggestion:
    return suggest(REAL / source / "files", source, REGISTRY, BANKS)


@cache
def suggested(source: str) -> Registration:
    return Registration.model_validate(parse_yaml(suggestion(source).text))


@cache
def result(source: str) -> Mapped:
    return map_feed(feed(source), suggested(source))


def accepted(found: Mapped, known: Registration) -> Counter[tuple[str, str]]:
    """The accepted records by where they come from: file, and place in it."""
    records, _, _ = judge_documents(found.documents, known, NOW.date())
    return Counter((record.file, record.place) for record in records)


def answers(tables: list[RawTable]) -> dict[tuple[str, str, str], str]:
    """Levels by organisation, respondent and question."""
    rows = (row for table in tables for batch in table.batches() for row in batch.to_pylist())
    return {(row["organisation"], row["respondent"], row["question"]): row["level"] for row in rows}


@pytest.mark.parametrize("source", SOURCES)
def test_the_linter_accepts_every_suggestion(source: str) -> None:
    assert lint(suggested(source), BANKS) == []
    assert suggestion(source).doubts > 0


@pytest.mark.parametrize("source", SOURCES)
def test_every_suggestion_can_be_checked(source: str, tmp_path: Path) -> None:
    checked = check(str(REAL / source / "files"), suggested(source), BANKS, NOW, tmp_path)
    assert checked.verdict is not None
    is_empty = not suggested(source).sources
    assert checked.verdict.held_by == (("empty_feed",) if is_empty else ())
    assert "unmapped_file" not in {finding.code for finding in checked.verdict.findings}


def test_suggestions_find_the_records_that_mappings_by_hand_find() -> None:
    same = others = 0
    for source in SOURCES:
        by_hand = accepted(mapped(source), registration(source))
        found = accepted(result(source), suggested(source))
        same += (by_hand & found).total()
        others += (found - by_hand).total()
    assert same >= FEWEST_SAME
    assert others <= MOST_OTHERS


def test_no_source_of_documents_is_lost() -> None:
    for source in SOURCES:
        assert len(result(source).documents) >= FOUND[source][1], source


def test_answers_that_are_found_have_the_levels_that_people_gave_them() -> None:
    by_hand = answers(mapped("assess-rse-2016-2017").tables)
    found = answers(result("assess-rse-2016-2017").tables)
    assert len(found) >= FEWEST_ANSWERS
    assert {key: by_hand.get(key) for key in found} == found


def test_surveys_of_other_questions_are_left_out_and_shown() -> None:
    for source in ("assess-csps-2020", "assess-nz-open-data"):
        assert suggested(source).sources == []
        assert len(result(source).skips) >= len(feed(source).files)
    assert "# sources:" in suggestion("assess-csps-2020").text
