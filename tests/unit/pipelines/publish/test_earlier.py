"""What has not changed since the release before stays the same file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pipelines.disclose.trend import TRENDS
from pipelines.files import Damaged, json_of, sha256_of
from pipelines.publish import writers
from pipelines.publish.bill import BILL
from pipelines.publish.earlier import Earlier
from pipelines.publish.signed import SUMS, sums_bytes
from pipelines.publish.tables import VERSION, write_json, write_other_forms, write_rows

BILL_OF_NOW = b"the code of now"
TABLE, PACK = "benchmarks/trends.json", "packs/national/pack.json"
ROW = {column.name: None for column in writers.TRENDS.columns} | {"instrument": "one", "dimension": "all"}
FIGURES = [{"n": 40, "share_ge_3": 0.35, "change": -0.05}, {"n": 45, "share_ge_3": 1.0, "status": '"\n "rows": ['}]
RECORD = {column.name: None for column in writers.records().columns} | {"id": "one/1", "title": "Ŵy", "sectors": ["a"]}
TITLE = {"en": "All", "cy": "Popeth"}


def a_table(release: str, spec: writers.TableSpec = writers.TRENDS, **changes: Any) -> dict[str, Any]:
    return {
        "release": release,
        "published": f"{release[:10]}T12:00:00+00:00",
        "sample": False,
        "licence": "OGL-UK-3.0",
        "columns": writers.json_columns(spec),
        "rows": [ROW | figures for figures in FIGURES],
    } | changes


def a_pack(release: str, **changes: Any) -> dict[str, Any]:
    told = a_table(release, writers.records(), **{"title": TITLE, "records": [RECORD]} | changes)
    return {name: value for name, value in told.items() if name not in ("licence", "rows")}


def a_release(root: Path, data: Mapping[str, Any], earlier: Earlier | None = None) -> Path:
    """A release of one table, as far as the next one looks at it."""
    folder = root / data["release"]
    name = TABLE if "rows" in data else PACK
    (folder / name).parent.mkdir(parents=True)
    (folder / BILL).write_bytes(BILL_OF_NOW)
    if "rows" in data:
        spec = writers.spec_of("trends", data["columns"])
        about = {field: value for field, value in data.items() if field not in ("columns", "rows")}
        is_left = write_rows(folder, spec, pa.Table.from_pylist(data["rows"], TRENDS), about, earlier)
    else:
        is_left = write_json(folder, name, data, earlier)
    if is_left:
        write_other_forms(folder, name)
    (folder / SUMS).write_bytes(sums_bytes({name: sha256_of(folder / name) for name in files_of(folder)}))
    return folder


def files_of(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file() and path.name != SUMS)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def json_name(folder: Path) -> str:
    return TABLE if (folder / TABLE).exists() else PACK


def version(folder: Path) -> str:
    told: str = json_of((folder / json_name(folder)).read_bytes())[VERSION]["version"]
    return told


@pytest.fixture(params=[a_table, a_pack])
def made(request: pytest.FixtureRequest) -> Callable[..., dict[str, Any]]:
    """What makes the data of a table: benchmarks, or the records of a pack."""
    maker: Callable[..., dict[str, Any]] = request.param
    return maker


def test_a_table_that_says_the_same_keeps_its_files_and_its_version(
    tmp_path: Path, made: Callable[..., dict[str, Any]]
) -> None:
    first = a_release(tmp_path, made("2026-10-01.01"))
    second = a_release(tmp_path, made("2026-10-08.01"), Earlier(first, BILL_OF_NOW))
    third = a_release(tmp_path, made("2026-10-15.01"), Earlier(second, BILL_OF_NOW))
    assert [version(folder) for folder in (first, second, third)] == ["2026-10-01.01"] * 3
    name = json_name(first)
    forms = {path: data for path, data in files_of(first).items() if path != name}
    assert len(forms) > 5
    assert forms == {path: data for path, data in files_of(third).items() if path != name}
    assert not any((first / path).samefile(third / path) for path in forms)


def test_what_was_taken_over_is_what_would_have_been_made(tmp_path: Path, made: Callable[..., dict[str, Any]]) -> None:
    first = a_release(tmp_path, made("2026-10-01.01"))
    second = a_release(tmp_path, made("2026-10-08.01"), Earlier(first, BILL_OF_NOW))
    alone = a_release(tmp_path / "alone", made("2026-10-08.01"))
    name, taken = json_name(first), files_of(second)
    since = {"version": "2026-10-01.01", "published": "2026-10-01T12:00:00+00:00"}
    assert taken[name] == writers.json_bytes(json_of((alone / name).read_bytes()) | {VERSION: since})
    for path in taken.keys() - {name, BILL}:
        (second / path).unlink()
    write_other_forms(second, name)
    assert files_of(second) == taken


@pytest.mark.parametrize(
    "changes",
    [
        {"rows": [ROW | FIGURES[0]]},
        {"rows": [ROW | {"n": 0} | FIGURES[0], ROW | FIGURES[1] | {"share_ge_3": None}]},
        {"rows": []},
        {"sample": True},
        {"licence": "CC-BY-4.0"},
        {"columns": writers.json_columns(writers.TRENDS)[:-1]},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_table_that_says_anything_else_is_made_anew(tmp_path: Path, changes: dict[str, Any]) -> None:
    is_made_anew(tmp_path, a_table, changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"records": [RECORD | {"title": "W"}]},
        {"records": []},
        {"sample": True},
        {"title": TITLE | {"cy": "Cwbl"}},
        {"columns": writers.json_columns(writers.records())[:-1]},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_pack_that_says_anything_else_is_made_anew(tmp_path: Path, changes: dict[str, Any]) -> None:
    is_made_anew(tmp_path, a_pack, changes)


def is_made_anew(tmp_path: Path, made: Callable[..., dict[str, Any]], changes: dict[str, Any]) -> None:
    first = a_release(tmp_path, made("2026-10-01.01"))
    second = a_release(tmp_path, made("2026-10-08.01", **changes), Earlier(first, BILL_OF_NOW))
    alone = a_release(tmp_path / "alone", made("2026-10-08.01", **changes))
    assert version(second) == "2026-10-08.01"
    assert files_of(second) == files_of(alone)


def test_other_code_makes_everything_anew(tmp_path: Path) -> None:
    first = a_release(tmp_path, a_table("2026-10-01.01"))
    assert version(a_release(tmp_path, a_table("2026-10-08.01"), Earlier(first, b"other code"))) == "2026-10-08.01"
    (first / SUMS).write_bytes(sums_bytes({json_name(first): sha256_of(first / json_name(first))}))
    assert version(a_release(tmp_path, a_table("2026-10-15.01"), Earlier(first, BILL_OF_NOW))) == "2026-10-15.01"


@pytest.mark.parametrize("name", [TABLE, TABLE.replace(".json", ".parquet"), TABLE.replace(".json", ".csv")])
def test_nothing_is_taken_that_is_not_as_it_was_published(tmp_path: Path, name: str) -> None:
    first = a_release(tmp_path, a_table("2026-10-01.01"))
    (first / name).write_bytes((first / name).read_bytes() + b" ")
    with pytest.raises(Damaged, match=Path(name).name):
        a_release(tmp_path, a_table("2026-10-08.01"), Earlier(first, BILL_OF_NOW))


def test_a_file_that_the_release_before_lacks_is_made(tmp_path: Path) -> None:
    first = a_release(tmp_path, a_table("2026-10-01.01"))
    for form, since in ((".ods", "2026-10-01.01"), (".parquet", "2026-10-15.01")):
        kept = {name: sha256_of(first / name) for name in files_of(first) if not name.endswith(form)}
        (first / SUMS).write_bytes(sums_bytes(kept))
        second = a_release(tmp_path / form, a_table("2026-10-15.01"), Earlier(first, BILL_OF_NOW))
        assert files_of(second).keys() == files_of(first).keys()
        assert version(second) == since
