from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from hubs.contract.kinds.assessment import KEY_PATTERN
from tests.unit.hubs.mapping.feeds import a_table_source, a_workbook, codes, mapped, rows

ANSWERS = "who,asked,score,why\nAlphaville,q1,7,long essay\nBetatown,q1,2,another\nAlphaville,q2,x,\n"


def table(tmp_path: Path, source: dict[str, Any], text: str = ANSWERS, **files: str) -> Any:
    return mapped(
        tmp_path, {"answers.csv": text} | {name.replace("_csv", ".csv"): f for name, f in files.items()}, source
    )


def column(result: Any, name: str) -> list[Any]:
    return [row[name] for row in rows(result)]


def test_columns_are_renamed_and_constants_set(tmp_path: Path) -> None:
    result = table(tmp_path, a_table_source())
    assert rows(result)[0] == {
        "organisation": "Alphaville",
        "respondent": "Alphaville",
        "audience": "decision_maker",
        "organisation_type": "council",
        "size_band": "not_stated",
        "region": "wales",
        "sector": "health",
        "period": "2026",
        "instrument": "interop-baseline-v1",
        "question": "q1",
        "level": "7",
        "row": 1,
    }
    assert result.tables[0].derived["region"] == "constant"
    assert result.tables[0].derived["sector"] == "registration"


def test_columns_that_no_rule_names_are_never_read(tmp_path: Path) -> None:
    result = table(tmp_path, a_table_source())
    assert [(f.code, f.field) for f in result.findings] == [("column_not_allowed", "why")]
    declared = table(tmp_path / "2", a_table_source(other_columns="Essays."))
    assert declared.findings == []
    assert [(s.place, s.reason) for s in declared.skips] == [("1 columns", "Essays.")]


def test_names_become_keys_that_do_not_show_them(tmp_path: Path) -> None:
    hashed = {"organisation": {"column": "who", "hash": True}, "respondent": {"column": "who", "hash": True}}
    keys = column(table(tmp_path, a_table_source(columns=hashed)), "organisation")
    assert keys[0] == keys[2] != keys[1]
    assert all(re.fullmatch(KEY_PATTERN, key) for key in keys)
    next_period = a_table_source(columns={**hashed, "period": {"constant": "2027"}})
    assert set(keys).isdisjoint(column(table(tmp_path / "2", next_period), "organisation"))


def test_keys_differ_by_the_period_of_the_row(tmp_path: Path) -> None:
    columns = {"organisation": {"column": "who", "hash": True}, "period": "year"}
    text = "who,asked,score,year\nA,q,1,2025\nA,q,1,2026\nA,r,1,2026\n"
    keys = column(table(tmp_path, a_table_source(columns=columns), text), "organisation")
    assert keys[0] != keys[1] == keys[2]


def test_rows_can_stand_for_respondents(tmp_path: Path) -> None:
    columns = {"respondent": {"from": "row", "hash": True}}
    assert len(set(column(table(tmp_path, a_table_source(columns=columns)), "respondent"))) == 3


@pytest.mark.parametrize(
    ("rule", "levels"),
    [
        ({"column": "score", "bins": [2, 4, 6, 8, 10]}, ["3", "1", "x"]),
        ({"column": "score", "map": {"7": "5", " X ": "na"}}, ["5", "2", "na"]),
        ({"column": "score", "map": {"7": "5"}, "bins": [2]}, ["5", "1", "x"]),
        ({"column": "score", "map": {"7": "5"}, "otherwise": "0"}, ["5", "0", "0"]),
        ({"column": "score", "match": "[0-9]", "default": "na"}, ["7", "2", "na"]),
        ({"column": ["absent", "sc*"]}, ["7", "2", "x"]),
    ],
)
def test_values_become_levels(tmp_path: Path, rule: dict[str, Any], levels: list[str]) -> None:
    assert column(table(tmp_path, a_table_source(columns={"level": rule})), "level") == levels


def test_a_dropped_value_leaves_its_answer_out_and_is_counted(tmp_path: Path) -> None:
    rule = {"column": "score", "bins": [5], "unmapped": "drop"}
    result = table(tmp_path, a_table_source(columns={"level": rule}, other_columns="Essays."))
    assert [(row["row"], row["level"]) for row in rows(result)] == [(1, "1"), (2, "0")]
    finding = result.findings[0]
    assert (finding.code, finding.field, finding.value, finding.count) == ("value_left_out", "level", "x", 1)


def test_a_long_value_is_not_shown(tmp_path: Path) -> None:
    rule = {"column": "score", "bins": [5], "unmapped": "drop"}
    text = f"who,asked,score\nA,q,{'private words ' * 5}\nA,r,1\n"
    assert table(tmp_path, a_table_source(columns={"level": rule}), text).findings[0].value is None


def test_terms_are_known_by_other_names(tmp_path: Path) -> None:
    text = "who,asked,score,type\nA,q,1,Unitary authority\nB,q,1,Circus\n"
    result = table(tmp_path, a_table_source(columns={"organisation_type": "type"}), text)
    assert column(result, "organisation_type") == ["council", "Circus"]


def test_a_value_is_looked_up_in_another_file(tmp_path: Path) -> None:
    rule = {
        "column": "who",
        "lookup": {"file": "places.csv", "key": "name", "column": "nation"},
        "map": {"Cymru": "wales"},
        "default": "not_stated",
    }
    source = a_table_source(glob="answers.csv", columns={"region": rule}, other_columns="Essays.")
    result = table(tmp_path, source, places_csv="name,nation,x\nAlphaville,Cymru,1\n")
    assert column(result, "region") == ["wales", "not_stated", "wales"]
    assert ("places.csv", "Read only to look up values.") in [(s.file, s.reason) for s in result.skips]
    assert result.tables[0].derived["region"] == "lookup"


@pytest.mark.parametrize("places", [None, "name,other\nA,B\n", ""])
def test_a_lookup_that_fails_holds_the_feed(tmp_path: Path, places: str | None) -> None:
    rule = {"column": "who", "lookup": {"file": "places.csv", "key": "name", "column": "nation"}}
    source = a_table_source(glob="answers.csv", columns={"region": rule})
    files = {} if places is None else {"places_csv": places}
    assert table(tmp_path, source, **files).held_by == ("mapping_expectation_failed",)


def test_rows_are_dropped_by_value_and_counted(tmp_path: Path) -> None:
    drops = [
        {"column": "who", "in": "Betatown", "reason": "Total."},
        {"column": "asked", "not_in": ["q1"], "reason": "Not asked for."},
        {"column": "score", "in": "999", "reason": "Never there."},
    ]
    result = table(tmp_path, a_table_source(drop_rows=drops, other_columns="Essays."))
    assert [row["row"] for row in rows(result)] == [1]
    assert [(s.place, s.reason) for s in result.skips if "rows" in s.place] == [
        ("1 rows", "Total."),
        ("1 rows", "Not asked for."),
    ]


def test_missing_columns_are_named(tmp_path: Path) -> None:
    result = table(
        tmp_path, a_table_source(columns={"level": "mark", "region": {"column": "land", "default": "wales"}})
    )
    assert [(f.code, f.field) for f in result.findings] == [("missing_column", "level")]
    assert result.tables == []
    drop = table(tmp_path / "2", a_table_source(drop_rows=[{"column": "gone", "in": "x", "reason": "r"}]))
    assert codes(drop) == ["missing_column"]


def test_an_optional_column_that_a_rule_names_must_be_there(tmp_path: Path) -> None:
    assert codes(table(tmp_path, a_table_source(columns={"sector": "branch"}))) == ["missing_column"]


@pytest.mark.parametrize(("expect", "detail"), [({"columns": ["who", "mark"]}, "mark"), ({"rows_min": 4}, "3 rows")])
def test_a_table_that_changed_holds_the_feed(tmp_path: Path, expect: dict[str, Any], detail: str) -> None:
    result = table(tmp_path, a_table_source(expect=expect, other_columns="Essays."))
    assert result.held_by == ("mapping_expectation_failed",)
    assert detail in (result.findings[0].detail or "")


def test_files_that_are_no_tables_are_findings(tmp_path: Path) -> None:
    files = {"a.csv": "<html>", "b.csv": "who,asked,score\n", "c.csv": "who,asked,score\nA,q,1\nB,q\n"}
    result = mapped(tmp_path, files, a_table_source())
    assert [(f.code, f.file) for f in result.findings] == [
        ("unreadable_file", "a.csv"),
        ("no_records_in_file", "b.csv"),
        ("unreadable_file", "c.csv"),
    ]
    assert result.tables == []


def test_the_header_may_stand_further_down(tmp_path: Path) -> None:
    text = "Survey of 2026,,\n,,\nwho;asked;score\nA;q;1\n"
    result = table(tmp_path, a_table_source(header_row=3), text)
    assert [(row["organisation"], row["level"], row["row"]) for row in rows(result)] == [("A", "1", 1)]


def test_a_sheet_is_chosen_by_name(tmp_path: Path) -> None:
    sheets = {"About": [["x"]], "Answers 2026": [["who", "asked", "score"], ["A", "q", 2]]}
    files = {"a.csv": a_workbook(sheets)}
    assert column(mapped(tmp_path, files, a_table_source(sheet="answers 2026")), "level") == ["2"]
    assert codes(mapped(tmp_path, files, a_table_source(sheet="answers 2025"))) == ["unreadable_file"]
    assert codes(mapped(tmp_path, files, a_table_source(sheet="About", header_row=5))) == ["unreadable_file"]


def test_windows_tables_are_read_with_a_warning(tmp_path: Path) -> None:
    files = {"a.csv": "who,asked,score\nCafé,q,1\n".encode("cp1252")}
    result = mapped(tmp_path, files, a_table_source())
    assert column(result, "organisation") == ["Café"]
    assert codes(result) == ["wrong_encoding"]


# A row a respondent.

WIDE = (
    ",Type,q1. How well? [now],q2. Ready?,Anything else?\n"
    "0,Council,Often,Yes,My name is X\n"
    "1,Council,,no,\n"
    "2,Circus,8,Perhaps,\n"
)


def a_wide_source(**changes: Any) -> dict[str, Any]:
    scales = {
        "often": {"map": {"never": "0", "often": "4"}, "bins": [1, 5]},
        "yes": {"map": {"yes": "5", "no": "0"}, "unmapped": "drop"},
    }
    questions = {"how-well": {"column": "q1.*", "scale": "often"}, "ready": {"column": ["q2.*"], "scale": "yes"}}
    columns = a_table_source()["columns"] | {
        "organisation": {"from": "row", "hash": True},
        "respondent": {"from": "row", "hash": True},
        "organisation_type": {"column": "Type", "otherwise": "other"},
    }
    columns = {name: rule for name, rule in columns.items() if name not in ("question", "level")}
    wide = {"scales": scales, "questions": questions}
    return a_table_source() | {"columns": columns, "wide": wide, "other_columns": "Free text."} | changes


def test_columns_become_questions_and_cells_levels(tmp_path: Path) -> None:
    result = table(tmp_path, a_wide_source(), WIDE)
    assert [(r["row"], r["question"], r["level"], r["organisation_type"]) for r in rows(result)] == [
        (1, "how-well", "4", "council"),
        (3, "how-well", "2", "other"),
        (1, "ready", "5", "council"),
        (2, "ready", "0", "council"),
    ]
    assert len(set(column(result, "respondent"))) == 3


def test_empty_cells_and_dropped_values_are_counted(tmp_path: Path) -> None:
    result = table(tmp_path, a_wide_source(), WIDE)
    assert ("1 cells", "No answer given.") in [(s.place, s.reason) for s in result.skips]
    assert [(f.code, f.field, f.value) for f in result.findings] == [("value_left_out", "ready", "Perhaps")]


def test_free_text_is_not_among_what_is_read(tmp_path: Path) -> None:
    result = table(tmp_path, a_wide_source(), WIDE)
    assert ("2 columns", "Free text.") in [(s.place, s.reason) for s in result.skips]
    assert "My name" not in repr(rows(result)) + repr(result)


def test_files_may_ask_different_questions_but_each_must_be_asked_somewhere(tmp_path: Path) -> None:
    files = {"a.csv": "Type,q1. x\nCouncil,Often\n", "b.csv": "Type,q2. x\nCouncil,Yes\n"}
    result = mapped(tmp_path, files, a_wide_source())
    assert column(result, "question") == ["how-well", "ready"]
    assert result.held_by == ()
    gone = mapped(tmp_path / "2", {"a.csv": files["a.csv"]}, a_wide_source())
    assert gone.held_by == ("mapping_expectation_failed",)
    assert "question ready" in (gone.findings[-1].detail or "")
