"""Workbooks (ODS, XLSX, XLS), found out by their first bytes: a name says little about what a file is."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook

_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

MAX_WORKBOOK_BYTES = 500_000_000
"""Unpacked. A workbook is read into memory as a whole. Longer tables belong in CSV or Parquet."""


class UnreadableWorkbook(ValueError):
    """The file is no workbook that can be opened."""


@dataclass(frozen=True)
class Sheet:
    """One sheet: ``rows`` are its rows from the first used one, cells as text, numbers, dates or None."""

    name: str
    rows: list[list[Any]]


def is_workbook(start: bytes) -> bool:
    """Whether a file that begins with ``start`` is a workbook (or another zip of the kind)."""
    return start.startswith((_ZIP, _OLE))


def sheets(data: bytes) -> Iterator[Sheet]:
    """The sheets in order. Raises UnreadableWorkbook."""
    try:
        size = _unpacked_bytes(data)
        if size > MAX_WORKBOOK_BYTES:
            raise UnreadableWorkbook(f"{size // 1_000_000} MB when unpacked, over {MAX_WORKBOOK_BYTES // 1_000_000} MB")
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(data))
        for name in workbook.sheet_names:
            rows = workbook.get_sheet_by_name(name).to_python(skip_empty_area=True)
            yield Sheet(name, [[_cell(cell) for cell in row] for row in rows])
    except (CalamineError, zipfile.BadZipFile) as error:
        raise UnreadableWorkbook(str(error)) from error


def _unpacked_bytes(data: bytes) -> int:
    if not data.startswith(_ZIP):
        return len(data)
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        return sum(entry.file_size for entry in packed.infolist())


def _cell(cell: Any) -> Any:
    """A cell as people see it: 3, not 3.0; a day, not midnight."""
    if isinstance(cell, float) and cell.is_integer():
        return int(cell)
    if isinstance(cell, datetime) and cell.time() == datetime.min.time():
        return cell.date()
    return None if cell == "" else cell


def as_text(cell: Any) -> str:
    """A cell of a table as text; nothing is the empty text."""
    if cell is None:
        return ""
    return cell.isoformat() if isinstance(cell, date) else str(cell).strip()
