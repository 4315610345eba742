"""Documents that come as rows: CSV, JSON, JSON Lines and sheets. One row, one record."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from hubs.contract.records import canonical_json
from hubs.jsonfile import UnreadableJson, parse_json
from hubs.mapping.fields import Material, is_empty
from hubs.mapping.text import tidy

MAX_CELL_CHARACTERS = 1_000_000
csv.field_size_limit(MAX_CELL_CHARACTERS)
MAX_RECORDS = 50_000
"""Documents in one file. As many as a feed may have files."""

DELIMITERS = ",;\t|"


class UnreadableRows(ValueError):
    """The file holds no rows. The message says where it goes wrong."""


def delimiter_of(header: str) -> str:
    """The separator that parts most columns in the first line of a CSV file."""
    return max(DELIMITERS, key=header.count)


def told_apart(names: Sequence[str]) -> list[str]:
    """``names`` in which one that comes again gets a number, so that no column hides another."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        result.append(f"{name} ({seen[name]})" if name and seen[name] > 1 else name)
    return result


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
    header = told_apart(["" if cell is None else str(cell).strip() for cell in next(lines, [])])
    if not any(header):
        raise UnreadableRows("there is no line that names the columns")
    for number, cells in enumerate(lines, start=1):
        if all(is_empty(cell) for cell in cells):
            continue
        if any(not is_empty(cell) for cell in cells[len(header) :]):
            raise UnreadableRows(f"row {number} has {len(cells)} cells where the header names {len(header)} columns")
        named = zip(header, cells, strict=False)
        yield (
            number,
            {
                name or f"column {place}": cell
                for place, (name, cell) in enumerate(named, 1)
                if name or not is_empty(cell)
            },
        )


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
        return parse_json(stripped)
    except UnreadableJson as whole:
        lines = [line for line in stripped.split("\n") if line.strip()]
        message = f"not JSON that can be read: {whole}"
    try:
        if len(lines) > 1:
            return [parse_json(line) for line in lines]
    except UnreadableJson as error:
        raise UnreadableRows(message) from error
    raise UnreadableRows(message)


def materials(file: str, sheet: str, rows: Iterator[tuple[int, dict[str, Any]]]) -> Iterator[Material]:
    """Each row as material for the rules. Raises UnreadableRows when there are more than ``MAX_RECORDS``."""
    for count, (number, cells) in enumerate(rows, start=1):
        if count > MAX_RECORDS:
            raise UnreadableRows(f"more than {MAX_RECORDS:,} records in one file: split it")
        place = f"sheet {sheet}, row {number}" if sheet else f"row {number}"
        raw = canonical_json({name: _plain(cell) for name, cell in cells.items()}).encode()
        yield Material(file, place, {k: v for k, v in cells.items() if not is_empty(v)}, "", raw)


def _plain(cell: Any) -> Any:
    return cell if isinstance(cell, str | int | float | bool | list | dict | type(None)) else str(cell)
