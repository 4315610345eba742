"""The process that opens one workbook: bytes in, JSON lines out, one a sheet and one a row. Run by ``workbook``.

A few bytes can claim a cell in the last row and column, or repeat a row a million million times; the parser then asks
for more memory than there is, and what asks so is ended by the system. So it is this process that ends, under limits of
its own, and not a run with other hubs' feeds in it. It imports nothing of the project, to start fast.
"""

from __future__ import annotations

import io
import json
import resource
import struct
import sys
import zipfile
from datetime import date, datetime
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum

MAX_UNPACKED_BYTES = 500_000_000
MAX_MEMORY_BYTES = 1_500_000_000
MAX_OUTPUT_BYTES = 1_000_000_000
MAX_CPU_SECONDS = 60


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
        write_sheets(sys.stdin.buffer.read())
    except (CalamineError, zipfile.BadZipFile, struct.error, ValueError) as error:
        tell({"error": str(error)})


def write_sheets(data: bytes) -> None:
    """Each sheet of cells: its name, then its rows from the first used one."""
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            size = sum(entry.file_size for entry in packed.infolist())
        if size > MAX_UNPACKED_BYTES:
            raise ValueError(f"{size // 1_000_000} MB when unpacked, over {MAX_UNPACKED_BYTES // 1_000_000} MB")
    workbook = CalamineWorkbook.from_filelike(io.BytesIO(data))
    for number, described in enumerate(workbook.sheets_metadata):
        if described.typ == SheetTypeEnum.WorkSheet:
            tell({"sheet": described.name})
            for row in workbook.get_sheet_by_index(number).to_python(skip_empty_area=True):
                tell([_cell(cell) for cell in row] if any(cell != "" for cell in row) else [])


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
