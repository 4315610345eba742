"""A return is read and judged as a feed is, and nothing of it stays behind."""

from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from hubs.instruments import instruments
from pipelines.gap import read
from pipelines.gap.read import MAX_RETURN_BYTES, Own, UnusableReturn, read_return
from tests.builders import INSTRUMENT
from tests.feeds import write_csv, write_sheet
from tests.gaps import DESCRIBED, a_return, answers

TODAY = date(2026, 11, 23)
KEY = (INSTRUMENT, "decision_maker")


def own_of(path: Path, before: str | None = None) -> Own:
    verdict, own = read_return(path, instruments(), TODAY, before=before)
    assert own is not None, verdict.findings
    return own


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "memory"
    folder.mkdir()
    monkeypatch.setattr(read, "MEMORY", folder)
    return folder


def test_levels_are_lower_medians_of_all_answers(tmp_path: Path) -> None:
    rows = answers({"governance": 4}, people=1)
    rows[0]["level"] = "1"
    rows += [row | {"respondent": "res-00000009", "level": "2"} for row in rows]
    write_csv(tmp_path / "own.csv", rows)
    own = own_of(tmp_path / "own.csv")
    found = own.answers[KEY]
    assert found.levels == {"governance": 2}
    assert found.questions[rows[0]["question"]] == 1
    assert found.respondents == 2
    assert (own.period, own.described) == ("2026-Q3", DESCRIBED)


def test_what_does_not_apply_has_no_level(tmp_path: Path) -> None:
    own = own_of(a_return(tmp_path, {"governance": "na", "legal": 3}))
    assert own.answers[KEY].levels == {"legal": 3}
    assert own.answers[KEY].questions["dm-governance-1"] is None


def test_csv_parquet_and_sheets_are_the_same_return(tmp_path: Path) -> None:
    rows = answers({"governance": 2})
    csv = a_return(tmp_path, {"governance": 2})
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "own.parquet")
    for name, sheet in (("named.xlsx", "assessment"), ("other.xlsx", "Sheet1")):
        with xlsxwriter.Workbook(tmp_path / name) as book:
            write_sheet(book, sheet, rows)
    found = [own_of(tmp_path / name) for name in (csv.name, "own.parquet", "named.xlsx", "other.xlsx")]
    assert all(own == found[0] for own in found)


@pytest.mark.parametrize("sector", ["", "cross_sector", "business"])
def test_a_sector_that_is_left_blank_is_not_known_and_one_that_is_stated_is(tmp_path: Path, sector: str) -> None:
    path = a_return(tmp_path, {"governance": 2}, sector=sector)
    assert own_of(path).described.get("sector", "") == sector


def test_a_sector_that_nobody_states_and_a_size_that_is_not_stated_are_not_known(tmp_path: Path) -> None:
    rows = [row | {"size_band": "not_stated"} for row in answers({"legal": 1})]
    write_csv(tmp_path / "own.csv", [{k: v for k, v in row.items() if k != "sector"} for row in rows])
    assert own_of(tmp_path / "own.csv").described == {"organisation_type": "council", "region": "wales"}


def test_the_newest_period_is_taken_or_the_newest_before_another(tmp_path: Path) -> None:
    rows = [row for period in ("2025", "2025-Q4", "2026-Q3") for row in answers({"legal": 1}, period=period)]
    write_csv(tmp_path / "own.csv", rows)
    own = own_of(tmp_path / "own.csv")
    assert (own.period, own.other_periods) == ("2026-Q3", ("2025", "2025-Q4"))
    assert own_of(tmp_path / "own.csv", before="2026-Q3").period == "2025-Q4"
    with pytest.raises(UnusableReturn, match="no answers of a period before 2025"):
        read_return(tmp_path / "own.csv", instruments(), TODAY, before="2025")


def test_errors_are_the_judges(tmp_path: Path, scratch: Path) -> None:
    verdict, own = read_return(a_return(tmp_path, {"legal": 9}), instruments(), TODAY)
    assert own is None
    assert {finding.code for finding in verdict.findings} == {"hopeless_feed", "level_out_of_range"}
    assert {account.file for account in verdict.files} == {"own.csv"}
    assert not list(scratch.iterdir())


def test_a_workbook_that_cannot_be_opened_is_the_judges_to_tell(tmp_path: Path) -> None:
    (tmp_path / "own.xlsx").write_bytes(b"PK\x03\x04 and no more")
    verdict, own = read_return(tmp_path / "own.xlsx", instruments(), TODAY)
    assert own is None
    assert "unreadable_file" in {finding.code for finding in verdict.findings}


def test_an_unknown_question_bank_is_an_error(tmp_path: Path) -> None:
    verdict, own = read_return(a_return(tmp_path, {"legal": 1}, instrument="another-v1"), instruments(), TODAY)
    assert own is None
    assert "unknown_instrument" in {finding.code for finding in verdict.findings}


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        (answers({"legal": 1}) + answers({"legal": 2}, organisation="org-00000002"), "answers of 2 organisations"),
        (answers({"legal": "na"}), "no answer in 2026-Q3 has a level"),
    ],
)
def test_what_is_not_of_one_organisation_is_unusable(tmp_path: Path, rows: list, complaint: str) -> None:
    write_csv(tmp_path / "own.csv", rows)
    with pytest.raises(UnusableReturn, match=complaint):
        own_of(tmp_path / "own.csv")


def test_what_is_no_file_or_too_large_is_unusable(tmp_path: Path) -> None:
    with (tmp_path / "large.csv").open("wb") as file:
        file.truncate(MAX_RETURN_BYTES + 1)
    for name, complaint in (("none.csv", "no such file"), ("", "this is a folder"), ("large.csv", "bytes; a return")):
        with pytest.raises(UnusableReturn, match=complaint):
            own_of(tmp_path / name)


def test_nothing_stays_behind(tmp_path: Path, scratch: Path) -> None:
    path = a_return(tmp_path, {"legal": 1})
    before = sorted(tmp_path.rglob("*"))
    own_of(path)
    assert sorted(tmp_path.rglob("*")) == before
    assert not list(scratch.iterdir())
