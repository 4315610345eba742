"""Files of rows: a spool between two passes, and Parquet files that appear whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


class Spool:
    """Tables on disk between two passes. Appended to within ``with``, then read as often as wanted."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writer: pa.RecordBatchStreamWriter | None = None

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()

    def append(self, table: pa.Table) -> None:
        """Add a table whose columns are one chunk each."""
        if self._writer is None:
            self._writer = pa.ipc.new_stream(self.path, table.schema)
        self._writer.write_table(table)

    def tables(self, columns: Sequence[str] = ()) -> Iterator[pa.Table]:
        """The tables in order, each with all columns or only ``columns``."""
        if self._writer is None:
            return
        with pa.OSFile(str(self.path)) as file:
            names = pa.ipc.read_schema(file).names
            file.seek(0)
            options = pa.ipc.IpcReadOptions(included_fields=[names.index(name) for name in columns or names])
            with pa.ipc.open_stream(file, options=options) as reader:
                for batch in reader:
                    yield pa.Table.from_batches([batch])

    def remove(self) -> None:
        """Take the file away."""
        self.path.unlink(missing_ok=True)


class ParquetFile:
    """Written aside, a row group at a time, and renamed at the end of ``with`` if it has a row and nothing failed."""

    def __init__(self, path: Path, aside: Path) -> None:
        self._path = path
        self._aside = aside
        self._writer: pq.ParquetWriter | None = None
        self.rows = 0

    def __enter__(self) -> ParquetFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        aside = self.close()
        if aside is not None and kind is None:
            aside.replace(self._path)

    @property
    def path(self) -> Path | None:
        """Where the file is in the end, None without a row."""
        return self._path if self.rows else None

    def write(self, rows: pa.Table) -> None:
        """Add a row group; no rows are nothing."""
        if not rows.num_rows:
            return
        if self._writer is None:
            self._writer = pq.ParquetWriter(
                self._aside,
                rows.schema,
                compression="zstd",
                compression_level=1,
                use_dictionary=[name for name in rows.column_names if name != "row"],
                dictionary_pagesize_limit=256 << 10,  # in a column where few values repeat, give that up soon
                column_encoding={"row": "DELTA_BINARY_PACKED"},
                write_statistics=False,  # nobody looks rows up; working out the least text of a column costs time
            )
        self._writer.write_table(rows, row_group_size=rows.num_rows)
        self.rows += rows.num_rows

    def close(self) -> Path | None:
        """Finish the file. Where it lies aside, None without a row."""
        if self._writer is None:
            return None
        self._writer.close()
        return self._aside
