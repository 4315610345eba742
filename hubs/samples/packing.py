"""Writing the CSV, Parquet and zip files that hubs publish, each the same bytes for the same content.

No content is decided here, and workbooks are written by ``hubs.containers``. Archives are compared by their members and
Parquet by its table, because compressors and the writer's name differ between machines.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from hubs.containers import Rows, archive


def csv_bytes(rows: Rows, encoding: str = "utf-8") -> bytes:
    """Comma-separated text with a line feed after each row."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode(encoding)


def parquet_bytes(rows: Sequence[Sequence[str | int]]) -> bytes:
    """A compressed Parquet file of text columns, named by the first of ``rows``."""
    columns = zip(*rows, strict=True)
    table = pa.table({str(name): pa.array(map(str, values), pa.string()) for name, *values in columns})
    target = io.BytesIO()
    pq.write_table(table, target, compression="zstd", store_schema=False)
    return target.getvalue()


def zip_bytes(files: Mapping[str, bytes]) -> bytes:
    """An archive of ``files`` (path to content) in the order of their paths."""
    return archive({name: files[name] for name in sorted(files)})


def is_same(path: str, one: bytes, other: bytes) -> bool:
    """Whether two versions of the file at ``path`` hold the same: bytes, table or members of the archive."""
    if path.endswith((".zip", ".ods", ".xlsx")):
        return _members(one) == _members(other)
    if path.endswith(".parquet"):
        return _parquet(one) == _parquet(other)
    return one == other


def _members(content: bytes) -> list[tuple[str, bytes]] | None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return [(name, archive.read(name)) for name in archive.namelist()]
    except zipfile.BadZipFile:
        return None


def _parquet(content: bytes) -> pa.Table | None:
    try:
        return pq.read_table(io.BytesIO(content))
    except pa.ArrowInvalid:
        return None
