"""Feeds that follow the contract as it is: a Data Package at the root, or one workbook with a sheet per kind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from glob import escape
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from hubs.contract import CONTRACT_VERSION
from hubs.contract.findings import Finding
from hubs.contract.kinds import kinds, record_kinds, table_kinds
from hubs.contract.records import MANIFEST, MAX_MANIFEST_BYTES
from hubs.jsonfile import parse_json
from hubs.mapping.account import MAX_MARKDOWN_BYTES, MAX_WHOLE_FILE_BYTES, Account
from hubs.mapping.fields import Material, is_empty, native_document, resolved_terms
from hubs.mapping.readers.markdown import read_markdown
from hubs.mapping.readers.rows import (
    UnreadableRows,
    column_name,
    csv_rows,
    json_rows,
    materials,
    table_rows,
    told_apart,
)
from hubs.mapping.readers.workbook import MAX_WORKBOOK_BYTES, Sheet, UnreadableWorkbook, is_workbook, sheets
from hubs.mapping.spec import SkipRule
from hubs.mapping.text import decode, folded, looks_like_html

if TYPE_CHECKING:
    from hubs.registration import Registration


COVER_SHEETS = {"feed", "cover"}
COVER_DEFAULTS = {"sector": "sectors", "licence": "licences", "language": "languages"}
"""What a cover sheet may say of all records of its workbook, and the vocabulary of each."""
DRAFT = {"true", "yes", "y", "1", "x"}
"""What a draft is marked with: in a sheet or a CSV file every truth is text."""
MAX_WILDCARDS = 4
"""In one path of a descriptor: more of them match nothing more, but can take for ever."""
MAX_SEARCHES = 200
"""Folders and patterns in one descriptor: each is held against every file of the feed."""
MAX_PATHS = 50_000
"""Over all resources. As many as a feed may have files."""
MAX_PATH_SHOWN = 300
_WILDCARD = re.compile(r"\*+|\?|\[")

SheetRows = tuple[str, Iterator[tuple[int, dict[str, Any]]]]
"""A sheet's name (empty for a plain file) and the number and cells by column of each of its rows."""

_WORKBOOKS = {".ods", ".xlsx", ".xlsm", ".xlsb", ".xls"}
_MARKDOWN = {".md", ".markdown"}


def read_native(account: Account, registration: Registration) -> None:
    """Fill ``account`` from a feed in the contract's own shape, or hold it."""
    feed = account.feed
    if MANIFEST in feed.files:
        account.taken.add(MANIFEST)
        _read_package(account, registration)
        account.skip(MANIFEST, "Describes the feed.")
        return
    workbooks = [name for name in feed.files if "/" not in name and PurePosixPath(name).suffix.lower() in _WORKBOOKS]
    if len(workbooks) == 1:
        _read_workbook(account, workbooks[0], registration)
    elif workbooks:
        account.hold("not_a_feed", f"{len(workbooks)} workbooks; a feed without {MANIFEST} has exactly one")
    else:
        account.hold("not_a_feed", f"neither {MANIFEST} nor a workbook at its root")


# Data Package.


def _read_package(account: Account, registration: Registration) -> None:
    if not account.fits(MANIFEST, MAX_MANIFEST_BYTES):
        account.held_by.append("too_large")
        return
    data = account.feed.read(MANIFEST)
    if looks_like_html(data):
        account.hold("not_a_feed", "a web page in place of the descriptor", MANIFEST)
        return
    try:
        descriptor = parse_json(decode(data)[0])
        resources = list(_resources(descriptor))
    except ValueError as error:
        account.hold("unreadable_manifest", str(error), MANIFEST)
        return
    settings = descriptor.get("hubpacks")
    settings = settings if isinstance(settings, dict) else {}
    contract = str(settings.get("contract", ""))
    if contract != CONTRACT_VERSION:
        named = f"'{contract[:60]}'" if contract else "no version"
        account.hold("unsupported_contract", f"hubpacks.contract names {named}; known: {CONTRACT_VERSION}", MANIFEST)
        return
    if not _is_own(account, settings.get("hub"), registration, MANIFEST):
        return
    try:
        account.skip_by_rule(_skip_rules(settings.get("skip")))
    except ValueError as error:
        account.hold("unreadable_manifest", f"hubpacks.skip: {error}", MANIFEST)
        return
    listed = _Paths(account)
    for name, kind, paths in resources:
        for file in listed.files(paths):
            if file in account.taken:
                continue
            account.taken.add(file)
            if kind in kinds():
                read_contract_file(account, file, kind, registration)
            else:
                detail = (
                    f"resource '{name[:60]}' has no kind"
                    if kind is None
                    else f"'{kind[:60]}' is no kind of the contract"
                )
                account.find("unmapped_file", file, detail)


def _is_own(account: Account, stated: object, registration: Registration, file: str) -> bool:
    """Whether the feed is the hub's own as far as it says whose it is. If it is not, it is held."""
    from hubs.registration import UNREGISTERED

    name = str(stated or "").strip()
    if not name or registration.id in (UNREGISTERED, name):
        return True
    account.hold("wrong_hub", f"it names '{name[:60]}', and came as that of '{registration.id}'", file)
    return False


def _skip_rules(stated: Any) -> list[SkipRule]:
    """Files that a descriptor leaves out on purpose. Raises ValueError saying what is wrong."""
    if stated is None:
        return []
    if not isinstance(stated, list) or len(stated) > MAX_SEARCHES:
        raise ValueError(f"must be a list of at most {MAX_SEARCHES} entries with path and reason")
    rules = []
    for number, entry in enumerate(stated, start=1):
        path, reason = (entry.get("path"), entry.get("reason")) if isinstance(entry, dict) else (None, None)
        if not isinstance(path, str) or not isinstance(reason, str) or not reason.strip():
            raise ValueError(f"entry {number} needs a path and a reason, both text")
        if len(_WILDCARD.findall(path)) > MAX_WILDCARDS:
            raise ValueError(f"entry {number}: a path may have at most {MAX_WILDCARDS} wildcards")
        try:
            rules.append(SkipRule.model_validate({"glob": path.removeprefix("./"), "reason": reason.strip()}))
        except ValidationError as error:
            raise ValueError(f"entry {number}: {error.errors()[0]['msg']}") from error
    return rules


def _resources(descriptor: Any) -> Iterator[tuple[str, str | None, list[str]]]:
    """Name, kind and paths of each resource. Raises ValueError saying what is missing."""
    if not isinstance(descriptor, dict) or not isinstance(descriptor.get("resources"), list):
        raise ValueError("there is no list of resources")
    listed = 0
    for number, resource in enumerate(descriptor["resources"], start=1):
        if not isinstance(resource, dict):
            raise ValueError(f"resource {number} is no object")
        name = resource.get("name")
        if not isinstance(name, str) or not name:
            raise ValueError(f"resource {number} has no name")
        paths = resource.get("path")
        paths = [paths] if isinstance(paths, str) else paths
        if not isinstance(paths, list) or not paths or not all(isinstance(path, str) and path for path in paths):
            raise ValueError(f"resource '{name[:60]}' has no path")
        settings = resource.get("hubpacks")
        listed += len(paths)
        if listed > MAX_PATHS:
            raise ValueError(f"the resources list more than {MAX_PATHS:,} paths")
        kind = settings.get("kind") if isinstance(settings, dict) else None
        kind = kind or resource.get("kind")
        yield name, kind if isinstance(kind, str) else None, paths


class _Paths:
    """Which files the paths of one descriptor mean: a file, a folder, or a pattern of names."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._searches = 0
        self._by_folded_name: dict[str, str] | None = None

    def files(self, paths: list[str]) -> Iterator[str]:
        """The files, in order. A path that leads nowhere, or out of the feed, is a finding."""
        for path in paths:
            name, shown = path.removeprefix("./").rstrip("/"), path[:MAX_PATH_SHOWN]
            if path.startswith("/") or ".." in name.split("/") or "://" in name or "\\" in name:
                self._account.find("unsafe_path", shown)
            elif name in self._account.feed.files:
                yield name
            elif name not in self._account.feed.folders and not _WILDCARD.search(name):
                self._account.find("missing_file", shown, self._almost(name))
            else:
                yield from self._found(name, shown)

    def _almost(self, name: str) -> str | None:
        if self._by_folded_name is None:
            self._by_folded_name = {file.casefold(): file for file in self._account.feed.files}
        other = self._by_folded_name.get(name.casefold())
        return f"capitals count: the feed has '{other[:MAX_PATH_SHOWN]}'" if other else None

    def _found(self, name: str, shown: str) -> list[str]:
        self._searches += 1
        if len(_WILDCARD.findall(name)) > MAX_WILDCARDS:
            self._account.find("missing_file", shown, f"a path may have at most {MAX_WILDCARDS} wildcards")
            return []
        if self._searches > MAX_SEARCHES:
            detail = f"a descriptor may name at most {MAX_SEARCHES} folders and paths with wildcards"
            self._account.find("missing_file", shown, detail)
            return []
        feed = self._account.feed
        is_folder = name in feed.folders
        found = feed.glob("**" if name == "." else f"{escape(name)}/**" if is_folder else name)
        if not found:
            self._account.find("missing_file", shown)
        return found


def read_contract_file(account: Account, file: str, kind: str, registration: Registration) -> None:
    """Read one file that holds records of ``kind`` in the contract's own shape."""
    if kind in table_kinds():
        from hubs.mapping.tables import read_table_file

        read_table_file(account, file, kind, registration)
    elif PurePosixPath(file).suffix.lower() in _MARKDOWN:
        _read_markdown(account, file, kind, registration)
    else:
        _read_rows(account, file, kind, registration)


# Documents.


def _read_markdown(account: Account, file: str, kind: str, registration: Registration) -> None:
    if not account.fits(file, MAX_MARKDOWN_BYTES):
        return
    if account.text_file(file, "Markdown") is None:
        return
    material, problem = read_markdown(account.feed, file)
    _add(account, kind, material, registration, problem)


def _add(
    account: Account, kind: str, material: Material, registration: Registration, problem: str | None = None
) -> None:
    if str(material.keys.get("draft")).strip().casefold() in DRAFT:
        account.skip(material.file, "Marked as a draft.", material.place)
        account.find("skipped_draft", material.file, material.place or None)
        return
    if "draft" in material.keys:
        keys = {name: value for name, value in material.keys.items() if name != "draft"}
        material = Material(material.file, material.place, keys, material.body, material.raw, material.changed)
    document, findings = native_document(kind, material, registration, account.cover)
    account.documents.append(document)
    account.findings += [with_detail(finding, problem) for finding in findings]


def with_detail(finding: Finding, problem: str | None) -> Finding:
    """The finding about front matter with what is wrong there."""
    if finding.code != "unreadable_front_matter":
        return finding
    return Finding(finding.code, finding.file, finding.record, detail=problem)


def _read_rows(account: Account, file: str, kind: str, registration: Registration) -> None:
    for rows in rows_of(account, file, kind):
        _read_records(account, file, kind, rows, registration)


def _read_records(account: Account, file: str, kind: str, rows: SheetRows, registration: Registration) -> None:
    sheet, cells_by_row = rows
    place = f"sheet {sheet}" if sheet else None
    try:
        found = list(materials(file, sheet, ((n, _by_field(cells)) for n, cells in cells_by_row)))
    except UnreadableRows as error:
        account.find("unreadable_file", file, f"{place}: {error}" if place else str(error))
        return
    if not found:
        account.find("no_records_in_file", file, place)
    for material in found:
        _add(account, kind, material, registration)


def rows_of(
    account: Account, file: str, kind: str, header_row: int = 1, wanted_sheet: str | None = None
) -> Iterator[SheetRows]:
    """Each sheet of a file of documents, or the file as one, told by its first bytes."""
    if not account.fits(file, MAX_WHOLE_FILE_BYTES):
        return
    data = account.feed.read(file)
    if is_workbook(data[:8]):
        try:
            for number, sheet in enumerate(sheets(data)):
                if number == 0:
                    account.findings += [Finding(code, file) for code in sheet.remarks]
                if _is_wanted(sheet.name, kind, wanted_sheet):
                    yield sheet.name, table_rows(iter(sheet.rows), header_row)
        except UnreadableWorkbook as error:
            account.find(error.code, file, str(error))
    elif (text := account.text_file(file, "rows")) is not None:
        is_json = text.lstrip("\ufeff \t\r\n").startswith(("{", "["))
        yield "", json_rows(text) if is_json else csv_rows(text, header_row)


def _is_wanted(sheet: str, kind: str, wanted: str | None) -> bool:
    return folded(sheet) == folded(wanted) if wanted is not None else kind_of_sheet(sheet) in (kind, None)


def _by_field(cells: dict[str, Any]) -> dict[str, Any]:
    return dict(zip(told_apart([column_name(name) for name in cells]), cells.values(), strict=True))


# Workbook.


def kind_of_sheet(name: str) -> str | None:
    """The kind that a sheet's name means: ``FAQs``, ``Case studies`` and ``case_study`` are all names of kinds."""
    names: dict[str, str] = {}
    for kind in kinds().values():
        plurals = (kind.plural_en, kind.label_en, f"{kind.name}s", f"{kind.name.removesuffix('y')}ies")
        names |= {folded(alias): kind.name for alias in (kind.name, *plurals, kind.label_cy, kind.plural_cy)}
    return names.get(folded(name))


def _read_workbook(account: Account, file: str, registration: Registration) -> None:
    account.taken.add(file)
    if not account.fits(file, MAX_WORKBOOK_BYTES):
        account.held_by.append("too_large")
        return
    data = account.feed.read(file)
    if looks_like_html(data):
        account.hold("not_a_feed", "a web page in place of a workbook", file)
        return
    try:
        found = list(sheets(data))
    except UnreadableWorkbook as error:
        if error.code == "unreadable_file":
            account.hold("not_a_feed", f"not a workbook that can be opened: {error}", file)
        else:
            account.hold(error.code, str(error), file)
        return
    account.findings += [Finding(code, file) for code in (found[0].remarks if found else ())]
    known = [sheet for sheet in found if kind_of_sheet(sheet.name)]
    if not known:
        account.hold("not_a_feed", "no sheet of the workbook is called after a kind of record", file)
    covers = [sheet for sheet in found if folded(sheet.name) in COVER_SHEETS]
    for sheet in covers:
        if not _read_cover(account, file, sheet, registration):
            return
    for sheet in found:
        if sheet in known:
            _read_sheet(account, file, sheet, registration)
        elif sheet in covers:
            account.skip(file, "About the feed, not part of its content.", f"sheet {sheet.name}")
        elif sheet.rows:
            account.find("unmapped_file", file, f"sheet {sheet.name}")


def _read_cover(account: Account, file: str, sheet: Sheet, registration: Registration) -> bool:
    """Take what a cover sheet says (a name and a value a row), and whether its workbook may be read."""
    says = {folded(str(row[0])): row[1] for row in reversed(sheet.rows) if len(row) > 1 and not is_empty(row[1])}
    contract = str(says.get("contract", CONTRACT_VERSION)).strip()
    if contract != CONTRACT_VERSION:
        account.hold(
            "unsupported_contract", f"the cover sheet names '{contract[:60]}'; known: {CONTRACT_VERSION}", file
        )
        return False
    for name, scheme in COVER_DEFAULTS.items():
        if name in says:
            # A value that is no term is judged where it is used: the feed's own word must not give way to another.
            term = resolved_terms(scheme, str(says[name]).strip())
            account.cover |= {"sectors": [term]} if name == "sector" else {name: term}
    return _is_own(account, says.get("hub"), registration, file)


def _read_sheet(account: Account, file: str, sheet: Sheet, registration: Registration) -> None:
    kind = kind_of_sheet(sheet.name) or ""
    place = f"sheet {sheet.name}"
    if not sheet.rows:
        account.find("no_records_in_file", file, place)
        return
    if kind in record_kinds():
        _read_records(account, file, kind, (sheet.name, table_rows(iter(sheet.rows))), registration)
        return
    from hubs.mapping.tables import add_sheet

    add_sheet(account, file, kind, sheet, registration)
