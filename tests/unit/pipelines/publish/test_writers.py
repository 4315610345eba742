from __future__ import annotations

import csv
import io
import json
from datetime import date

import pyarrow.parquet as pq
import pytest

from hubs.contract.kinds import document_kinds
from pipelines.publish import writers
from pipelines.publish.writers import TableSpec
from tests.builders import THINGS, benchmark_rows

ROWS = [
    {"name": "tŷ", "size": -5, "share": 2.0, "when": date(2026, 3, 1), "tags": ["a", "b"], "more": {"z": 1, "a": 2}},
    {"name": 'say "hi",\nthere', "share": 0.5},
]


def test_csv_is_utf8_without_mark_with_crlf_and_header() -> None:
    data = writers.csv_bytes(THINGS, ROWS)
    assert data.startswith(b"name,size,share,when,tags,more\r\n")
    assert data.endswith(b"\r\n")
    rows = list(csv.DictReader(io.StringIO(data.decode(), newline="")))
    assert rows[0] == {
        "name": "tŷ",
        "size": "-5",
        "share": "2",
        "when": "2026-03-01",
        "tags": "a;b",
        "more": '{"a":2,"z":1}',
    }
    assert rows[1]["name"] == 'say "hi",\nthere'
    assert rows[1]["size"] == ""


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "＝"])
def test_a_text_that_a_spreadsheet_would_run_is_neutralised_in_csv_only(start: str) -> None:
    rows = [{"name": f"{start}1+1", "size": -1, "tags": [f"{start}x"]}]
    cells = next(csv.DictReader(io.StringIO(writers.csv_bytes(THINGS, rows).decode(), newline="")))
    assert cells["name"] == f"'{start}1+1"
    assert cells["tags"] == f"'{start}x"
    assert cells["size"] == "-1"
    assert json.loads(writers.jsonl_bytes(THINGS, rows))["name"] == f"{start}1+1"


@pytest.mark.parametrize("rows", [[], [{"a": 1, "b": '",\n "rows": [\n}'}, {"a": None, "b": "c"}]])
@pytest.mark.parametrize("indent", [1, None])
def test_what_a_table_says_besides_its_rows_is_read_however_it_is_laid_out(
    rows: list[dict[str, object]], indent: int | None
) -> None:
    about = {"licence": ',\n "rows": [', "columns": [{"name": "rows"}]}
    read = writers.besides_rows(json.dumps(about | {"rows": rows}, indent=indent).encode())
    assert {name: read[name] for name in about} == about
    assert ("rows" in read) == (indent is None)  # then nothing tells where they begin
    assert writers.besides_rows(writers.json_bytes(about | {"rows": rows})) == about


def test_json_lines_leave_out_what_has_no_value() -> None:
    lines = writers.jsonl_bytes(THINGS, ROWS).decode().splitlines()
    assert json.loads(lines[1]) == {"name": 'say "hi",\nthere', "share": 0.5}
    assert "tŷ" in lines[0]


def test_parquet_holds_the_same_values_typed_and_described(tmp_path) -> None:
    writers.write_parquet(tmp_path / "x.parquet", THINGS, ROWS)
    table = pq.read_table(tmp_path / "x.parquet")
    first = table.to_pylist()[0]
    assert first == ROWS[0] | {"more": '{"a":2,"z":1}'}
    assert table.schema.field("name").metadata == {b"description_en": b"Name.", b"description_cy": b"Enw."}


def test_the_same_rows_give_the_same_bytes(tmp_path) -> None:
    for name in ("a", "b"):
        writers.write_parquet(tmp_path / name, THINGS, ROWS)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_suppressed_cells_are_empty_with_a_status() -> None:
    rows = list(
        csv.DictReader(io.StringIO(writers.csv_bytes(writers.BENCHMARKS, benchmark_rows()).decode(), newline=""))
    )
    hidden = [row for row in rows if row["sector"] == "health"]
    assert hidden
    assert {(row["n"], row["median"], row["status"]) for row in hidden} == {("", "", "[c]")}


@pytest.mark.parametrize("spec", [writers.records(), writers.BENCHMARKS, writers.DISTRIBUTIONS, writers.TRENDS])
def test_every_column_is_described_in_both_languages(spec: TableSpec) -> None:
    for column in spec.columns:
        assert column.description("en")
        assert column.description("cy")
        assert column.description("en") != column.description("cy")


def test_every_field_of_every_kind_has_a_column() -> None:
    """A new kind is exported without a word about it in the writers."""
    assert {kind: dict(writers.own_columns(kind)) for kind in document_kinds()} == {
        "case_study": {"organisations": "organisations", "standards_used": "standards_used"},
        "faq": {"question": "question", "audience": "audience"},
        "requirement": {
            "evaluation": "evaluation",
            "verification": "verification",
            "standards_used": "standards_used",
        },
        "signpost": {
            "address": "signpost_address",  # address is the record's own page
            "publisher": "publisher",
            "signpost_type": "signpost_type",
        },
        "term": {"term": "term", "source": "term_source"},  # source is where the record came from
    }
    names = writers.records().names
    assert {column for kind in document_kinds() for column in writers.own_columns(kind).values()} <= set(names)
    assert len(names) == len(set(names))


def test_a_column_has_the_type_of_its_field() -> None:
    types = {column.name: column.type for column in writers.records().columns}
    assert (types["standards_used"], types["signpost_address"], types["audience"]) == ("list", "string", "list")
