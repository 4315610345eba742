"""Guessing what of a folder is read, by which sources, and what is left out for which reason.

Which pages belong together is ``pages``, what a table is ``tables``.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from glob import escape
from itertools import chain
from pathlib import PurePosixPath
from typing import Any

from hubs.instruments import Instrument
from hubs.mapping.account import reason_to_leave_out
from hubs.mapping.native import kind_of_sheet
from hubs.starter.suggest.doubts import Guess, shown
from hubs.starter.suggest.fields import one_or_all
from hubs.starter.suggest.folder import MARKDOWN, TABLES, Folder, Table, suffix
from hubs.starter.suggest.globs import globs
from hubs.starter.suggest.page_source import source
from hubs.starter.suggest.pages import Group, sort, without_clashes
from hubs.starter.suggest.surveys import survey
from hubs.starter.suggest.tables import Reading, columns_shown, records_source

MOST_SKIPPED_BY_NAME = 20
_DOCUMENT_FILES = {".pdf", ".doc", ".docx", ".odt", ".rtf", ".html", ".htm", ".ppt", ".pptx", ".odp", ".txt", ".rst"}


@dataclass
class Content:
    """Settings of what to read and of what to leave out, and surveys that only their hub can give a place."""

    sources: list[dict[str, Any]] = field(default_factory=list)
    skip: list[dict[str, Any]] = field(default_factory=list)
    drafts: list[Reading] = field(default_factory=list)


def is_native_workbook(seen: Folder) -> bool:
    """Whether the folder is nothing but a workbook with sheets called after kinds."""
    books = {table.name for table in seen.tables if table.sheet is not None}
    content = [name for name in seen.files if reason_to_leave_out(name) is None]
    return len(books) == 1 and len(content) == 1 and any(kind_of_sheet(t.sheet or "") for t in seen.tables)


def content_of(seen: Folder, banks: Mapping[str, Instrument], constants: Mapping[str, str]) -> Content:
    """What to read and what to leave out of pages and tables. ``banks`` are the known instruments, ``constants`` what
    stands in fields that a kind needs and nothing gives.
    """
    pages, tables = _of_pages(seen, constants), _of_tables(seen, banks, constants)
    return Content(pages.sources + tables.sources, tables.skip + pages.skip + _unread(seen), tables.drafts)


def _of_pages(seen: Folder, constants: Mapping[str, str]) -> Content:
    pages = sort(seen.pages)
    sources = []
    names_taken: set[str] = set()
    # Files that were not looked at are taken to be like their neighbours.
    every = {page.name for page in seen.pages}
    for group in chain.from_iterable(map(without_clashes, pages.groups)):
        mine = {page.name for page in group.pages}
        patterns: list[tuple[str, list[str]]] = [(pattern, []) for pattern in group.patterns]
        patterns = patterns or globs(mine, every - mine)
        sources.append(source(group, _name(group, names_taken), patterns, constants))
    left_out = sorted(pages.left_out.items())
    return Content(sources, [{"glob": _listed_globs(names), "reason": reason} for reason, names in left_out])


def _name(group: Group, taken: set[str]) -> str:
    """A name for the source that says what it is and where."""
    folders = {page.folder for page in group.pages}
    last = PurePosixPath(os.path.commonpath(folders) if all(folders) else "").name
    name = group.called + (f" in {last}" if last else "") + (f", {group.prefix}" if group.prefix else "")
    number, unique = 2, name
    while unique in taken:
        unique, number = f"{name} ({number})", number + 1
    taken.add(unique)
    return unique


def _of_tables(seen: Folder, banks: Mapping[str, Instrument], constants: Mapping[str, str]) -> Content:
    content = Content()
    skipped: dict[str, list[str]] = defaultdict(list)
    doubts: dict[str, list[str]] = defaultdict(list)
    by_file: dict[str, list[Table]] = defaultdict(list)
    for table in seen.tables:
        by_file[table.name].append(table)
    for name, tables in by_file.items():
        found = [_understand(table, seen.tables, banks, constants) for table in tables]
        read = [entry for entry in found if entry.settings is not None]
        content.drafts += [entry for entry in found if entry.draft is not None]
        # A file has one source: the first sheet that holds anything.
        if read:
            settings = read[0].settings or {}
            others = [doubt for entry in found if entry is not read[0] for doubt in entry.doubts]
            if len(read) > 1:
                others.append(f"{len(read) - 1} more sheets of {shown(name)} could be read, but a file has one source.")
            if others:
                settings["reader"] = Guess(settings["reader"], tuple(others))
            content.sources.append(settings)
        else:
            reason = found[0].reason
            skipped[reason].append(name)
            doubts[reason] += [doubt for entry in found for doubt in entry.doubts if entry.draft is None]
    for reason, names in sorted(skipped.items()):
        about = tuple(doubts[reason][:MOST_SKIPPED_BY_NAME])
        content.skip.append({"glob": Guess(_listed_globs(names), about), "reason": reason})
    content.sources = _alike(content.sources)
    return content


def _understand(
    table: Table, others: list[Table], banks: Mapping[str, Instrument], constants: Mapping[str, str]
) -> Reading:
    """What the table holds and how it is read. ``others`` are all tables of the folder: some say what the codes of
    another mean.
    """
    if not table.rows:
        return Reading(None, "A table without rows.", [f"{table.label} has no rows."])
    if (records := records_source(table, constants)) is not None:
        return Reading(records)
    if (found := survey(table, others, banks)) is not None:
        return found
    doubt = f"{table.label} is taken for no content: columns {columns_shown(table.columns)}."
    return Reading(None, "No table of records or answers, as far as can be told.", [doubt])


def _alike(sources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Tables that are read in the very same way are one source."""
    merged: dict[str, dict[str, Any]] = {}
    for settings in sources:
        pattern = settings["glob"]
        rest = repr({name: value for name, value in settings.items() if name != "glob"})
        if rest in merged and not isinstance(pattern, Guess) and not isinstance(merged[rest]["glob"], Guess):
            known = merged[rest]["glob"]
            merged[rest]["glob"] = [*(known if isinstance(known, list) else [known]), pattern]
        else:
            merged[rest if rest not in merged else f"{rest}{len(merged)}"] = settings
    return list(merged.values())


# What is not.


def _listed_globs(names: list[str]) -> Any:
    return one_or_all([escape(name) for name in sorted(names)])


def _unread(seen: Folder) -> list[dict[str, Any]]:
    """Files of other kinds, by their endings; those that could not be read, by name."""
    skip: list[dict[str, Any]] = []
    unread = {name for names in seen.unread.values() for name in names}
    for reason, names in sorted(seen.unread.items()):
        doubt = f"{len(names)} files, such as {shown(names[0])}, are left out: {reason}."
        skip.append({"glob": Guess(_listed_globs(names), (doubt,)), "reason": f"Not read: {reason}."})
    endings: dict[str, list[str]] = defaultdict(list)
    for name in seen.files:
        if suffix(name) not in MARKDOWN | TABLES and name not in unread and reason_to_leave_out(name) is None:
            endings[suffix(name)].append(name)
    for ending, names in sorted(endings.items()):
        if not ending or len(names) <= 2:  # noqa: PLR2004 - named, not described
            patterns = _listed_globs(names[:MOST_SKIPPED_BY_NAME])
        else:
            patterns = f"**/*{escape(PurePosixPath(names[0]).suffix)}"
        if ending in _DOCUMENT_FILES:
            count = f"{len(names)} file{'' if len(names) == 1 else 's'}"
            doubt = f"{count} ending in {ending} may hold content, but only Markdown, CSV, JSON and workbooks are read."
            skip.append({"glob": Guess(patterns, (doubt,)), "reason": "Documents of a kind that is not read."})
        else:
            skip.append({"glob": patterns, "reason": "Settings or code of the website, not content."})
    return skip
