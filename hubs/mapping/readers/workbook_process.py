"""The process that opens one workbook: bytes in, JSON lines out, one a sheet and one a row. Run by ``workbook``.

A few bytes can claim a cell in the last row and column, or repeat a row a million million times; the parser then asks
for more memory than there is, and what asks so is ended by the system. So it is this process that ends, under limits of
its own, and not a run with other hubs' feeds in it. It imports nothing of the project, to start fast.
"""

from __future__ import annotations

import io
import json
import re
import resource
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime
from fnmatch import fnmatchcase as fnmatch
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum

FORMULAS = (("xl/worksheets/*.xml", re.compile(rb"<(?:x:)?f[ >/]")), ("content.xml", re.compile(rb"table:formula=")))
"""Parts of a workbook, and what stands in them where a cell is worked out."""
MACROS = ("*/vbaProject.bin", "Basic/*", "Scripts/*")
OLE_MACROS = "_VBA_PROJECT".encode("utf-16-le")
PIECE_BYTES, MARK_BYTES = 1 << 20, 32

MAX_UNPACKED_BYTES = 500_000_000
MAX_MEMORY_BYTES = 1_500_000_000
MAX_OUTPUT_BYTES = 1_000_000_000
MAX_CPU_SECONDS = 60
MAX_MANIFEST_BYTES = 1_000_000

NO_WORKBOOK = "no workbook: archives and documents inside a feed are not opened"
DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError)
"""What reading a damaged or locked zip raises."""


def main() -> None:
    """Read standard input, write sheets to standard output; an unreadable workbook is one line ``{"error": …}``."""
    for limit, value in (
        (resource.RLIMIT_AS, MAX_MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, MAX_OUTPUT_BYTES),
        (resource.RLIMIT_CPU, MAX_CPU_SECONDS),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (value, value))
    try:
        data = sys.stdin.buffer.read()
        if needs_password(data):
            tell({"error": "it needs a password; save it without one", "code": "protected_file"})
        else:
            write_sheets(data)
    except (CalamineError, *DAMAGE) as error:
        # What the library says of a zip that holds no workbook helps nobody.
        tell({"error": NO_WORKBOOK if "detect file format" in str(error) else str(error)})


def needs_password(data: bytes) -> bool:
    """Whether the workbook is encrypted: in Microsoft's container as a stream of that name, in ODS by its manifest."""
    if not zipfile.is_zipfile(io.BytesIO(data)):
        return "EncryptedPackage".encode("utf-16-le") in data
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        name = "META-INF/manifest.xml"
        listed = packed.getinfo(name) if name in packed.namelist() else None
        return (
            listed is not None and listed.file_size <= MAX_MANIFEST_BYTES and b"encryption-data" in packed.read(listed)
        )


def write_sheets(data: bytes) -> None:
    """Each sheet of cells: its name, then its rows from the first used one."""
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            size = sum(entry.file_size for entry in packed.infolist())
        if size > MAX_UNPACKED_BYTES:
            raise ValueError(f"{size // 1_000_000} MB when unpacked, over {MAX_UNPACKED_BYTES // 1_000_000} MB")
    tell({"remarks": list(remarks(data))})
    workbook = CalamineWorkbook.from_filelike(io.BytesIO(data))
    for number, described in enumerate(workbook.sheets_metadata):
        if described.typ == SheetTypeEnum.WorkSheet:
            tell({"sheet": described.name})
            for row in workbook.get_sheet_by_index(number).to_python(skip_empty_area=True):
                tell([_cell(cell) for cell in row] if any(cell != "" for cell in row) else [])


def remarks(data: bytes) -> Iterator[str]:
    """Codes of findings about what a workbook holds beside values."""
    if not zipfile.is_zipfile(io.BytesIO(data)):
        if OLE_MACROS in data:
            yield "macros_not_run"
        return
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        names = packed.namelist()
        if any(_holds(packed, name, mark) for name in names for part, mark in FORMULAS if fnmatch(name, part)):
            yield "formula_cells"
    if any(fnmatch(name, part) for name in names for part in MACROS):
        yield "macros_not_run"


def _holds(packed: zipfile.ZipFile, name: str, mark: re.Pattern[bytes]) -> bool:
    """Whether ``mark`` stands in a part, which is looked through piece by piece."""
    before = b""
    with packed.open(name) as part:
        while piece := part.read(PIECE_BYTES):
            if mark.search(before + piece):
                return True
            before = piece[-MARK_BYTES:]
    return False


def tell(data: Any) -> None:
    """One line of output."""
    sys.stdout.write(json.dumps(data) + "\n")


def _cell(cell: Any) -> Any:
    """A cell as people see it: 3, not 3.0; a day, not midnight. Days and times come as a list: their type, then ISO."""
    if isinstance(cell, float) and cell.is_integer():
        return int(cell)
    if isinstance(cell, datetime):
        is_day = cell.time() == datetime.min.time()
        return ["date", cell.date().isoformat()] if is_day else ["datetime", cell.isoformat()]
    if isinstance(cell, date):
        return ["date", cell.isoformat()]
    if cell == "":
        return None
    return cell if isinstance(cell, str | int | float | bool | None) else str(cell)


if __name__ == "__main__":
    main()
