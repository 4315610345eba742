"""Feeds in a shape of their own: the sources of a registration, one after the other. The first source takes a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from hubs.contract.findings import Finding
from hubs.contract.records import RawTable, UnreadableTable
from hubs.mapping.account import MAX_MARKDOWN_BYTES, MAX_WHOLE_FILE_BYTES, Account
from hubs.mapping.columns import MappedTable, Tally, UnmappableTable, read_lookup
from hubs.mapping.fields import Material, is_empty, lookup, mapped_document, reason_to_skip
from hubs.mapping.native import columns_not_allowed, rows_of, with_detail
from hubs.mapping.readers.faq_page import split_page
from hubs.mapping.readers.markdown import joined, read_markdown
from hubs.mapping.readers.rows import UnreadableRows, materials
from hubs.mapping.readers.tables import TableFile, open_table
from hubs.mapping.spec import (
    ColumnRule,
    DocumentSource,
    Expect,
    FaqPageSource,
    Join,
    Lookup,
    MarkdownSource,
    RowsSource,
    TableSource,
)
from hubs.mapping.text import looks_like_html

if TYPE_CHECKING:
    from hubs.registration import Registration


def read_sources(account: Account, registration: Registration) -> None:
    """Fill ``account`` from the registration's sources, or hold the feed."""
    has_files = False
    for source in registration.sources:
        files = _files(account, source.glob, source.exclude)
        has_files = has_files or bool(files)
        account.taken.update(files)
        _check_files(account, source.expect, source.label, len(files))
        if isinstance(source, TableSource):
            _read_tables(account, source, files, registration)
        else:
            _read_documents(account, source, files, registration)
    if not has_files and not account.is_complete:
        account.held_by.clear()
        account.findings = [f for f in account.findings if f.code != "mapping_expectation_failed"]
        account.hold("not_a_feed", "no source of the registration finds a file")


def _files(account: Account, globs: Iterable[str], exclude: Iterable[str]) -> list[str]:
    without = {name for glob in exclude for name in account.feed.glob(glob)} | account.taken
    return sorted({name for glob in globs for name in account.feed.glob(glob)} - without)


def _fail(account: Account, label: str, detail: str) -> None:
    account.hold("mapping_expectation_failed", f"source {label}: {detail}")


def _check_files(account: Account, expect: Expect, label: str, found: int) -> None:
    if found < expect.files_min:
        _fail(account, label, f"{found} files, expected at least {expect.files_min}")
    if expect.files_max is not None and found > expect.files_max:
        _fail(account, label, f"{found} files, expected at most {expect.files_max}")


# Documents.


def _read_documents(account: Account, source: DocumentSource, files: list[str], registration: Registration) -> None:
    has_key: Counter[str] = Counter()
    read = 0
    left_out: Counter[tuple[str, str]] = Counter()
    first_file: dict[tuple[str, str], str] = {}
    for material, problem in _materials(account, source, files):
        reason = reason_to_skip(source.skip_when, material)
        if reason is not None:
            account.skip(material.file, reason, material.place)
            continue
        read += 1
        has_key.update(key for key in source.expect.keys if not is_empty(lookup(material.keys, key)))
        document, findings, values = mapped_document(source, material, registration)
        account.documents.append(document)
        account.findings += [with_detail(finding, problem) for finding in findings]
        for value in values:
            left_out[value] += 1
            first_file.setdefault(value, material.file)
    account.findings += [
        Finding("value_left_out", first_file[field, value], field=field, value=value, count=count)
        for (field, value), count in left_out.items()
    ]
    for key in source.expect.keys:
        if read and has_key[key] < source.expect.keys_share * read:
            _fail(account, source.label, f"{has_key[key]} of {read} records have '{key}'")


def _materials(account: Account, source: DocumentSource, files: list[str]) -> Iterator[tuple[Material, str | None]]:
    """Records of the files with what is wrong with their front matter, if anything is."""
    if isinstance(source, RowsSource):
        for file in files:
            for material in _rows(account, source, file):
                yield material, None
        return
    pages = list(_pages(account, files))
    if isinstance(source, FaqPageSource):
        for page, problem in pages:
            yield from _questions(account, source, page, problem)
    elif isinstance(source, MarkdownSource) and source.join:
        for group in _folders([page for page, _ in pages], account, source.join):
            yield joined(group, source.join), None
    else:
        yield from pages


def _pages(account: Account, files: list[str]) -> Iterator[tuple[Material, str | None]]:
    for file in files:
        if not account.fits(file, MAX_MARKDOWN_BYTES):
            continue
        if looks_like_html(account.feed.read(file)):
            account.find("unreadable_file", file, "a web page, not Markdown")
            continue
        account.text(file)
        yield read_markdown(account.feed, file)


def _questions(
    account: Account, source: FaqPageSource, page: Material, problem: str | None
) -> Iterator[tuple[Material, str | None]]:
    split = split_page(page, source)
    for place in split.others:
        account.skip(page.file, "Text that answers no question.", place)
    if not split.entries:
        account.find("no_records_in_file", page.file)
    for entry in split.entries:
        yield entry, problem


def _folders(pages: list[Material], account: Account, join: Join) -> Iterator[list[Material]]:
    """The parts of each joined record in order. Other files of the folder are left for other sources."""
    folders: dict[PurePosixPath, dict[str, Material]] = {}
    for page in pages:
        path = PurePosixPath(page.file)
        if path.name in join.order:
            folders.setdefault(path.parent, {})[path.name] = page
        else:
            account.taken.discard(page.file)
    for parts in folders.values():
        group = [parts[name] for name in join.order if name in parts]
        main = joined(group, join).file
        for part in group:
            if part.file != main:
                account.skip(part.file, f"Joined into the record of {main}.")
        yield group


def _rows(account: Account, source: RowsSource, file: str) -> list[Material]:
    found: list[Material] = []
    findings_before = len(account.findings)
    for sheet, rows in rows_of(account, file, source.kind, source.header_row, source.sheet):
        try:
            found += materials(file, sheet, rows)
        except UnreadableRows as error:
            account.find("unreadable_file", file, str(error))
            return []
    if not found and len(account.findings) == findings_before:
        account.find("no_records_in_file", file)
    return found


# Tables.


def _read_tables(account: Account, source: TableSource, files: list[str], registration: Registration) -> None:
    lookups = _lookups(account, source)
    rows = 0
    asked: set[str] = set()
    for file in files:
        table = _table(account, file, source)
        if table is None:
            continue
        missing = [name for name in source.expect.columns if name not in table.columns]
        if missing:
            _fail(account, source.label, f"{file} has no column {', '.join(name[:60] for name in missing)}")
            continue
        mapped = MappedTable(source, file, table, registration.id, registration.sector, lookups)
        try:
            read = mapped.read_positions()
        except UnmappableTable as error:
            account.findings.append(Finding("missing_column", file, field=error.column, detail=str(error)))
            continue
        asked |= set(mapped.questions)
        rows += _take(account, mapped, read)
    if source.wide:
        for name in sorted(set(source.wide.questions) - asked):
            _fail(account, source.label, f"no file has the column of question {name}")
    if rows < source.expect.rows_min:
        _fail(account, source.label, f"{rows} rows, expected at least {source.expect.rows_min}")


def _table(account: Account, file: str, source: TableSource) -> TableFile | None:
    try:
        table = open_table(file, account.feed.files[file], source.sheet, source.header_row)
    except UnreadableTable as error:
        account.findings.append(error.finding)
        return None
    if table.is_windows:
        account.find("wrong_encoding", file)
    if not table.has_rows:
        account.find("no_records_in_file", file)
        return None
    return table


def _take(account: Account, mapped: MappedTable, read: set[int]) -> int:
    """Take a table into the account with all that is left out of it. Gives its rows, 0 if it is unreadable."""
    source, file = mapped.source, mapped.file
    tally = Tally()
    try:
        for _ in mapped.batches(tally):
            pass
    except UnreadableTable as error:
        account.findings.append(error.finding)
        return 0
    others = [name for number, name in enumerate(mapped.table.columns) if number not in read]
    if source.other_columns and others:
        account.skip(file, source.other_columns, f"{len(others)} columns")
    else:
        account.findings += columns_not_allowed(file, others)
    for reason, count in tally.dropped.items():
        if count:
            account.skip(file, reason, f"{count} rows")
    if tally.blank:
        account.skip(file, "No answer given.", f"{tally.blank} cells")
    account.findings += [
        Finding("value_left_out", file, field=field, value=value or None, count=count)
        for (field, value), count in tally.left_out.items()
    ]
    account.tables.append(RawTable(source.kind, file, "", mapped.batches, _derived(source)))
    return tally.rows


def _derived(source: TableSource) -> dict[str, str]:
    """What the rows do not state themselves, or only on a scale of their own."""
    derived = {name: how for name, rule in source.columns.items() if (how := _how(rule))}
    if source.wide:
        scales = source.wide.scales.values()
        derived["level"] = "bins" if any(scale.bins for scale in scales) else "map"
    return derived if "sector" in source.columns else derived | {"sector": "registration"}


def _how(rule: ColumnRule) -> str | None:
    if rule.constant is not None:
        return "constant"
    if rule.bins:
        return "bins"
    if rule.lookup or rule.map:
        return "lookup" if rule.lookup else "map"
    return rule.origin


def _lookups(account: Account, source: TableSource) -> dict[str, dict[str, str]]:
    return {
        name: _lookup(account, rule.lookup, source.label)
        for name, rule in source.columns.items()
        if rule.lookup is not None
    }


def _lookup(account: Account, rule: Lookup, label: str) -> dict[str, str]:
    if rule.file not in account.feed.files:
        _fail(account, label, f"the file {rule.file} to look up values in is gone")
        return {}
    if rule.file not in account.taken:
        account.taken.add(rule.file)
        account.skip(rule.file, "Read only to look up values.")
    if account.feed.size(rule.file) > MAX_WHOLE_FILE_BYTES:
        _fail(account, label, f"{rule.file}, to look up values in, has more than {MAX_WHOLE_FILE_BYTES:,} bytes")
        return {}
    try:
        return read_lookup(open_table(rule.file, account.feed.files[rule.file]), rule.key, rule.column)
    except (UnreadableTable, UnmappableTable) as error:
        _fail(account, label, f"values cannot be looked up in {rule.file}: {error}")
        return {}
