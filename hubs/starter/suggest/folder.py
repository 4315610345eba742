"""Looking at an unknown folder without being harmed by it: which files there are, and the beginning of each.

Reading is bounded everywhere, links are not followed, and what is left unseen is counted. What it all means is guessed
elsewhere.
"""

from __future__ import annotations

import codecs
import csv
import io
import os
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

from hubs.feed import NOT_CONTENT
from hubs.mapping.fields import INDEX_NAMES, Material, is_empty
from hubs.mapping.readers.markdown import split_front_matter
from hubs.mapping.readers.rows import DELIMITERS, UnreadableRows, delimiter_of, json_rows, told_apart
from hubs.mapping.readers.workbook import MAX_WORKBOOK_BYTES, UnreadableWorkbook, is_workbook, sheets
from hubs.mapping.text import Heading, clean, decode, headings, not_text, plain, tidy
from hubs.yamlfile import UnreadableYaml

MAX_FILES = 50_000
"""As many as a feed may have."""
MAX_PAGES_PER_FOLDER, MAX_PAGES = 200, 2_000
MAX_PAGE_BYTES, MAX_PAGES_BYTES = 1_000_000, 64_000_000
"""Of one page, and of all."""
LONG_TEXT = 20_000
"""Characters of a page beyond which it is long, however much of it is marks."""
MAX_TABLES = 100
MAX_TABLE_BYTES = 8_000_000
"""Of one table, from its beginning: far more than the rows that are looked at."""
MAX_ROWS = 2_000
MAX_COLUMNS = 2_000
HEADER_SEARCH_ROWS = 15
"""A sheet may have a title and remarks above the row that names its columns."""

MARKDOWN = {".md", ".markdown"}
TABLES = {".csv", ".tsv", ".ods", ".xlsx", ".xlsm", ".xlsb", ".xls", ".parquet", ".json", ".jsonl"}


@dataclass(frozen=True)
class Page:
    """One Markdown file. ``fault`` says that its front matter cannot be read."""

    name: str
    keys: dict[str, Any]
    body: str
    fault: bool = False

    @property
    def folder(self) -> str:
        """Path of its folder, empty at the root."""
        parent = str(PurePosixPath(self.name).parent)
        return "" if parent == "." else parent

    @cached_property
    def stem(self) -> str:
        """Its name as the mapping will call it: the folder's where the file stands for its folder."""
        return Material(self.name, "", {}, "", b"").file_name

    @property
    def is_index(self) -> bool:
        """Whether it stands for its folder."""
        return PurePosixPath(self.name).stem.lower() in INDEX_NAMES | {"_index"}

    @cached_property
    def headings(self) -> list[Heading]:
        """All its headings."""
        return headings(self.body)

    @cached_property
    def text_length(self) -> int:
        """Characters that a reader sees; of a long text, its own length."""
        return len(plain(clean(self.body)[0])) if len(self.body) < LONG_TEXT else len(self.body)

    def text(self, key: str) -> str:
        """The value of a key as text, empty if there is none."""
        value = self.keys.get(key)
        return value.strip() if isinstance(value, str) else ""


@dataclass(frozen=True)
class Table:
    """The beginning of one table. ``header_row`` counts from 1; ``sheet`` is None for a plain file."""

    name: str
    sheet: str | None
    columns: list[str]
    rows: list[list[Any]]
    header_row: int = 1
    is_cut: bool = False

    @property
    def label(self) -> str:
        """How messages call it."""
        return f"{self.name}, sheet {self.sheet}" if self.sheet else self.name

    def values(self, position: int) -> list[Any]:
        """The cells of a column that are not empty."""
        cells = (row[position] if position < len(row) else None for row in self.rows)
        return [cell for cell in cells if not is_empty(cell)]


@dataclass
class Folder:
    """What was seen. ``files`` are paths inside the folder to where they lie; ``unread`` names files that nothing was
    read from, by reason; ``remarks`` tell what the looking left out.
    """

    files: dict[str, Path] = field(default_factory=dict)
    pages: list[Page] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    unread: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    remarks: list[str] = field(default_factory=list)


def look(root: Path) -> Folder:
    """What lies in the folder, or is the one file, at ``root``. Raises OSError when it cannot be listed at all."""
    seen = Folder()
    if root.is_file():
        seen.files[root.name] = root
    else:
        _list(root, seen)
    _read_pages(seen)
    _read_tables(seen)
    return seen


def _list(root: Path, seen: Folder) -> None:
    left: Counter[str] = Counter()
    for parent, folders, names in os.walk(root, onerror=_raise):
        left["links"] += sum(Path(parent, name).is_symlink() for name in folders)
        folders[:] = sorted(name for name in folders if name not in NOT_CONTENT and not Path(parent, name).is_symlink())
        for name in sorted(set(names) - NOT_CONTENT):
            path = Path(parent, name)
            inside = path.relative_to(root).as_posix()
            if path.is_symlink() or not path.is_file():
                left["links"] += 1
            elif not inside.isprintable():
                left["names"] += 1
            elif len(seen.files) >= MAX_FILES:
                seen.remarks.append(f"only the first {MAX_FILES:,} files were looked at; a feed may not have more.")
                return
            else:
                seen.files[inside] = path
    if left["links"]:
        seen.remarks.append(f"{left['links']} links or files of other kinds are refused in a feed: take them out.")
    if left["names"]:
        seen.remarks.append(f"{left['names']} files have names that cannot be kept: rename them.")


def _raise(error: OSError) -> None:
    raise error


def suffix(name: str) -> str:
    """The ending of a file's name in small letters, with its dot."""
    return PurePosixPath(name).suffix.lower()


# Pages.


def _read_pages(seen: Folder) -> None:
    in_folder: Counter[str] = Counter()
    unseen = size = 0
    for name in sorted(n for n in seen.files if suffix(n) in MARKDOWN):
        folder = str(PurePosixPath(name).parent)
        is_enough = in_folder[folder] >= MAX_PAGES_PER_FOLDER or len(seen.pages) >= MAX_PAGES
        if is_enough or size >= MAX_PAGES_BYTES:
            unseen += 1
            continue
        data = _beginning(seen, name, MAX_PAGE_BYTES)
        if data is None:
            continue
        size += len(data)
        in_folder[folder] += 1
        seen.pages.append(_page(name, data))
    if unseen:
        seen.remarks.append(
            f"{unseen} Markdown files were not looked at: only the first {MAX_PAGES_PER_FOLDER} of a folder are, and "
            f"{MAX_PAGES:,} files or {MAX_PAGES_BYTES:,} bytes in all."
        )


def _page(name: str, data: bytes) -> Page:
    text = tidy(decode(data)[0])
    try:
        keys, body = split_front_matter(text)
    except UnreadableYaml:
        return Page(name, {}, text, fault=True)
    return Page(name, keys, body)


def _beginning(seen: Folder, name: str, limit: int) -> bytes | None:
    """The bytes of a file, at most ``limit``. None, and noted, if it is none that can be read or is no text."""
    try:
        with seen.files[name].open("rb") as stream:
            data = stream.read(limit)
    except OSError as error:
        seen.unread[f"cannot be opened ({error.strerror})"].append(name)
        return None
    if suffix(name) in TABLES and is_workbook(data[:8]):
        return data
    what = not_text(data)
    if what is None and b"\0" in data[:8_192] and not data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        what = "no text"
    if what is not None:
        seen.unread[f"{what}, whatever its name says"].append(name)
        return None
    return data


# Tables.


def _read_tables(seen: Folder) -> None:
    names = sorted(n for n in seen.files if suffix(n) in TABLES)
    if len(names) > MAX_TABLES:
        seen.remarks.append(f"{len(names) - MAX_TABLES} tables were not looked at: only the first {MAX_TABLES} are.")
    for name in names[:MAX_TABLES]:
        if suffix(name) == ".parquet":
            seen.unread["a Parquet table: write its columns yourself"].append(name)
            continue
        data = _beginning(seen, name, MAX_TABLE_BYTES)
        if data is None:
            continue
        if is_workbook(data[:8]):
            _read_workbook(seen, name)
        elif suffix(name) in (".json", ".jsonl"):
            _read_json(seen, name, data)
        else:
            _read_csv(seen, name, data)


def _read_workbook(seen: Folder, name: str) -> None:
    if seen.files[name].stat().st_size > MAX_WORKBOOK_BYTES:
        seen.unread["a workbook too large to be read"].append(name)
        return
    try:
        for sheet in sheets(seen.files[name].read_bytes()):
            rows = [row[:MAX_COLUMNS] for row in sheet.rows[: MAX_ROWS + HEADER_SEARCH_ROWS]]
            if any(any(not is_empty(cell) for cell in row) for row in rows):
                seen.tables.append(_table(name, sheet.name, rows, is_cut=len(sheet.rows) > len(rows)))
    except UnreadableWorkbook as error:
        seen.unread[f"a workbook that cannot be opened: {str(error)[:80]}"].append(name)


def _read_csv(seen: Folder, name: str, data: bytes) -> None:
    text = tidy(decode(data)[0])
    lines = text.split("\n", HEADER_SEARCH_ROWS)[:HEADER_SEARCH_ROWS]
    delimiter = delimiter_of(max(lines, key=lambda line: max(line.count(mark) for mark in DELIMITERS), default=""))
    try:
        reader = csv.reader(io.StringIO(text), delimiter=delimiter)
        rows: list[list[Any]] = [list(row[:MAX_COLUMNS]) for row in islice(reader, MAX_ROWS + HEADER_SEARCH_ROWS)]
        is_cut = next(reader, None) is not None or len(data) == MAX_TABLE_BYTES
    except csv.Error:
        seen.unread["no table of separated values"].append(name)
        return
    if not rows:
        seen.unread["nothing in it"].append(name)
        return
    seen.tables.append(_table(name, None, rows, is_cut))


def _table(name: str, sheet: str | None, rows: list[list[Any]], is_cut: bool) -> Table:
    number = _header(rows)
    header = told_apart(["" if is_empty(cell) else str(cell).strip() for cell in rows[number]])
    return Table(name, sheet, header, rows[number + 1 :], number + 1, is_cut)


def _header(rows: Sequence[Sequence[Any]]) -> int:
    """Which row (from 0) names the columns: the first that is nearly as full as the fullest of the beginning."""
    filled = [sum(not is_empty(cell) for cell in row) for row in rows[:HEADER_SEARCH_ROWS]]
    wanted = max(filled) * 0.8
    return next(number for number, count in enumerate(filled) if count >= wanted)


def _read_json(seen: Folder, name: str, data: bytes) -> None:
    """A list of alike objects is a table; any other JSON is settings."""
    records = _objects(data)[:MAX_ROWS]
    columns = list(dict.fromkeys(key for record in records for key in record))[:MAX_COLUMNS]
    if len(records) < 2:  # noqa: PLR2004 - one object is settings
        seen.unread["JSON that is no list of records"].append(name)
        return
    rows = [[record.get(column) for column in columns] for record in records]
    seen.tables.append(Table(name, None, columns, rows, is_cut=len(records) == MAX_ROWS))


def _objects(data: bytes) -> list[dict[str, Any]]:
    """The records in a whole file of JSON; none where it is something else, or only the beginning of one."""
    if len(data) == MAX_TABLE_BYTES:
        return []
    try:
        return [record for _, record in json_rows(decode(data)[0])]
    except UnreadableRows:
        return []
