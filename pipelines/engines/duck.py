"""Counting by DuckDB, in this process and beyond its memory: what does not fit goes to a folder that only its user may
read, and is gone at the end. It asks nobody for extensions.
"""

from __future__ import annotations

import glob
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import narwhals as nw
import pyarrow as pa

from pipelines.engines.frames import FILE, POSITION, Frame, Frames


class Duck(Frames):
    """DuckDB, with all cores."""

    name = "duckdb"

    @contextmanager
    def opened(self) -> Iterator[_Session]:
        with TemporaryDirectory(prefix="hubpacks-duckdb-") as spill:
            settings: dict[str, Any] = {
                "temp_directory": spill,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "preserve_insertion_order": False,
            }
            with duckdb.connect(":memory:", config=settings) as db:
                yield _Session(db)


class _Session:
    def __init__(self, db: duckdb.DuckDBPyConnection) -> None:
        self._db = db
        self._numbers = count()

    def read(self, paths: Sequence[Path], columns: Sequence[str]) -> Frame:
        names = [str(path) for path in paths]
        read = self._db.read_parquet(
            [glob.escape(name) for name in names], filename=True, file_row_number=True, union_by_name=True
        )
        rows = nw.from_native(read).select(*columns, "filename", nw.col("file_row_number").alias(POSITION))
        return rows.join(self.table({"filename": names, FILE: range(len(names))}), on="filename", how="left")

    def table(self, columns: Mapping[str, Sequence[Any]]) -> Frame:
        table = pa.table({name: pa.array(list(values)) for name, values in columns.items()})
        return self._made("table", self._db.from_arrow(table))

    def keep(self, frame: Frame) -> Frame:
        return self._made("kept", frame.to_native())

    def _made(self, what: str, relation: Any) -> Frame:
        name = f"{what}_{next(self._numbers)}"
        relation.create(name)
        return nw.from_native(self._db.table(name))
