"""Documents that come as rows: CSV, JSON, JSON Lines and sheets. One row, one record."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from hubs.contract.records import canonical_json
from hubs.mapping.fields import Material, is_empty
from hubs.mapping.text import tidy

MAX_CELL_CHARACTERS = 1_000_000
csv.field_size_limit(MAX_CELL_CHARACTERS)

DELIMITERS = ",;\t|"


class UnreadableRows(ValueError):
    """The file holds no rows. The message says where it goes wrong."""


def delimiter_of(header: str) -> str:
    """The separator that parts most columns in the first line of a CSV file."""
    return max(DELIMITERS, key=header.count)


def column_name(cell: object) -> str:
    """A column's name as fields are called: ``Technology types`` is ``technology_types``."""
    return "_".join(str(cell).strip().lower().replace("-", " ").split()) if not is_empty(cell) else ""


def csv_rows(text: str, header_row: int = 1) -> Iterator[tuple[int, dict[str, Any]]]:
    """Number (from 1) and cells by column of each row of data. Raises UnreadableRows."""
    text = tidy(text)
    header = next(islice(text.split("\n"), header_row - 1, None), "")
    lines = csv.reader(io.StringIO(text), delimiter=delimiter_of(header), strict=True)
    try:
        yield from table_rows(iter(lines), header_row)
    except csv.Error as error:
        raise UnreadableRows(f"line {lines.line_num}: {error}") from error


def table_rows(lines: Iterator[list[Any]], header_row: int = 1) -> Iterator[tuple[int, dict[str, Any]]]:
    """Number and cells by column (names as they stand) of each row that is not empty.

    Raises UnreadableRows for a row that has more cells than the header.
    """
    for _ in range(header_row - 1):
        next(lines, None)
    header = [str(cell).strip() for cell in next(lines, [])]
    if not any(header):
        raise UnreadableRows("there is no line that names the columns")
    for number, cells in enumerate(lines, start=1):
        if all(is_empty(cell) for cell in cells):
            continue
        if any(not is_empty(cell) for cell in cells[len(header) :]):
            raise UnreadableRows(f"row {number} has {len(cells)} cells where the header names {len(header)} columns")
        yield number, {name: cell for name, cell in zip(header, cells, strict=False) if name}


def json_rows(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Number and members of each object in a JSON list, in a list inside one object, or in JSON Lines.

    Raises UnreadableRows.
    """
    data = _json(text)
    if isinstance(data, dict):
        lists = [value for value in data.values() if isinstance(value, list)]
        data = lists[0] if len(lists) == 1 else [data]
    if not isinstance(data, list):
        raise UnreadableRows("neither a list of objects nor an object a line")
    for number, item in enumerate(data, start=1):
        if not isinstance(item, dict):
            raise UnreadableRows(f"entry {number} is no object")
        yield number, item


def _json(text: str) -> Any:
    stripped = text.strip()
    try:
        return json.loads(stripped)
    except json.JSONDecodeError as whole:
        lines = [line for line in stripped.split("\n") if line.strip()]
        message = f"not JSON: line {whole.lineno}: {whole.msg}"
    except (ValueError, RecursionError) as error:
        raise UnreadableRows("not JSON that can be read: nested too deeply, or a number too long") from error
    try:
        if len(lines) > 1:
            return [json.loads(line) for line in lines]
    except (ValueError, RecursionError) as error:
        raise UnreadableRows(message) from error
    raise UnreadableRows(message)


def materials(file: str, sheet: str, rows: Iterator[tuple[int, dict[str, Any]]]) -> Iterator[Material]:
    """Each row as material for the rules."""
    for number, cells in rows:
        place = f"sheet {sheet}, row {number}" if sheet else f"row {number}"
        raw = canonical_json({name: _plain(cell) for name, cell in cells.items()}).encode()
        yield Material(file, place, {k: v for k, v in cells.items() if not is_empty(v)}, "", raw)


def _plain(cell: Any) -> Any:
    return cell if isinstance(cell, str | int | float | bool | list | dict | type(None)) else str(cell)
