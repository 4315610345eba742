"""A table's verdict is that of judging every row, whatever the rows are; and its files hold what they promise."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hubs.contract import expectations
from hubs.contract.findings import Finding
from hubs.contract.kinds import table_kinds
from hubs.contract.records import RawTable, UnreadableTable
from hubs.contract.verdict import JudgedTable
from hubs.instruments import instruments
from hubs.judge import tables
from hubs.judge.tables import TableContext, judge_tables
from hubs.judge.tallies import ROWS_NAMED, VALUES_NAMED
from tests.feeds import judged as feed_judged
from tests.feeds import write_feed
from tests.unit.hubs.plain import a_batch

KIND = table_kinds()["assessment"]
NAMES = [column.name for column in KIND.columns]
CONTEXT = TableContext("health", instruments())
GOOD = {
    "organisation": "org-00000001",
    "respondent": "resp-0000001",
    "audience": "decision_maker",
    "organisation_type": "council",
    "size_band": "under_50",
    "region": "wales",
    "sector": "transport",
    "period": "2026-Q1",
    "instrument": "interop-baseline-v1",
    "question": "dm-governance-1",
    "level": "3",
}
Row = dict[str, str | None]


def an_answer(**changes: str | None) -> Row:
    return GOOD | changes


def answers(n: int, **changes: str | None) -> list[Row]:
    """Good answers of ``n`` respondents of as many organisations."""
    return [an_answer(organisation=f"org-{i:08d}", respondent=f"resp-{i:07d}") | changes for i in range(n)]


def a_table(rows: Sequence[Row], batch_rows: int = 1000, names: Sequence[str] = NAMES, first_row: int = 1) -> RawTable:
    def batches() -> Iterator[pa.Table]:
        for start in range(0, len(rows), batch_rows):
            batch = rows[start : start + batch_rows]
            columns = {n: pa.array([row.get(n) for row in batch], pa.string()).dictionary_encode() for n in names}
            numbers = np.arange(first_row + start, first_row + start + len(batch))
            yield pa.table(columns | {"row": pa.array(numbers)})

    return RawTable("assessment", "answers.csv", "", batches)


def judged(table: RawTable, folder: Path) -> tuple[JudgedTable, list[Finding]]:
    """Without what the gate says of rows that are numbered and much alike: see ``test_anonymity``."""
    [one], findings = judge_tables([table], CONTEXT, folder)
    return one, without_the_gate(findings)


def without_the_gate(findings: Sequence[Finding]) -> list[Finding]:
    return [f for f in findings if f.code not in ("keys_in_sequence", "small_sample")]


@contextmanager
def small_limits(stretch: int = 5, values: int = 4, keys: int = 3) -> Iterator[None]:
    """Everything in so small pieces that few rows need many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "STRETCH_ROWS", stretch)
        patch.setattr(tables, "VALUES_TOGETHER", values)
        patch.setattr(tables, "KEYS_TOGETHER", keys)
        yield


# The same verdict as judging every row.


def codes_by_row(rows: Sequence[Row]) -> dict[int, set[str]]:
    """What the plain way says: the whole suite over every row, and the rules across columns one row at a time."""
    found: dict[int, set[str]] = {}
    frame = pd.DataFrame([{n: row.get(n) or None for n in NAMES} for row in rows], dtype=object)
    refused = {name: set() for name in NAMES}
    for result in a_batch(frame).validate(expectations.suite(KIND), result_format="COMPLETE").results:
        kwargs, kind = result.expectation_config.kwargs, result.expectation_config.type
        for row in result.result["unexpected_index_list"]:
            if "column_list" in kwargs:
                code = "duplicate_answer"
            elif kind == "expect_column_values_to_not_be_null":
                code = "missing_value"
            else:
                code = KIND.column(kwargs["column"]).code
            refused.get(kwargs.get("column"), set()).add(row)
            found.setdefault(row, set()).add(code)
    for i, row in enumerate(frame.to_dict("records")):
        if i in refused["instrument"]:
            continue
        instrument = CONTEXT.instruments.get(row["instrument"])
        if instrument is None:
            found.setdefault(i, set()).add("unknown_instrument")
        elif i not in refused["audience"] and i not in refused["question"]:
            question = instrument.questions.get(row["question"])
            if question is None or question.audience != row["audience"]:
                found.setdefault(i, set()).add("unknown_question")
    return found


def codes_told(table: JudgedTable) -> dict[int, set[str]]:
    """What the quarantine says, by position in the table."""
    if table.quarantined is None:
        return {}
    rows = pq.read_table(table.quarantined, columns=["row", "codes"]).to_pylist()
    return {row["row"] - 1: set(row["codes"].split(";")) for row in rows}


HOSTILE = [
    None,
    "",
    " ",
    "na ",
    "NA",
    "Na",
    "9",
    "-1",
    "5\n",
    "５",
    "05",
    "3.0",
    "null",
    "nan",
    "None",
    "\0",
    "x" * 9000,
]
HOSTILE += ["'; drop table answers; --", "=1+1", "é", "e\u0301", "🦊" * 8, "decision_maker ", "Wales", "org-00000001\n"]
HOSTILE += [
    "2026-Q5",
    "2026-q1",
    "1999",
    "other-bank-v2",
    "interop-baseline-v1\r",
    "pp-governance-1",
    "dm-governance-99",
]
HOSTILE += ["9" * 400, str(2**64), "-0", "1e0", "0x3", "٣", "³", "⅗"]  # numbers, or what looks like one
HOSTILE += ["w\u0430les", "\uff57ales", "wales\u200b", "wales\u00ad", "wa\u0142es", "WALES", "wale\u017f"]  # alike
HOSTILE += ["org-\u043erg-0001", "org\u201000000001", "org-0000000\u0661", '"wales"', "'wales'", "wales\0", "\0wales"]
HOSTILE += [
    " wales",
    "wales\t",
    "wales\u00a0",
    "wales\u3000",
    "\ufeffwales",
    "wales,london",
    "wa\u2028les",
    "\u202ewales",
]


def values_of(name: str) -> st.SearchStrategy[str | None]:
    good = {
        "organisation": ["org-00000001", "org-00000002"],
        "respondent": ["resp-0000001", "resp-0000002"],
        "audience": ["decision_maker", "procurement_professional"],
        "question": ["dm-governance-1", "dm-legal-1", "pp-governance-1"],
        "level": ["0", "5", "na"],
        "sector": ["health", None, ""],
    }.get(name, [GOOD[name]])
    return st.one_of(st.sampled_from(good), st.sampled_from(good), st.sampled_from(good), st.sampled_from(HOSTILE))


def mostly_good() -> st.SearchStrategy[Row]:
    """A good row with up to three values from anywhere, so that rows often share a key."""
    few = st.sets(st.sampled_from(NAMES), max_size=3)
    return few.flatmap(lambda names: st.fixed_dictionaries({n: values_of(n) for n in names})).map(lambda c: GOOD | c)


@pytest.mark.filterwarnings("ignore:This pattern is interpreted as a regular expression")
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(mostly_good(), min_size=1, max_size=40), st.integers(1, 15), st.integers(1, 12))
@example([dict.fromkeys(NAMES, None)] * 5, 2, 3)
@example([an_answer(level=value) for value in HOSTILE], 3, 4)
@example([an_answer(question=value, audience=value) for value in HOSTILE], 3, 4)
@example([an_answer(organisation=value) for value in HOSTILE * 2], 3, 4)
def test_the_verdict_is_that_of_judging_every_row(rows: list[Row], batch_rows: int, stretch: int) -> None:
    with TemporaryDirectory() as name, small_limits(stretch):
        table, findings = judged(a_table(rows, batch_rows), Path(name))
        expected = codes_by_row(rows)
        assert codes_told(table) == expected
        kept = pq.read_table(table.accepted)["row"].to_pylist() if table.accepted else []
        assert kept == [i + 1 for i in range(len(rows)) if i not in expected]
    assert (table.rows, table.quarantined_rows) == (len(rows), len(expected))
    # Two columns of a row may have the same fault, which is then one code of the row and two findings.
    for code in set().union(*expected.values()) - {"invalid_key", "missing_value"}:
        assert sum(f.count for f in findings if f.code == code) == sum(code in codes for codes in expected.values())


HOSTILE_ROWS = [an_answer(**{name: value}) for name in NAMES for value in HOSTILE]
"""Each hostile value in each column, alone; the good ones among them share their key."""


@pytest.mark.filterwarnings("ignore:This pattern is interpreted as a regular expression")
@pytest.mark.parametrize("seed", [1, 2])
def test_the_verdict_on_each_hostile_value_in_each_column_is_that_of_judging_every_row(
    tmp_path: Path, seed: int
) -> None:
    rows = [HOSTILE_ROWS[i] for i in np.random.default_rng(seed).permutation(len(HOSTILE_ROWS))]
    with small_limits(stretch=150, values=200, keys=60):
        table, _ = judged(a_table(rows, 64), tmp_path)
    expected = codes_by_row(rows)
    assert codes_told(table) == expected
    assert set().union(*expected.values()) >= {KIND.column(name).code for name in NAMES} | {"duplicate_answer"}


@pytest.mark.filterwarnings("ignore:This pattern is interpreted as a regular expression")
def test_the_verdict_on_a_file_in_which_every_row_is_bad_is_that_of_judging_every_row(tmp_path: Path) -> None:
    """From the bytes of a CSV file on: what is quoted, what is empty, and which row is which."""
    written = [{name: value or "" for name, value in row.items()} for row in HOSTILE_ROWS]
    rows = [row for row in written if "\0" not in "".join(row.values())] * 2  # a CSV file may not hold it
    feed = write_feed(tmp_path / "feed", answers=[dict.fromkeys(NAMES, "")])
    with (feed / "returns.csv").open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, NAMES, quoting=csv.QUOTE_ALL)
        out.writeheader()
        out.writerows(rows)
    [table] = feed_judged(feed).tables
    expected = codes_by_row(rows)
    assert len(expected) == len(rows)
    assert codes_told(table) == expected


def anything(name: str) -> st.SearchStrategy[str | None]:
    """A value that the column allows, one that is written in its alphabet, or any text at all."""
    column = KIND.column(name)
    allowed = st.sampled_from(column.allowed) if column.allowed else st.from_regex(column.pattern or "", fullmatch=True)
    return st.one_of(allowed, st.from_regex(column.pattern or "[a-z_]"), st.sampled_from(HOSTILE), st.text(max_size=80))


@pytest.mark.filterwarnings("ignore:This pattern is interpreted as a regular expression")
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.fixed_dictionaries({name: anything(name) for name in NAMES}), min_size=1, max_size=25))
def test_the_verdict_on_rubbish_in_every_column_is_that_of_judging_every_row(rows: list[Row]) -> None:
    with TemporaryDirectory() as name, small_limits(stretch=10, values=30):
        table, _ = judged(a_table([*rows, *rows[:3]], 4), Path(name))
        assert codes_told(table) == codes_by_row([*rows, *rows[:3]])


@pytest.mark.filterwarnings("ignore:This pattern is interpreted as a regular expression")
def test_generated_rows_of_each_bad_kind_in_real_stretches(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    rows = [
        an_answer(organisation=f"org-{i // 40:08d}", respondent=f"resp-{i // 20:07d}", question=question.id)
        for i, question in enumerate(CONTEXT.instruments["interop-baseline-v1"].asked_of("decision_maker") * 100)
    ]
    for i in rng.choice(len(rows), 60, replace=False):
        name = NAMES[rng.integers(len(NAMES))]
        rows[i] = rows[i] | {name: HOSTILE[rng.integers(len(HOSTILE))]}
    with small_limits(stretch=700, values=50, keys=500):
        table, _ = judged(a_table(rows, 300), tmp_path)
    assert codes_told(table) == codes_by_row(rows)


def test_tables_judged_at_the_same_time_do_not_disturb_each_other(tmp_path: Path) -> None:
    many = {str(i): answers(30, region=f"region {i}") + answers(30 + i, respondent=f"resp-{i:07d}") for i in range(8)}

    def verdict(name: str) -> tuple[dict[int, set[str]], list[Finding]]:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        table, findings = judged(a_table(many[name], 7), folder)
        return codes_told(table), findings

    with small_limits(stretch=20):
        with ThreadPoolExecutor(4) as pool:
            together = list(pool.map(verdict, many))
        assert together == [verdict(name) for name in many]


# Files.


def test_good_rows_are_kept_typed_and_in_order(tmp_path: Path) -> None:
    rows = [an_answer(), an_answer(organisation="org-00000002", sector="", level="na")]
    table, findings = judged(a_table(rows, first_row=7), tmp_path)
    assert findings == []
    assert (table.rows, table.accepted_rows, table.quarantined_rows, table.quarantined) == (2, 2, 0, None)
    kept = pq.read_table(table.accepted)
    assert kept.schema.field("level").type == pa.int8()
    assert kept["row"].to_pylist() == [7, 8]
    assert kept["level"].to_pylist() == [3, None]
    assert kept["sector"].to_pylist() == ["transport", "health"]
    assert all(pa.types.is_dictionary(kept.schema.field(name).type) for name in NAMES if name != "level")
    assert [path.name for path in tmp_path.iterdir()] == ["assessment-1.parquet"]


def test_bad_rows_are_kept_without_what_may_not_stand_there(tmp_path: Path) -> None:
    rows = [an_answer(), an_answer(level="9", region=None, respondent="resp-0000002")]
    table, findings = judged(a_table(rows), tmp_path)
    [kept] = pq.read_table(table.quarantined).to_pylist()
    assert kept == rows[1] | {"level": None, "row": 2, "codes": "missing_value;level_out_of_range"}
    assert [(f.code, f.field, f.value, f.row, f.count, f.rows) for f in findings] == [
        ("missing_value", "region", None, 2, 1, (2,)),
        ("level_out_of_range", "level", "9", 2, 1, (2,)),
    ]


def test_a_refused_value_does_not_stay_behind_in_any_file(tmp_path: Path) -> None:
    secret = "Someone of Somewhere"
    table, _ = judged(a_table([*answers(5), an_answer(region=secret, respondent="resp-9999999")]), tmp_path)
    for column in ("region", "organisation"):
        dictionary = pq.read_table(table.accepted)[column].chunk(0).dictionary.to_pylist()
        assert dictionary == (["wales"] if column == "region" else [f"org-{i:08d}" for i in range(5)])
    assert secret.encode() not in Path(table.quarantined).read_bytes()
    assert secret.encode() not in Path(table.accepted).read_bytes()


def test_equal_input_gives_equal_bytes(tmp_path: Path) -> None:
    rows = [*answers(50), *(an_answer(level=str(i)) for i in range(20))]
    files = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        table, _ = judged(a_table(rows, 7), tmp_path / name)
        files.append((Path(table.accepted).read_bytes(), Path(table.quarantined).read_bytes()))
    assert files[0] == files[1]


def test_no_rows_are_no_files(tmp_path: Path) -> None:
    table, findings = judged(a_table([]), tmp_path)
    assert (table.rows, table.accepted, table.quarantined, findings) == (0, None, None, [])
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    def batches() -> Iterator[pa.Table]:
        yield from a_table(answers(10)).batches()
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        judged(RawTable("assessment", "answers.csv", "", batches), tmp_path)
    assert list(tmp_path.iterdir()) == []


# Shapes of columns.


def test_text_that_is_not_coded_and_dictionaries_that_repeat_themselves_are_read_alike(tmp_path: Path) -> None:
    coded = a_table(answers(4)).batches()
    batch = next(coded)
    levels = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, 1], pa.int32()), pa.array(["3", "", "3"]))
    batch = batch.set_column(batch.column_names.index("level"), "level", levels)
    batch = batch.set_column(0, "organisation", batch["organisation"].cast(pa.string()))
    batch = batch.set_column(batch.column_names.index("row"), "row", pa.array([1, 2, 3, 4], pa.int32()))
    table, findings = judged(RawTable("assessment", "answers.csv", "", lambda: iter([batch])), tmp_path)
    assert [(f.code, f.field, f.rows) for f in findings] == [("missing_value", "level", (2, 4))]
    assert table.accepted_rows == 2


def test_a_missing_column_is_told_as_such_and_no_row_is_accepted(tmp_path: Path) -> None:
    names = [name for name in NAMES if name != "region"]
    table, [finding] = judged(a_table(answers(7), names=names), tmp_path)
    assert (finding.code, finding.field, finding.count) == ("missing_column", "region", 7)
    assert (table.accepted_rows, table.quarantined_rows) == (0, 7)


def test_an_optional_column_may_be_absent(tmp_path: Path) -> None:
    table, findings = judged(a_table(answers(3), names=[name for name in NAMES if name != "sector"]), tmp_path)
    assert findings == []
    assert pq.read_table(table.accepted)["sector"].to_pylist() == ["health"] * 3


def test_a_column_that_the_contract_does_not_know_is_left_out_and_told(tmp_path: Path) -> None:
    rows = [row | {"comment": "our council is the best"} for row in answers(2)]
    table, [finding] = judged(a_table(rows, names=[*NAMES, "comment"]), tmp_path)
    assert (finding.code, finding.field, finding.value) == ("column_not_allowed", "comment", None)
    assert table.accepted_rows == 2
    assert "comment" not in pq.read_schema(table.accepted).names


# Rules across rows and columns.


def test_all_rows_that_share_a_key_are_refused_however_far_apart(tmp_path: Path) -> None:
    rows = answers(40)
    rows[35] = rows[2] | {"level": "5"}
    with small_limits(stretch=10):
        table, [finding] = judged(a_table(rows, 3), tmp_path)
    assert (finding.code, finding.count, finding.rows) == ("duplicate_answer", 2, (3, 36))
    assert codes_told(table) == {2: {"duplicate_answer"}, 35: {"duplicate_answer"}}


def test_rows_that_only_look_repeated_are_let_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "combined", lambda columns: np.zeros_like(columns[0]))
    rows = answers(20)
    rows[19] = rows[0]
    table, _ = judged(a_table(rows), tmp_path)
    assert set(codes_told(table)) == {0, 19}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"instrument": "another-bank-v1"}, "unknown_instrument"),
        ({"instrument": "Another Bank"}, "unknown_instrument"),
        ({"question": "pp-governance-1"}, "unknown_question"),
        ({"question": "dm-governance-99"}, "unknown_question"),
        ({"audience": "procurement_professional"}, "unknown_question"),
        ({"audience": "everybody"}, "unknown_audience"),
    ],
)
def test_a_question_belongs_to_the_instrument_and_the_audience(
    changes: dict[str, str], code: str, tmp_path: Path
) -> None:
    table, [finding] = judged(a_table([*answers(3), an_answer(**changes)]), tmp_path)
    assert (finding.code, finding.rows) == (code, (4,))
    assert table.accepted_rows == 3


def test_an_organisation_described_in_two_ways_is_told_of_and_accepted(tmp_path: Path) -> None:
    rows = answers(12)
    rows[5] = rows[5] | {"organisation": "org-00000001", "region": "london", "size_band": "50_to_249"}
    rows[9] = rows[9] | {"organisation": "org-00000001", "sector": ""}
    rows[10] = rows[10] | {"organisation": "org-00000001", "region": "london", "period": "2026-Q2"}
    with small_limits(stretch=4):
        table, [finding] = judged(a_table(rows, 3), tmp_path)
    assert table.accepted_rows == 12
    assert finding.code == "conflicting_organisation"
    assert (finding.field, finding.value, finding.count, finding.rows) == (
        "organisation",
        "org-00000001",
        2,
        (6, 10),
    )
    assert finding.detail == "2026-Q1: region, sector, size_band"


def test_a_bad_row_does_not_make_an_organisation_contradict_itself(tmp_path: Path) -> None:
    rows = [an_answer(), an_answer(region="london", level="9", respondent="resp-0000002")]
    _, findings = judged(a_table(rows), tmp_path)
    assert [finding.code for finding in findings] == ["level_out_of_range"]


# Rubbish.


@pytest.mark.filterwarnings("ignore:This pattern is interpreted as a regular expression")
def test_each_row_of_a_hopeless_table_is_told_all_its_faults(tmp_path: Path) -> None:
    rows: list[Row] = [{name: f"{name} {i}!" for name in NAMES} for i in range(60)]
    rows += [dict(rows[7]), rows[8] | {"region": "wales"}, rows[9] | {"level": None, "organisation": None}]
    expected = codes_by_row(rows)
    with small_limits(stretch=20, values=100):
        table, findings = judged(a_table(rows, 8), tmp_path)
    assert codes_told(table) == expected
    assert len(expected[0]) >= 8
    assert "duplicate_answer" in expected[60]
    assert sum(f.count for f in findings if f.code == "unknown_region") == 62
    assert len(findings) <= (VALUES_NAMED + 1) * len(NAMES) + len(expected[0])


def test_long_values_are_judged_in_smaller_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [*answers(30), *({**row, "region": f"{i}" * 500} for i, row in enumerate(answers(30, period="2026-Q2")))]
    table, findings = judged(a_table(rows, 10), tmp_path)
    whole = codes_told(table), findings, pq.read_table(table.accepted).to_pylist()
    assert pq.ParquetFile(table.quarantined).num_row_groups == 1
    monkeypatch.setattr(tables, "STRETCH_BYTES", 8000)
    monkeypatch.setattr(tables, "VALUE_BYTES_TOGETHER", 8000)
    table, findings = judged(a_table(rows, 10), tmp_path)
    assert pq.ParquetFile(table.quarantined).num_row_groups == 3
    assert whole == (codes_told(table), findings, pq.read_table(table.accepted).to_pylist())


# Several tables.


def test_small_tables_are_judged_together_as_they_are_alone(tmp_path: Path) -> None:
    many = [[*answers(9), an_answer(region=f"region {i}"), *answers(i, question="dm-legal-1")] for i in range(7)]
    alone = []
    for i, rows in enumerate(many):
        folder = tmp_path / str(i)
        folder.mkdir()
        table, findings = judged(a_table(rows, 4), folder)
        alone.append((codes_told(table), pq.read_table(table.accepted).to_pylist(), findings))
    for stretch in (25, 1000):
        with small_limits(stretch=stretch):
            found, findings = judge_tables([a_table(rows, 4) for rows in many], CONTEXT, tmp_path)
        together = [(codes_told(table), pq.read_table(table.accepted).to_pylist()) for table in found]
        assert together == [(codes, kept) for codes, kept, _ in alone]
        assert without_the_gate(findings) == [finding for _, _, told in alone for finding in told]


def test_of_a_table_that_breaks_off_nothing_is_used_and_the_others_are(tmp_path: Path) -> None:
    def broken() -> Iterator[pa.Table]:
        yield from a_table(answers(10)).batches()
        raise UnreadableTable(Finding("unreadable_file", file="b.csv"))

    rows = [a_table(answers(3)), RawTable("assessment", "b.csv", "", broken), a_table(answers(4, level="9"))]
    found, findings = judge_tables(rows, CONTEXT, tmp_path)
    assert [(table.accepted_rows, table.quarantined_rows) for table in found] == [(3, 0), (0, 4)]
    assert [finding.code for finding in findings] == ["unreadable_file", "level_out_of_range"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "assessment-1.parquet",
        "assessment-3-quarantine.parquet",
    ]


# Findings stay few.


def test_many_different_bad_values_make_few_findings_that_count_every_row(tmp_path: Path) -> None:
    rows = answers(400)
    for i, row in enumerate(rows):
        row["region"] = f"region {i % 300}"
    with small_limits(stretch=90, values=1000, keys=1000):
        table, findings = judged(a_table(rows, 37), tmp_path)
    assert table.quarantined_rows == 400
    assert len(findings) == VALUES_NAMED + 1
    assert [f.value for f in findings] == [*(f"region {i}" for i in range(VALUES_NAMED)), None]
    assert findings[-1].detail == "further values"
    assert sum(f.count for f in findings) == 400
    assert findings[0].rows == (1, 301)
    assert findings[-1].rows == tuple(range(VALUES_NAMED + 1, VALUES_NAMED + 1 + ROWS_NAMED))


def test_many_contradictions_make_few_findings(tmp_path: Path) -> None:
    rows = [*answers(80), *answers(80, region="london", question="dm-governance-2")]
    _, findings = judged(a_table(rows), tmp_path)
    assert len(findings) == VALUES_NAMED + 1
    assert sum(f.count for f in findings) == 80
    assert findings[-1].rows == tuple(80 + VALUES_NAMED + i for i in range(1, ROWS_NAMED + 1))


def test_findings_come_in_the_order_of_codes_columns_and_rows(tmp_path: Path) -> None:
    changes: list[dict[str, Any]] = [
        {"level": "8"},
        {"level": "7"},
        {"region": "x"},
        {"level": "8"},
        {"size_band": None},
    ]
    rows = [row | change for row, change in zip(answers(5), changes, strict=True)]
    _, findings = judged(a_table(rows, 2), tmp_path)
    assert [(f.code, f.value, f.rows) for f in findings] == [
        ("missing_value", None, (5,)),
        ("unknown_region", "x", (3,)),
        ("level_out_of_range", "8", (1, 4)),
        ("level_out_of_range", "7", (2,)),
    ]
