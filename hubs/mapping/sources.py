"""Feeds in a shape of their own: the sources of a registration, one after the other. The first source takes a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from hubs.contract.findings import Finding
from hubs.mapping.account import MAX_MARKDOWN_BYTES, Account
from hubs.mapping.fields import Material, is_empty, lookup, mapped_document, reason_to_skip
from hubs.mapping.native import rows_of, with_detail
from hubs.mapping.readers.faq_page import split_page
from hubs.mapping.readers.markdown import joined, read_markdown
from hubs.mapping.readers.rows import UnreadableRows, materials
from hubs.mapping.spec import (
    DocumentSource,
    Expect,
    FaqPageSource,
    Join,
    MarkdownSource,
    RowsSource,
    TableSource,
)

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
            from hubs.mapping.tables import read_tables

            read_tables(account, source, files, registration)
        else:
            _read_documents(account, source, files, registration)
    if not has_files and not account.is_complete:
        account.held_by.clear()
        account.findings = [f for f in account.findings if f.code != "mapping_expectation_failed"]
        account.hold("not_a_feed", "no source of the registration finds a file")


def _files(account: Account, globs: Iterable[str], exclude: Iterable[str]) -> list[str]:
    without = {name for glob in exclude for name in account.feed.glob(glob)} | account.taken
    return sorted({name for glob in globs for name in account.feed.glob(glob)} - without)


def _check_files(account: Account, expect: Expect, label: str, found: int) -> None:
    if found < expect.files_min:
        account.fail_expectation(label, f"{found} files, expected at least {expect.files_min}")
    if expect.files_max is not None and found > expect.files_max:
        account.fail_expectation(label, f"{found} files, expected at most {expect.files_max}")


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
            account.fail_expectation(source.label, f"{has_key[key]} of {read} records have '{key}'")


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
        if account.text_file(file, "Markdown") is not None:
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
