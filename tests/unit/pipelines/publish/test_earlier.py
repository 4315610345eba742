"""What has not changed since the release before stays the same file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pipelines.files import Damaged, json_of, sha256_of
from pipelines.publish import writers
from pipelines.publish.bill import BILL
from pipelines.publish.earlier import Earlier
from pipelines.publish.signed import SUMS, sums_bytes
from pipelines.publish.tables import VERSION, write_json, write_other_forms, write_tables

BILL_OF_NOW = b"the code of now"
TABLE = "benchmarks/trends.json"
ROW = {column.name: None for column in writers.TRENDS.columns} | {"instrument": "one", "dimension": "all"}


def a_table(release: str, **changes: Any) -> dict[str, Any]:
    return {
        "release": release,
        "published": f"{release[:10]}T12:00:00+00:00",
        "sample": False,
        "licence": "OGL-UK-3.0",
        "columns": writers.json_columns(writers.TRENDS),
        "rows": [ROW],
    } | changes


def a_release(root: Path, data: Mapping[str, Any], earlier: Earlier | None = None) -> Path:
    """A release of one table, as far as the next one looks at it."""
    folder = root / data["release"]
    (folder / TABLE).parent.mkdir(parents=True)
    (folder / BILL).write_bytes(BILL_OF_NOW)
    if write_json(folder, TABLE, data, earlier):
        write_other_forms(folder, TABLE)
    (folder / SUMS).write_bytes(sums_bytes({name: sha256_of(folder / name) for name in files_of(folder)}))
    return folder


def files_of(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file() and path.name != SUMS)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def version(folder: Path) -> str:
    told: str = json_of((folder / TABLE).read_bytes())[VERSION]["version"]
    return told


def test_a_table_that_says_the_same_keeps_its_files_and_its_version(tmp_path: Path) -> None:
    first = a_release(tmp_path, a_table("2026-10-01.01"))
    second = a_release(tmp_path, a_table("2026-10-08.01"), Earlier(first, BILL_OF_NOW))
    third = a_release(tmp_path, a_table("2026-10-15.01"), Earlier(second, BILL_OF_NOW))
    assert [version(folder) for folder in (first, second, third)] == ["2026-10-01.01"] * 3
    forms = {name: data for name, data in files_of(first).items() if name != TABLE}
    assert len(forms) > 5
    assert forms == {name: data for name, data in files_of(third).items() if name != TABLE}
    assert not any((first / name).samefile(third / name) for name in forms)


def test_what_was_taken_over_is_what_would_have_been_made(tmp_path: Path) -> None:
    first = a_release(tmp_path, a_table("2026-10-01.01"))
    second = a_release(tmp_path, a_table("2026-10-08.01"), Earlier(first, BILL_OF_NOW))
    taken = files_of(second)
    for name in taken.keys() - {TABLE, BILL}:
        (second / name).unlink()
    write_tables(second / "benchmarks")
    assert files_of(second) == taken


@pytest.mark.parametrize(
    "changes",
    [
        {"rows": [ROW | {"dimension": "legal"}]},
        {"rows": []},
        {"sample": True},
        {"licence": "CC-BY-4.0"},
        {"columns": writers.json_columns(writers.TRENDS)[:-1]},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_table_that_says_anything_else_is_made_anew(tmp_path: Path, changes: dict[str, Any]) -> None:
    first = a_release(tmp_path, a_table("2026-10-01.01"))
    second = a_release(tmp_path, a_table("2026-10-08.01", **changes), Earlier(first, BILL_OF_NOW))
    alone = a_release(tmp_path / "alone", a_table("2026-10-08.01", **changes))
    assert version(second) == "2026-10-08.01"
    assert files_of(second) == files_of(alone)


def test_other_code_makes_everything_anew(tmp_path: Path) -> None:
    first = a_release(tmp_path, a_table("2026-10-01.01"))
    assert version(a_release(tmp_path, a_table("2026-10-08.01"), Earlier(first, b"other code"))) == "2026-10-08.01"
    (first / BILL).unlink()
    assert version(a_release(tmp_path, a_table("2026-10-15.01"), Earlier(first, BILL_OF_NOW))) == "2026-10-15.01"


@pytest.mark.parametrize("name", [TABLE, TABLE.replace(".json", ".csv")])
def test_nothing_is_taken_that_is_not_as_it_was_published(tmp_path: Path, name: str) -> None:
    first = a_release(tmp_path, a_table("2026-10-01.01"))
    (first / name).write_bytes((first / name).read_bytes() + b" ")
    with pytest.raises(Damaged, match=Path(name).name):
        a_release(tmp_path, a_table("2026-10-08.01"), Earlier(first, BILL_OF_NOW))


def test_a_file_that_the_release_before_lacks_is_made(tmp_path: Path) -> None:
    first = a_release(tmp_path, a_table("2026-10-01.01"))
    kept = {name: sha256_of(first / name) for name in files_of(first) if not name.endswith(".ods")}
    (first / SUMS).write_bytes(sums_bytes(kept))
    second = a_release(tmp_path, a_table("2026-10-08.01"), Earlier(first, BILL_OF_NOW))
    assert files_of(second).keys() == files_of(first).keys()
    assert version(second) == "2026-10-01.01"
