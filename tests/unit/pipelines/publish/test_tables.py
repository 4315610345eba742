"""Every form of the tables of a release, made from their JSON, and what programs are told of them."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from pipelines.files import Damaged
from pipelines.publish import descriptors, writers
from pipelines.publish.tables import TABLES, published, write_pack_tables, write_tables

TOLD = ("required", "key", "unit", "minimum", "maximum", "pattern", "values", "separator", "json")
"""What columns of older versions do not say."""


@pytest.fixture(scope="module")
def built(small_release: Path) -> Path:
    return small_release


@pytest.fixture
def release(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "release"))


def tables_of(release: Path) -> Iterator[tuple[Path, Path, writers.TableSpec]]:
    """Each CSV of a release with its workbook (without suffix) and its columns."""
    for name in TABLES:
        path = release / "benchmarks" / name
        columns = json.loads(path.with_suffix(".json").read_bytes())["columns"]
        yield path.with_suffix(".csv"), path, writers.spec_of(name, columns)
    for path in sorted(release.glob("packs/*/pack.json")):
        columns = json.loads(path.read_bytes())["columns"]
        yield path.with_name("records.csv"), path.with_suffix(""), writers.spec_of("records", columns)


def csv_rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def as_text(cell: Any) -> str:
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def unlike(workbook: Path, sheet: str, wanted: list[list[str]], types: list[str]) -> Iterator[str]:
    """Cells of a workbook's table that are not those of the CSV, or of another type."""
    rows = CalamineWorkbook.from_path(workbook).get_sheet_by_name(sheet).to_python()
    top = rows.index(wanted[0])
    assert 1 <= top <= 8
    if len(rows) - top != len(wanted):
        yield f"{len(rows) - top} rows"
    is_of = {"integer": float, "number": float, "date": date}
    for number, (row, want) in enumerate(zip(rows[top + 1 :], wanted[1:], strict=False), 1):
        for cell, text, type in zip(row, want, types, strict=True):
            plain = text.removeprefix("'") if text[1:2] and text[1] in "=+-@\t\r＝＋－＠" else text
            if as_text(cell) != plain.replace("\r\n", "\n"):
                yield f"row {number}: {cell!r}, {text!r} in CSV"
            elif cell != "" and not isinstance(cell, is_of.get(type, str)):
                yield f"row {number}: {cell!r} is no {type}"


def all_unlike(release: Path) -> list[str]:
    return [
        f"{stem.name}{form} {problem}"
        for path, stem, spec in tables_of(release)
        for form in (".ods", ".xlsx")
        for problem in unlike(stem.with_suffix(form), spec.name, csv_rows(path), [c.type for c in spec.columns])
    ]


def test_workbooks_hold_what_csv_holds(sample_release: Path) -> None:
    assert all_unlike(sample_release) == []
    assert len(list(tables_of(sample_release))) > 30


def test_a_cell_that_csv_does_not_hold_is_found(release: Path) -> None:
    assert all_unlike(release) == []
    path = release / "packs/national/records.csv"
    title = csv_rows(path)[1][-1].encode()
    path.write_bytes(path.read_bytes().replace(title, title[:-1], 1))
    problems = all_unlike(release)
    assert {problem.split()[0] for problem in problems} == {"pack.ods", "pack.xlsx"}


# Made again.


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def remake(release: Path) -> None:
    write_tables(release / "benchmarks")
    for pack in release.glob("packs/*"):
        write_pack_tables(pack)
    descriptors.write_datapackage(release)


def test_all_forms_are_made_again_from_json_alone(release: Path) -> None:
    before = files_of(release)
    primary = {*(release / "benchmarks").glob("*.json"), *release.glob("packs/*/pack.json")}
    gone = [
        path
        for pattern in ("benchmarks/*", "packs/*/*", "schemas/*", "datapackage.json")
        for path in release.glob(pattern)
        if path.is_file()
        and path.suffix not in (".html", ".pdf", ".zip")
        and (path not in primary or path.name.endswith("-metadata.json"))
    ]
    assert len(gone) > 20
    for path in gone:
        path.unlink()
    remake(release)
    assert files_of(release) == before


def test_a_release_whose_record_is_gone_is_as_one_that_never_had_it(release: Path, tmp_path: Path) -> None:
    folder = release / "packs/national"
    data = json.loads((folder / "pack.json").read_bytes())
    gone = data["records"].pop(0)["id"]
    (folder / "pack.json").write_bytes(writers.json_bytes(data))
    write_pack_tables(folder)
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    shutil.copyfile(folder / "pack.json", fresh / "pack.json")
    write_pack_tables(fresh)
    others = (".html", ".pdf", ".zip")
    assert {name: data for name, data in files_of(folder).items() if not name.endswith(others)} == files_of(fresh)
    assert gone not in {row[1] for row in csv_rows(folder / "records.csv")}
    for form in (".ods", ".xlsx"):
        rows = CalamineWorkbook.from_path(folder / f"pack{form}").get_sheet_by_name("records").to_python()
        assert gone not in {row[1] for row in rows}
        assert rows[-1][1] == data["records"][-1]["id"]


def test_json_of_an_older_version_is_enough(release: Path) -> None:
    before = {name: data for name, data in files_of(release).items() if name.endswith((".csv", ".jsonl", ".parquet"))}
    for path in [*(release / "benchmarks" / f"{name}.json" for name in TABLES), *release.glob("packs/*/pack.json")]:
        data = json.loads(path.read_bytes())
        for name in ("sample", "published"):
            data.pop(name)
        for column in data["columns"]:
            for name in TOLD:
                column.pop(name, None)
        path.write_bytes(writers.json_bytes(data))
    remake(release)
    after = files_of(release)
    assert {name: after[name] for name in before} == before
    cover = CalamineWorkbook.from_path(release / "packs/national/pack.ods").get_sheet_by_name("Cover").to_python()
    day = published({"release": json.loads((release / "coverage.json").read_bytes())["release"]})
    assert any(f"{day.day} {day:%B %Y}" in row[0] for row in cover)


@pytest.mark.parametrize(
    ("old", "new"),
    [(b'"columns"', b'"colums"'), (b'"type": "string"', b'"type": "strong"'), (b"{", b"["), (b'"rows"', b'"lines"')],
)
def test_json_that_is_no_table_is_named(release: Path, old: bytes, new: bytes) -> None:
    path = release / "benchmarks/trends.json"
    path.write_bytes(path.read_bytes().replace(old, new, 1))
    with pytest.raises(Damaged, match=r"trends\.json"):
        write_tables(path.parent)


def test_columns_are_read_as_they_were_written() -> None:
    for spec in (writers.records(), writers.BENCHMARKS, writers.DISTRIBUTIONS, writers.TRENDS):
        columns = writers.json_columns(spec)
        again = writers.spec_of(spec.name, columns)
        assert (writers.json_columns(again), again.key, again.names) == (columns, spec.key, spec.names)


# What columns may hold.


def misfits(spec: writers.TableSpec, rows: list[list[str]]) -> Iterator[str]:
    """Cells of a CSV that are not as the columns say."""
    keys = set()
    for number, row in enumerate(rows, 1):
        for column, text in zip(spec.columns, row, strict=True):
            where = f"row {number} {column.name}"
            items = text.split(column.separator) if column.type == "list" and text else [text] if text else []
            if column.is_required and not text:
                yield f"{where}: empty"
            for item in items:
                if column.allowed and item not in column.allowed:
                    yield f"{where}: {item} is none of the values"
                if column.pattern and not re.fullmatch(column.pattern, item):
                    yield f"{where}: {item} does not match"
                if column.minimum is not None and float(item) < column.minimum:
                    yield f"{where}: {item} is too little"
                if column.maximum is not None and float(item) > column.maximum:
                    yield f"{where}: {item} is too much"
            if column.type == "object" and text and isinstance(json.loads(text), list) != (column.json == "array"):
                yield f"{where}: another kind of JSON"
        key = tuple(row[spec.names.index(name)] for name in spec.key)
        if key in keys:
            yield f"row {number}: the key of another"
        keys.add(key)


def test_all_tables_of_the_samples_are_as_their_columns_say(sample_release: Path) -> None:
    for path, _, spec in tables_of(sample_release):
        assert spec.key
        assert [*misfits(spec, csv_rows(path)[1:])] == [], path


@pytest.mark.parametrize(
    ("column", "text", "problem"),
    [
        ("sector", "", "empty"),
        ("sector", "gardens", "none of the values"),
        ("period", "2026-Q5", "does not match"),
        ("n", "-5", "too little"),
        ("mean", "5.1", "too much"),
        ("dimension", "legal", "the key of another"),
    ],
)
def test_a_cell_that_is_not_as_its_column_says_is_found(built: Path, column: str, text: str, problem: str) -> None:
    rows = csv_rows(built / "benchmarks/benchmarks.csv")[1:]
    spec = writers.BENCHMARKS
    assert [*misfits(spec, rows)] == []
    place = spec.names.index(column)
    rows = [[*row[:place], text, *row[place + 1 :]] for row in rows]
    assert any(problem in told for told in misfits(spec, rows))


# What programs are told.


def test_the_data_package_has_every_data_file_as_it_is(sample_release: Path) -> None:
    data = json.loads((sample_release / "datapackage.json").read_bytes())
    manifest = {file["path"]: file for file in json.loads((sample_release / "release.json").read_bytes())["files"]}
    told = {resource["path"]: resource for resource in data["resources"]}
    assert data["version"] == data["name"].removeprefix("hubpacks-") == sample_release.name
    for path, resource in told.items():
        assert resource["hash"] == f"sha256:{manifest[path]['sha256']}"
        assert (resource["bytes"], resource["mediatype"]) == (manifest[path]["bytes"], manifest[path]["media_type"])
    wanted = {
        path
        for path in manifest
        if path.endswith((".csv", ".parquet", ".json", ".jsonl"))
        and not path.endswith(descriptors.CSVW_END)
        and not path.startswith(("keys/", "schemas/"))
    }
    # Errata lists this one's changes, with digests; a bill of materials is no data.
    assert wanted - {*told} == {"datapackage.json", "errata.json", "sbom.cdx.json"}
    assert {*told} <= wanted
    assert len({resource["name"] for resource in told.values()}) == len(told)


def test_schemas_name_the_columns_of_their_csv(sample_release: Path) -> None:
    data = json.loads((sample_release / "datapackage.json").read_bytes())
    tables = [resource for resource in data["resources"] if resource.get("type") == "table"]
    assert len(tables) > 30
    for resource in tables:
        path = sample_release / resource["path"]
        schema = resource["schema"]
        if isinstance(schema, str):
            schema = json.loads((sample_release / schema).read_bytes())
        header = csv_rows(path)[0]
        assert [field["name"] for field in schema["fields"]] == header
        beside = json.loads(path.with_name(f"{path.name}-metadata.json").read_bytes())
        assert beside["url"] == path.name
        assert [column["name"] for column in beside["tableSchema"]["columns"]] == header
        assert beside["tableSchema"]["primaryKey"] == schema["primaryKey"]


def test_a_column_is_described_as_the_standards_have_it() -> None:
    spec = writers.TableSpec(
        "t",
        (
            writers.Column("a", "list", "A.", "B.", values=("x.y", "z"), is_required=True),
            writers.Column("b", "number", "C.", "D.", minimum=0, maximum=5, unit="level"),
            writers.Column("c", "object", "E.", "F.", json="array"),
            writers.Column("d", "string", "G.", "H.", values=("p", "q")),
        ),
        key=("a",),
    )
    assert descriptors.table_schema(spec) == {
        "fields": [
            {
                "name": "a",
                "type": "list",
                "delimiter": ";",
                "itemType": "string",
                "description": "A.",
                "description_cy": "B.",
                "constraints": {"required": True},
            },
            {
                "name": "b",
                "type": "number",
                "description": "C.",
                "description_cy": "D.",
                "unit": "level",
                "constraints": {"minimum": 0, "maximum": 5},
            },
            {"name": "c", "type": "array", "description": "E.", "description_cy": "F."},
            {
                "name": "d",
                "type": "string",
                "description": "G.",
                "description_cy": "H.",
                "constraints": {"enum": ["p", "q"]},
            },
        ],
        "missingValues": [""],
        "primaryKey": ["a"],
    }


def test_a_data_package_over_damaged_statements_is_refused_by_name(release: Path) -> None:
    (release / "coverage.json").write_text("{")
    with pytest.raises(Damaged, match=r"coverage\.json"):
        descriptors.write_datapackage(release)
