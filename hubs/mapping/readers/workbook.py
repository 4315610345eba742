"""Workbooks (ODS, XLSX, XLS), found out by their first bytes: a name says little about what a file is."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

MAX_WORKBOOK_BYTES = 64_000_000
"""Packed. A workbook is read into memory as a whole; longer tables belong in CSV or Parquet."""
MAX_SECONDS = 120
"""For opening one workbook. Its process also has limits of its own."""

_READER = Path(__file__).with_name("workbook_process.py")
_TYPES = {"date": date, "datetime": datetime}


class UnreadableWorkbook(ValueError):
    """The file is no workbook that can be opened. ``code`` is the finding that says so."""

    def __init__(self, message: str, code: str = "unreadable_file") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Sheet:
    """One sheet: ``rows`` are its rows from the first used one, cells as text, numbers, dates or None. ``remarks`` are
    codes of findings about the workbook that it is from.
    """

    name: str
    rows: list[list[Any]]
    remarks: tuple[str, ...] = ()


def is_workbook(start: bytes) -> bool:
    """Whether a file that begins with ``start`` is a workbook (or another zip of the kind)."""
    return start.startswith((_ZIP, _OLE))


def sheets(data: bytes) -> Iterator[Sheet]:
    """The sheets in order. Raises UnreadableWorkbook, also when opening it takes more memory or time than it may."""
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as told:
        given.write(data)
        given.seek(0)
        try:
            subprocess.run(  # noqa: S603 - our own reader, with the bytes as its input
                [sys.executable, "-P", str(_READER)],
                stdin=given,
                stdout=told,
                stderr=subprocess.DEVNULL,
                timeout=MAX_SECONDS,
                check=True,
            )
        except subprocess.SubprocessError as error:
            raise UnreadableWorkbook("too large to be read: longer tables belong in CSV or Parquet") from error
        told.seek(0)
        sheet: Sheet | None = None
        remarks: tuple[str, ...] = ()
        for line in told:
            entry = json.loads(line)
            if isinstance(entry, list) and sheet is not None:
                sheet.rows.append([_cell(cell) for cell in entry])
            elif "error" in entry:
                raise UnreadableWorkbook(entry["error"], entry.get("code", "unreadable_file"))
            elif "remarks" in entry:
                remarks = tuple(entry["remarks"])
            else:
                if sheet is not None:
                    yield sheet
                sheet = Sheet(entry["sheet"], [], remarks)
        if sheet is not None:
            yield sheet


def _cell(cell: Any) -> Any:
    return _TYPES[cell[0]].fromisoformat(cell[1]) if isinstance(cell, list) else cell


def as_text(cell: Any) -> str:
    """A cell of a table as text; nothing is the empty text."""
    if cell is None:
        return ""
    return cell.isoformat() if isinstance(cell, date) else str(cell).strip()
