"""Tables with any number of rows, read in batches as dictionary-encoded text: CSV, Parquet, sheets.

Only the columns asked for are ever turned into values; free text in the others is never held. What the columns mean is
``hubs.mapping.columns``.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from io import TextIOWrapper
from itertools import chain, islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq

from hubs.contract.findings import Finding
from hubs.contract.records import UnreadableTable
from hubs.mapping.readers.rows import delimiter_of
from hubs.mapping.readers.workbook import MAX_WORKBOOK_BYTES, UnreadableWorkbook, as_text, is_workbook, sheets
from hubs.mapping.text import not_text, utf_16_of

BLOCK_BYTES = 4 << 20
"""A batch comes from this much of a CSV file: large enough to be fast, small enough to keep memory flat."""
BATCH_ROWS = 400_000
"""Rows in a batch of a Parquet file or a sheet."""
SCAN_BYTES = 4 << 20
MAX_LINE_CHARACTERS = 4 << 20
"""Of the line that names the columns."""
MAX_CELL_BYTES = 100_000
"""In a column that is read. The longest answer ever seen in a survey is a tenth of it."""
MAX_CHUNK_BYTES, MAX_ROW_BYTES = 64 << 20, 1_000
"""A column's part of a Parquet row group is refused beyond both, the second a row: it would be unpacked at once."""

CODED = pa.dictionary(pa.int32(), pa.string())
"""How every column comes: each distinct text once a batch, and a number a row."""

_PARQUET = b"PAR1"
_RAGGED = re.compile(r"(?:Row #(\d+): )?Expected (\d+) columns, got (\d+)")


Remark = tuple[str, str | None]


class TableFile(Protocol):
    """A table in a file. ``columns`` are the names in its header, ``has_rows`` whether anything follows it,
    ``remarks`` the codes and details of findings about the file as a whole.
    """

    @property
    def columns(self) -> list[str]: ...

    @property
    def has_rows(self) -> bool: ...

    @property
    def remarks(self) -> tuple[Remark, ...]: ...

    def batches(self, wanted: Sequence[int]) -> Iterator[pa.Table]:
        """The columns at the positions ``wanted``, named by position, as ``CODED``; and ``row``, numbered from 1.

        Raises UnreadableTable.
        """
        ...


def unreadable(file: str, detail: str) -> UnreadableTable:
    """The error for a file that is no table."""
    return UnreadableTable(Finding("unreadable_file", file=file, detail=detail))


def open_table(file: str, path: Path, sheet: str | None = None, header_row: int = 1) -> TableFile:
    """The table in ``path``, told by its first bytes. ``sheet`` names one of a workbook; else its first is taken.

    Raises UnreadableTable.
    """
    with path.open("rb") as stream:
        start = stream.read(512)
    if start.startswith(_PARQUET):
        return _open_parquet(file, path)
    if is_workbook(start):
        return _open_sheet(file, path, sheet, header_row)
    if found := not_text(start):
        raise unreadable(file, f"{found}, not a table")
    return _open_csv(file, path, header_row)


# CSV.


@dataclass(frozen=True)
class _CsvTable:
    file: str
    path: Path
    encoding: str
    delimiter: str
    header_row: int
    columns: list[str]
    has_rows: bool

    @property
    def remarks(self) -> tuple[Remark, ...]:
        if self.encoding == "utf8":
            return ()
        return (("wrong_encoding", f"read as {'Windows-1252' if self.encoding == 'cp1252' else 'UTF-16'}"),)

    def batches(self, wanted: Sequence[int]) -> Iterator[pa.Table]:
        if not self.has_rows:
            return
        wanted_names = [str(position) for position in wanted]
        try:
            rows = 0
            for batch in self._reader(wanted_names):
                table = pa.Table.from_batches([batch])
                _refuse_long_cells(self.file, table, wanted_names)
                yield _numbered(table.select(wanted_names), rows)
                rows += batch.num_rows
        except (pa.ArrowInvalid, UnicodeDecodeError) as error:
            raise unreadable(self.file, _without_content(self._fault(wanted_names) or error)) from error

    def _reader(self, wanted: list[str], use_threads: bool = True) -> arrow_csv.CSVStreamingReader:
        names = [str(position) for position in range(len(self.columns))]
        return arrow_csv.open_csv(
            self.path,
            arrow_csv.ReadOptions(
                use_threads=use_threads,
                block_size=BLOCK_BYTES,
                column_names=names,
                skip_rows_after_names=self.header_row,
                encoding=self.encoding,
            ),
            arrow_csv.ParseOptions(delimiter=self.delimiter, newlines_in_values=True),
            # At least one column is read, so that rows can be counted.
            arrow_csv.ConvertOptions(
                include_columns=wanted or names[:1],
                column_types=dict.fromkeys(names, CODED),
                strings_can_be_null=False,
            ),
        )

    def _fault(self, wanted: list[str]) -> Exception | None:
        """What is wrong, as one thread finds it: it alone knows the row, and says the same on every machine."""
        try:
            for _ in self._reader(wanted, use_threads=False):
                pass
        except (pa.ArrowInvalid, UnicodeDecodeError) as error:
            return error
        return None


def _open_csv(file: str, path: Path, header_row: int) -> _CsvTable:
    encoding = _encoding_of(path)
    with path.open("rb") as stream:
        text = TextIOWrapper(stream, encoding={"utf8": "utf-8-sig"}.get(encoding, encoding), newline="")
        try:
            # A longer line comes in pieces, which does not matter to what is asked here of the lines below the header.
            pieces = iter(partial(text.readline, MAX_LINE_CHARACTERS), "")
            above = list(islice(pieces, header_row))
            if any(len(line) == MAX_LINE_CHARACTERS for line in above):
                raise unreadable(file, f"the line that names the columns has over {MAX_LINE_CHARACTERS:,} characters")
            first = above[header_row - 1 :]
            delimiter = delimiter_of(first[0] if first else "")
            lines = csv.reader(chain(first, pieces), delimiter=delimiter)
            header = next(lines, [])
            has_rows = any(any(cell.strip() for cell in line) for line in lines)
        except (csv.Error, UnicodeDecodeError) as error:
            raise unreadable(file, f"line {header_row}: {error}") from error
    if not any(name.strip() for name in header):
        raise unreadable(file, "there is no line that names the columns")
    return _CsvTable(file, path, encoding, delimiter, header_row, [name.strip() for name in header], has_rows)


def _encoding_of(path: Path) -> str:
    """``utf8``, a codec of UTF-16 or, if it is neither, ``cp1252``. Reads the whole file: about 0.1 s a GB."""
    with path.open("rb") as stream:
        chunk = stream.read(SCAN_BYTES)
        if encoding := utf_16_of(chunk):
            return encoding
        decoder = codecs.getincrementaldecoder("utf-8")()
        is_between_characters = True
        try:
            while chunk:
                if not (is_between_characters and chunk.isascii()):
                    decoder.decode(chunk)
                    is_between_characters = not decoder.getstate()[0]
                chunk = stream.read(SCAN_BYTES)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1252"
    return "utf8"


def _without_content(error: Exception) -> str:
    """What is wrong, without the line itself: it may hold what nobody should see."""
    ragged = _RAGGED.search(str(error))
    if ragged:
        row = f"row {ragged[1]} has" if ragged[1] else "a row has"
        return f"{row} {ragged[3]} cells where the header names {ragged[2]} columns"
    if isinstance(error, UnicodeDecodeError) or "UTF8" in str(error):
        return "a character is in no known encoding"
    return "not a table of separated values"


def _refuse_long_cells(file: str, table: pa.Table, names: Sequence[str]) -> None:
    for name in names:
        for chunk in table[name].chunks:
            longest = pc.max(pc.binary_length(chunk.dictionary)).as_py() or 0
            if longest > MAX_CELL_BYTES:
                raise unreadable(file, f"a cell has {longest:,} bytes, over {MAX_CELL_BYTES:,}")


def _numbered(table: pa.Table, rows_before: int) -> pa.Table:
    numbers = np.arange(rows_before + 1, rows_before + 1 + table.num_rows, dtype=np.int64)
    return table.append_column("row", pa.array(numbers))


# Parquet.


@dataclass(frozen=True)
class _ParquetTable:
    file: str
    path: Path
    columns: list[str]
    has_rows: bool
    remarks: tuple[Remark, ...] = ()

    def batches(self, wanted: Sequence[int]) -> Iterator[pa.Table]:
        names = [self.columns[position] for position in wanted]
        wanted_names = [str(position) for position in wanted]
        try:
            self._refuse_harm(names)
            file = pq.ParquetFile(self.path, read_dictionary=names)
            rows = 0
            for batch in file.iter_batches(BATCH_ROWS, columns=names):
                table = pa.table([_coded(batch.column(name)) for name in names], wanted_names)
                table.validate(full=True)  # the codes and texts of a damaged file can be anything
                _refuse_long_cells(self.file, table, wanted_names)
                yield _numbered(table, rows)
                rows += batch.num_rows
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise unreadable(self.file, "not a Parquet file of plain columns") from error

    def _refuse_harm(self, names: Sequence[str]) -> None:
        """Columns that are lists or records, that share a name, or that unpack to what no memory holds."""
        described = pq.ParquetFile(self.path)
        for name in names:
            if self.columns.count(name) > 1 or pa.types.is_nested(described.schema_arrow.field(name).type):
                raise unreadable(self.file, f"the column '{name[:60]}' holds lists or comes twice")
        groups = [described.metadata.row_group(number) for number in range(described.num_row_groups)]
        for group in groups:
            chunks = (group.column(number) for number in range(group.num_columns))
            largest = max((c.total_uncompressed_size for c in chunks if c.path_in_schema in names), default=0)
            if largest > max(MAX_CHUNK_BYTES, MAX_ROW_BYTES * group.num_rows):
                raise unreadable(self.file, f"a column unpacks to {largest:,} bytes")


def _open_parquet(file: str, path: Path) -> _ParquetTable:
    try:
        described = pq.ParquetFile(path)
        names = described.schema_arrow.names
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise unreadable(file, "not a Parquet file") from error
    return _ParquetTable(file, path, names, described.metadata.num_rows > 0)


def _coded(array: pa.Array) -> pa.Array:
    """Any plain column as coded text; nothing is the empty text."""
    if array.type == CODED and not array.null_count:
        return array
    return array.cast(pa.string()).fill_null("").dictionary_encode()


# Sheets.


@dataclass(frozen=True)
class SheetTable:
    """A table in a sheet, held as it was read."""

    file: str
    columns: list[str]
    rows: list[list[Any]]
    remarks: tuple[Remark, ...] = ()

    @property
    def has_rows(self) -> bool:
        """Whether any row has a cell with something in it."""
        return any(any(cell is not None for cell in row) for row in self.rows)

    def batches(self, wanted: Sequence[int]) -> Iterator[pa.Table]:
        """See TableFile. Rows that are empty throughout keep their number but are left out."""
        filled = [(n, row) for n, row in enumerate(self.rows, start=1) if any(cell is not None for cell in row)]
        for start in range(0, len(filled), BATCH_ROWS):
            batch = filled[start : start + BATCH_ROWS]
            columns = {
                str(position): pa.array([as_text(row[position]) for _, row in batch], pa.string()).dictionary_encode()
                for position in wanted
            }
            table = pa.table(columns | {"row": pa.array([number for number, _ in batch], pa.int64())})
            _refuse_long_cells(self.file, table, list(columns))
            yield table


def sheet_table(file: str, rows: list[list[Any]], header_row: int = 1) -> SheetTable:
    """The table whose header is the row ``header_row`` of a sheet. Raises UnreadableTable."""
    header = [as_text(cell) for cell in rows[header_row - 1]] if len(rows) >= header_row else []
    if not any(header):
        raise unreadable(file, "there is no row that names the columns")
    return SheetTable(file, header, rows[header_row:])


def _open_sheet(file: str, path: Path, sheet: str | None, header_row: int) -> SheetTable:
    if path.stat().st_size > MAX_WORKBOOK_BYTES:
        raise unreadable(file, f"over {MAX_WORKBOOK_BYTES:,} bytes: longer tables belong in CSV or Parquet")
    try:
        for candidate in sheets(path.read_bytes()):
            if sheet is None or candidate.name.strip().casefold() == sheet.strip().casefold():
                table = sheet_table(file, candidate.rows, header_row)
                return replace(table, remarks=tuple((code, None) for code in candidate.remarks))
    except UnreadableWorkbook as error:
        raise UnreadableTable(Finding(error.code, file=file, detail=str(error))) from error
    raise unreadable(file, f"there is no sheet '{sheet}'")
