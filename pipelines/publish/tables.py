"""Every form of a release's tables, made from the JSON of each and from nothing else, so that a release whose JSON was
changed, a withdrawn record gone say, is made whole again without the store, years later, with the columns of its time.

Which rows and columns there are is for ``release``; what each form looks like for ``writers``, ``workbooks`` and
``descriptors``.

A table that says what it said in the release before keeps its files. So they name no release but a version: the one in
which the table last changed, as its JSON tells (``VERSION``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.files import json_of, reading
from pipelines.publish import descriptors, sheets, strings, workbooks, writers
from pipelines.publish.earlier import Earlier
from pipelines.publish.strings import LANGUAGES

TABLES = ("benchmarks", "distributions", "trends")
FORMS = (".ods", ".xlsx", ".csv", ".parquet", ".json", ".jsonl")
"""In the order in which readers are offered them."""
PACK = "pack"
RECORDS = "records"
PACK_FILES = (f"{PACK}.ods", f"{PACK}.xlsx", f"{RECORDS}.csv", f"{PACK}.json", f"{RECORDS}.jsonl")
VERSION = "tables"
"""The field of a table's JSON that tells of its other forms: their ``version`` (the release in which they last
changed), and when that was ``published``.
"""
_CONTENT = ("title", "licence", "sample", "columns", "rows", "records")
"""What the other forms are made of, besides their version."""


def write_json(folder: Path, name: str, data: Mapping[str, Any], earlier: Earlier | None = None) -> bool:
    """Write ``data`` as the JSON called ``name`` into the release ``folder``. Where the table is the same as in the
    release before (``earlier``), every other form of it is taken over from there. Gives whether these are still to be
    made, by ``write_other_forms``. Raises what ``Earlier.take`` raises.
    """
    before = earlier.told(name) if earlier else None
    same = before if before and _is_alike(before, data) else None
    (folder / name).write_bytes(_json(data, same))
    return not (same and earlier and earlier.take(_forms_of(name), folder))


def write_rows(
    folder: Path,
    spec: writers.TableSpec,
    rows: pa.Table,
    about: Mapping[str, Any],
    earlier: Earlier | None = None,
) -> bool:
    """As ``write_json``, of a table of benchmarks: ``rows`` has the columns of ``spec``, and ``about`` is what the JSON
    says before them. Rows that are those of the release before do not become JSON again.
    """
    name = f"benchmarks/{spec.name}.json"
    told = {**about, "columns": writers.json_columns(spec)}
    kept = _kept_rows(earlier, spec, rows) if earlier else None
    before = json_of(kept[0]) if kept else {}
    if not kept or not _is_alike(before, told):
        return write_json(folder, name, {**told, "rows": writers.json_rows(spec, rows.to_pylist())})
    (folder / name).write_bytes(_json(told, before).removesuffix(writers.END) + kept[1])
    return not (earlier and earlier.take(_forms_of(name), folder))


def _kept_rows(earlier: Earlier, spec: writers.TableSpec, rows: pa.Table) -> tuple[bytes, bytes] | None:
    """The JSON of a table in the release before, without its rows, and the bytes of these; None when they are not
    ``rows``. That is asked of its Parquet, which is made of them.
    """
    json, parquet = (earlier.read(f"benchmarks/{spec.name}{form}") for form in (".json", ".parquet"))
    if json is None or parquet is None:
        return None
    if not rows.select(spec.names).cast(writers.schema(spec)).equals(pq.read_table(pa.BufferReader(parquet))):
        return None
    start = json.index(writers.ROWS)
    return json[:start] + writers.END, json[start:]


def _json(data: Mapping[str, Any], same: Mapping[str, Any] | None) -> bytes:
    """The JSON of a table, which says since when it is as it is: ``same`` is that of the release before, if so."""
    moment = {field: data[field] for field in ("release", "published")}
    own = {"version": data["release"], "published": data["published"]}
    return writers.json_bytes({**moment, VERSION: same[VERSION] if same else own, **data})


def write_other_forms(folder: Path, name: str) -> None:
    """Write every other form of the table or pack whose JSON is called ``name`` in the release ``folder``, from that
    alone. What is there is overwritten.

    Raises FileNotFoundError, files.Damaged when the JSON cannot be read or is no table, ``sheets.Unwritable`` when it
    fits into no workbook.
    """
    path = folder / name
    if path.name == f"{PACK}.json":
        write_pack_tables(path.parent)
    else:
        with reading(path) as data:
            _write_table(path, data)


def _is_alike(before: Mapping[str, Any], data: Mapping[str, Any]) -> bool:
    return VERSION in before and all(before.get(field) == data.get(field) for field in _CONTENT)


def _forms_of(name: str) -> list[str]:
    """The other forms of the table whose JSON is called ``name``."""
    path = PurePosixPath(name)
    if path.name == f"{PACK}.json":
        names = [*(f"{PACK}{suffix}" for suffix in sheets.WRITERS), f"{RECORDS}.csv", f"{RECORDS}.jsonl"]
        csv = f"{RECORDS}.csv"
    else:
        names = [f"{path.stem}{form}" for form in FORMS if form != path.suffix]
        csv = f"{path.stem}.csv"
    return [str(path.with_name(one)) for one in (*names, f"{csv}{descriptors.CSVW_END}")]


def write_tables(folder: Path) -> None:
    """Write every other form of the tables whose JSON is in ``folder`` (``benchmarks``): CSV, JSON Lines, Parquet, ODS,
    XLSX and the description of the CSV. What is there is overwritten.

    Raises files.Damaged when a JSON cannot be read or is no table, ``sheets.Unwritable`` when it fits into no workbook.
    """
    for name in TABLES:
        if (folder / f"{name}.json").exists():
            write_other_forms(folder, f"{name}.json")


def write_pack_tables(folder: Path) -> None:
    """Write every other form of the records in ``pack.json`` in ``folder`` (``packs/<id>``): ``records.csv`` and its
    description, ``records.jsonl``, ``pack.ods`` and ``pack.xlsx``. What is there is overwritten.

    Raises FileNotFoundError, files.Damaged and ``sheets.Unwritable`` as ``write_tables`` does.
    """
    with reading(folder / f"{PACK}.json") as data:
        spec, rows = writers.spec_of(RECORDS, data["columns"]), data["records"]
        title: Mapping[str, str] = data["title"]
        about = _about(data, f"{PACK}.json", title, _told(RECORDS), licence=None)
        _write_plain(folder / RECORDS, spec, rows)
        _write_csvw(folder / f"{RECORDS}.csv", spec, about)
        _write_workbooks(folder / PACK, spec, rows, about)


def _write_table(path: Path, data: Mapping[str, Any]) -> None:
    name, rows = path.stem, data["rows"]
    spec = writers.spec_of(name, data["columns"])
    about = _about(data, path.name, _title(name), _told(name), data["licence"])
    _write_plain(path, spec, rows)
    writers.write_parquet(path.with_suffix(".parquet"), spec, rows)
    _write_csvw(path.with_suffix(".csv"), spec, about)
    _write_workbooks(path, spec, rows, about)


def _write_plain(path: Path, spec: writers.TableSpec, rows: Sequence[Mapping[str, Any]]) -> None:
    path.with_suffix(".csv").write_bytes(writers.csv_bytes(spec, rows))
    path.with_suffix(".jsonl").write_bytes(writers.jsonl_bytes(spec, rows))


def _write_csvw(path: Path, spec: writers.TableSpec, about: workbooks.About) -> None:
    told = descriptors.csvw(spec, path.name, about)
    path.with_name(f"{path.name}{descriptors.CSVW_END}").write_bytes(writers.json_bytes(told))


def _write_workbooks(
    path: Path, spec: writers.TableSpec, rows: Sequence[Mapping[str, Any]], about: workbooks.About
) -> None:
    book = workbooks.workbook(spec, rows, about)
    for suffix, write in sheets.WRITERS.items():
        path.with_suffix(suffix).write_bytes(write(book))


def _title(name: str) -> dict[str, str]:
    return {language: strings.text(f"table.{name}", language) for language in LANGUAGES}


def _told(name: str) -> dict[str, str]:
    return {language: strings.text(f"table.{name}.description", language) for language in LANGUAGES}


def _about(
    data: Mapping[str, Any],
    file: str,
    title: Mapping[str, str],
    description: Mapping[str, str],
    licence: str | None,
) -> workbooks.About:
    since = data.get(VERSION)  # JSON of older versions tells of the release alone
    version = since["version"] if since else data["release"]
    moment = published(since or data)
    return workbooks.About(title, description, version, moment, licence, file, is_sample=data.get("sample", False))


def published(data: Mapping[str, Any]) -> datetime:
    """When the release came out that ``data`` is a file of. Those of older versions say no time: the day in its id."""
    return datetime.fromisoformat(data.get("published") or f"{data['release'][:10]}T00:00:00+00:00").astimezone(UTC)
