"""The tables of a feed, in the contract's columns or by a source's rules, and what is left out of them.

The only part of reading a feed that needs the libraries for tables, which take long to import: ``native`` and
``sources`` import this module when they meet the first table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from hubs.contract.findings import Finding
from hubs.contract.identifiers import identified
from hubs.contract.records import RawTable, UnreadableTable
from hubs.mapping.account import MAX_WHOLE_FILE_BYTES, Account
from hubs.mapping.columns import (
    MappedTable,
    Tally,
    UnmappableTable,
    native_batches,
    native_positions,
    read_lookup,
)
from hubs.mapping.readers.tables import TableFile, open_table, sheet_table
from hubs.mapping.readers.workbook import Sheet
from hubs.mapping.spec import ColumnRule, Lookup, TableSource

if TYPE_CHECKING:
    from hubs.registration import Registration

MAX_COLUMNS_LOOKED_AT = 300
"""Columns that are not allowed and whose first values are looked at all the same, for identifiers."""
MAX_COLUMNS_NAMED = 10
"""Columns that are not allowed are named one by one up to this many, then only counted."""


# In the contract's columns.


def read_table_file(account: Account, file: str, kind: str, registration: Registration) -> None:
    """Take a file that has the contract's own columns."""
    try:
        table = open_table(file, account.feed.files[file])
    except UnreadableTable as error:
        account.findings.append(error.finding)
        return
    account.findings += [Finding(code, file, detail=detail) for code, detail in table.remarks]
    add_contract_table(account, (file, ""), kind, table, registration)


def add_contract_table(
    account: Account, where_is: tuple[str, str], kind: str, table: TableFile, registration: Registration
) -> None:
    """Take a table that has the contract's own columns, whatever their order. ``where_is`` is its file and place."""
    file, place = where_is
    try:
        where, missing, extra = native_positions(kind, table.columns)
    except ValueError as error:
        account.find("unreadable_file", file, str(error))
        return
    account.findings += [Finding("missing_column", file, field=name, detail=place or None) for name in missing]
    account.findings += columns_not_allowed(file, [table.columns[number] for number in extra])
    if missing:
        return
    if not table.has_rows:
        account.find("no_records_in_file", file, place or None)
        return
    how, [sector] = (
        ("cover", account.cover["sectors"]) if "sectors" in account.cover else ("registration", [registration.sector])
    )
    derived = {} if "sector" in where else {"sector": how}
    batches = partial(native_batches, kind, table, where, sector)
    account.tables.append(RawTable(kind, file, place, batches, derived, *_unread(table, extra)))


def columns_not_allowed(file: str, columns: list[str]) -> list[Finding]:
    """A finding for each column that is left unread, or one for all of them when they are many."""
    # Where a file has no line of headings, its first row is taken for one.
    is_withheld = {name for name in columns if identified(name, with_names=False)}
    names = ["a heading that is not repeated" if name in is_withheld else name[:60] for name in columns if name]
    if len(names) <= MAX_COLUMNS_NAMED:
        return [Finding("column_not_allowed", file, field=name) for name in names]
    detail = f"first of them: {', '.join(names[:MAX_COLUMNS_NAMED])}"
    return [Finding("column_not_allowed", file, count=len(names), detail=detail)]


def _unread(table: TableFile, positions: Sequence[int]) -> tuple[tuple[str, ...], Callable[[], list[tuple[str, Any]]]]:
    """The headings of columns that are left unread, and what looks at the first rows of them."""
    positions = [number for number in positions if table.columns[number]][:MAX_COLUMNS_LOOKED_AT]
    names = tuple(table.columns[number] for number in positions)

    def first_values() -> list[tuple[str, Any]]:
        first = next(iter(table.batches(positions)), None) if positions else None
        if first is None:
            return []
        columns = [first.column(str(number)).unify_dictionaries().chunk(0) for number in positions]
        return [(name, column.dictionary) for name, column in zip(names, columns, strict=True)]

    return names, first_values


def add_sheet(account: Account, file: str, kind: str, sheet: Sheet, registration: Registration) -> None:
    """Take a sheet of a workbook that has the contract's own columns."""
    place = f"sheet {sheet.name}"
    try:
        table = sheet_table(file, sheet.rows)
    except UnreadableTable as error:
        account.find("unreadable_file", file, f"{place}: {error.finding.detail}")
        return
    add_contract_table(account, (file, place), kind, table, registration)


# By the rules of a source.


def read_tables(account: Account, source: TableSource, files: list[str], registration: Registration) -> None:
    """Take each of ``files`` as the rules of ``source`` say, or hold the feed where it is not as expected."""
    lookups = _lookups(account, source)
    rows = 0
    asked: set[str] = set()
    for file in files:
        table = _table(account, file, source)
        if table is None:
            continue
        missing = [name for name in source.expect.columns if name not in table.columns]
        if missing:
            account.fail_expectation(source.label, f"{file} has no column {', '.join(name[:60] for name in missing)}")
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
            account.fail_expectation(source.label, f"no file has the column of question {name}")
    if rows < source.expect.rows_min:
        account.fail_expectation(source.label, f"{rows} rows, expected at least {source.expect.rows_min}")


def _table(account: Account, file: str, source: TableSource) -> TableFile | None:
    try:
        table = open_table(file, account.feed.files[file], source.sheet, source.header_row)
    except UnreadableTable as error:
        account.findings.append(error.finding)
        return None
    account.findings += [Finding(code, file, detail=detail) for code, detail in table.remarks]
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
    others = [number for number in range(len(mapped.table.columns)) if number not in read]
    if source.other_columns and others:
        account.skip(file, source.other_columns, f"{len(others)} columns")
        others = []
    account.findings += columns_not_allowed(file, [mapped.table.columns[number] for number in others])
    for reason, count in tally.dropped.items():
        if count:
            account.skip(file, reason, f"{count} rows")
    if tally.blank:
        account.skip(file, "No answer given.", f"{tally.blank} cells")
    account.findings += [
        Finding("value_left_out", file, field=field, value=value or None, count=count)
        for (field, value), count in tally.left_out.items()
    ]
    account.tables.append(
        RawTable(source.kind, file, "", mapped.batches, _derived(source), *_unread(mapped.table, others))
    )
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
        account.fail_expectation(label, f"the file {rule.file} to look up values in is gone")
        return {}
    if rule.file not in account.taken:
        account.taken.add(rule.file)
        account.skip(rule.file, "Read only to look up values.")
    if account.feed.size(rule.file) > MAX_WHOLE_FILE_BYTES:
        account.fail_expectation(
            label, f"{rule.file}, to look up values in, has more than {MAX_WHOLE_FILE_BYTES:,} bytes"
        )
        return {}
    try:
        return read_lookup(open_table(rule.file, account.feed.files[rule.file]), rule.key, rule.column)
    except (UnreadableTable, UnmappableTable) as error:
        account.fail_expectation(label, f"values cannot be looked up in {rule.file}: {error}")
        return {}
