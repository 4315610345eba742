"""Whether files are whole, signed and readable by what people have: sums, signatures, feed readers, PDF tools, and the
programs that tables are opened with.
"""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tests.judges.apart import lines_when_refused, run
from tests.publictools import TOOLS

ATOM = Path(__file__).parent / "schemas" / "atom.rnc"
_ALL_SHEETS = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1"
"""LibreOffice: commas, double quotes, UTF-8, cells as shown, a file for each sheet."""
_CUT, _FULL_CELL = " […] [cut; ", 32_767
"""What follows a text that a cell cannot hold, and how many characters it can."""
_FORMULA = "'"
"""Stands in CSV before a text that a spreadsheet would take for a formula."""


def pdf_structure_problems(paths: Iterable[Path]) -> list[str]:
    """What qpdf finds wrong with the structure of these PDFs."""
    return [line for path in paths for line in lines_when_refused(["qpdf", "--check", path], refusals=(2, 3))]


def atom_problems(feed: Path) -> list[str]:
    """Where a feed breaks the grammar of Atom, by Jing."""
    return lines_when_refused(["jing", "-c", ATOM, feed])


def sum_problems(release: Path) -> list[str]:
    """Files that are not those of ``SHA256SUMS``, by sha256sum."""
    return lines_when_refused(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], release)


def signature_problems(release: Path) -> list[str]:
    """Which of the tools that readers verify with refuse the signatures of ``SHA256SUMS``."""
    return [
        f"{tool}: {line}"
        for tool, command in TOOLS.items()
        for line in lines_when_refused(["/bin/bash", "-c", command], release, refusals=(1, 255))
    ]


def duckdb_problems(table: Path) -> list[str]:
    """Where DuckDB, told nothing but the name of a file, has other rows or columns in the CSV, JSON Lines and Parquet
    of ``table``, a path without suffix. JSON Lines leave out what has no value, so they may have fewer columns.
    """
    import duckdb

    found = {}
    with duckdb.connect() as connection:
        for suffix in (".csv", ".jsonl", ".parquet"):
            try:
                rows = connection.sql(f"select * from '{table.with_name(table.name + suffix)}'")
                found[suffix] = (list(rows.columns), len(rows.fetchall()))
            except duckdb.Error as error:
                found[suffix] = ([str(error)], -1)
    return _disagreements(found)


def pandas_problems(table: Path) -> list[str]:
    """The same, asked of pandas."""
    import pandas as pd

    found = {}
    for suffix, read in ((".csv", pd.read_csv), (".jsonl", _read_lines), (".parquet", pd.read_parquet)):
        try:
            frame = read(table.with_name(table.name + suffix))
            found[suffix] = (list(frame.columns), len(frame))
        except (OSError, ValueError) as error:
            found[suffix] = ([str(error)], -1)
    return _disagreements(found)


def _read_lines(path: Path) -> object:
    import pandas as pd

    return pd.read_json(path, lines=True)


def _disagreements(found: dict[str, tuple[list[str], int]]) -> list[str]:
    columns, rows_n = found[".csv"]
    assert len(columns) > 1, columns
    problems = []
    for suffix, (have, have_n) in found.items():
        extra = set() if suffix == ".jsonl" and not rows_n else set(have) - set(columns)
        lost = set() if suffix == ".jsonl" else set(columns) - set(have)
        if extra or lost or have_n != rows_n:
            problems.append(f"{suffix}: {have_n} rows, in CSV {rows_n}; more columns: {extra}; columns lost: {lost}")
    return problems


def office_problems(workbook: Path, table: str, rows: Path) -> list[str]:
    """Where sheet ``table`` of a workbook, as LibreOffice shows it, is not the CSV in ``rows``, cell by cell. Numbers
    may be written otherwise; the sign that keeps CSV from being run as a formula is no part of a text.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [
            "soffice",
            f"-env:UserInstallation=file://{folder}/profile",
            "--headless",
            "--convert-to",
            _ALL_SHEETS,
        ]
        status, said = run([*command, "--outdir", folder, workbook])
        shown = Path(folder) / f"{workbook.stem}-{table}.csv"
        if status or not shown.is_file():
            return [f"LibreOffice has no sheet {table}: {said}"]
        have = _rows(shown)
    want = _rows(rows)
    width = len(want[0])
    start = next((number for number, row in enumerate(have) if row[:width] == want[0]), None)
    if start is None:
        return [f"the header of {rows.name} is not in sheet {table}"]
    have = have[start : start + len(want)] if len(have) >= start + len(want) else have[start:]
    problems = [f"{len(have)} rows, not {len(want)}"] if len(have) != len(want) else []
    for number, (got, wanted) in enumerate(zip(have, want, strict=False)):
        for name, one, other in zip(want[0], got, wanted, strict=False):
            if not _is_same(one, other):
                problems.append(f"row {number}, {name}: {one!r}, not {other!r}")
    return problems


def _rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def _is_same(shown: str, told: str) -> bool:
    told = told.removeprefix(_FORMULA) if told[1:2] in ("=", "+", "-", "@", "\t", "\r") else told
    whole, mark, _ = shown.partition(_CUT)
    if mark and len(told) > len(shown) > _FULL_CELL - 100:
        return told.startswith(whole)
    if shown == told or shown.lower() == told.lower() in ("true", "false"):
        return True
    try:
        return float(shown) == float(told)
    except ValueError:
        return False


def json_problems(paths: Iterable[Path]) -> list[str]:
    """Which JSON files cannot be read as JSON and nothing more: no ``NaN``, no name twice."""
    problems = []
    for path in paths:
        try:
            json.loads(path.read_bytes(), parse_constant=_refuse, object_pairs_hook=_once)
        except ValueError as error:
            problems.append(f"{path}: {error}")
    return problems


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return found
