"""A first registration for an unknown folder: what it holds, how each field is found, and every doubt about it.

The text is made to be read and changed by the hub's editor. It is valid as it stands, and says nothing that was not
seen in the folder.
"""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from hubs.contract.records import MANIFEST
from hubs.contract.vocabularies import vocabulary
from hubs.instruments import Instrument
from hubs.mapping.account import reason_to_leave_out
from hubs.mapping.native import kind_of_sheet
from hubs.mapping.text import decode, slug
from hubs.starter.documents import source
from hubs.starter.look import MARKDOWN, TABLES, Folder, Table, look, suffix
from hubs.starter.notes import Guess, block, comment, listed, shown
from hubs.starter.pages import Group, sort, told_apart
from hubs.starter.places import globs, literal
from hubs.starter.surveys import survey
from hubs.starter.tables import Reading, columns_shown, records_source
from hubs.starter.values import mentioned

MOST_SKIPPED_BY_NAME = 20
LICENCE_BYTES = 20_000
_LICENCES = (
    ("CC-BY-SA-4.0", r"attribution-sharealike 4\.0"),
    ("CC-BY-4.0", r"attribution 4\.0|cc[- ]by[- ]4\.0"),
    ("CC0-1.0", r"cc0 1\.0|public domain"),
    ("OGL-UK-3.0", r"open government licence"),
    ("Apache-2.0", r"apache license\s+version 2\.0"),
    ("BSD-3-Clause", r"neither the name of"),
    ("MIT", r"mit licen[cs]e|permission is hereby granted, free of charge"),
)
"""Words by which the text of a licence is known, the more special first."""
_CONSTANTS = {"signpost_type": "guidance"}
"""What stands where a record must say something and nothing is found. A doubt says so each time."""
_DOCUMENT_FILES = {".pdf", ".doc", ".docx", ".odt", ".rtf", ".html", ".htm", ".ppt", ".pptx", ".odp", ".txt", ".rst"}


@dataclass(frozen=True)
class Suggestion:
    """The text of a registration, with how many sources it has and how many doubts."""

    text: str
    sources: int
    doubts: int


def suggest(root: Path, hub: str, folder: Path, banks: Mapping[str, Instrument]) -> Suggestion:
    """A registration called ``hub`` for the feed at ``root``, to be kept in ``folder``. ``banks`` are the known
    instruments. Raises OSError when ``root`` cannot be listed.
    """
    seen = look(root)
    settings = _head(seen, root, hub, folder)
    drafts: list[tuple[list[str], dict[str, Any]]] = []
    sources: list[dict[str, Any]] = []
    remarks = list(seen.remarks)
    if MANIFEST in seen.files:
        remarks.append(f"there is a {MANIFEST}: it is a feed in the contract's shape already and needs no mapping.")
    elif _is_native_workbook(seen):
        remarks.append("it is a workbook in the contract's shape already and needs no mapping.")
    else:
        constants = {"source": settings["name"].value["en"], "publisher": settings["name"].value["en"], **_CONSTANTS}
        skip, sources = _sources(seen, banks, constants, drafts)
        if skip:
            settings["skip"] = skip
        if sources:
            settings["sources"] = sources
        else:
            remarks.append("nothing was found that can be read as records or answers.")
    lines = list(_lines(hub, root, settings, remarks, drafts))
    doubts = sum(line.lstrip().startswith("# doubt: ") for line in lines)
    return Suggestion("\n".join(lines) + "\n", len(sources), doubts)


def _lines(
    hub: str,
    root: Path,
    settings: dict[str, Any],
    remarks: list[str],
    drafts: list[tuple[list[str], dict[str, Any]]],
) -> Iterator[str]:
    yield from comment(f"A first registration for {shown(root.name or root)}, worked out by looking at its files.", "")
    yield from comment(
        "Each line that begins with '# doubt:' is a guess: look at it, then change it or take it away.", ""
    )
    yield from comment(
        f"Lint: hubpacks registry check. See what comes out: hubpacks check FEED --mapping {hub}.yaml", ""
    )
    for remark in remarks:
        yield from comment(remark)
    yield ""
    yield from block(settings)
    for doubts, draft in drafts:
        yield ""
        for doubt in doubts:
            yield from comment(doubt)
        for line in block({"sources": [{"kind": Guess(draft["kind"])} | draft]}):
            yield f"# {line}"


# The hub.


def _head(seen: Folder, root: Path, hub: str, folder: Path) -> dict[str, Any]:
    sector, sector_doubt = _sector(seen)
    licence, licence_doubt = _licence(seen)
    title = hub.replace("-", " ").capitalize()
    return {
        "id": hub,
        "name": Guess({"en": title}, ("the name is made from the id; add the Welsh one as cy.",)),
        "sector": Guess(sector, (sector_doubt,)),
        "owner": Guess({"role": "Owner of the content"}, ("say who that is, as a role and never as a person's name.",)),
        "data_contact": {"role": "Maintainer of the feed"},
        "address": Path(os.path.relpath(root, folder)).as_posix(),
        "cadence": Guess("quarterly", ("how often it changes is a guess: weekly, monthly, quarterly or yearly.",)),
        "licence": Guess(licence, (licence_doubt,)),
        "language": "en",
        "audience": Guess(
            sorted(vocabulary("audiences").terms),
            ("of questions that name no audience; take out whom they are not for.",),
        ),
    }


def _sector(seen: Folder) -> tuple[str, str]:
    """The sector that most titles and names speak of, where one clearly leads."""
    found: Counter[str] = Counter()
    for page in seen.pages:
        texts = [value for value in page.keys.values() if isinstance(value, str)][:10]
        text = " ".join([page.stem, *texts, *(heading.text for heading in page.headings[:10])])
        found.update(mentioned("sectors", text[:3_000]))
    if not found or found.most_common(1)[0][1] < max(2, len(seen.pages) / 10):
        return "cross_sector", "no sector leads among the words of titles and headings; say which it is."
    return found.most_common(1)[0][0], f"by words of titles and headings: {listed(found)}."


def _licence(seen: Folder) -> tuple[str, str]:
    """The licence that a licence file, or the readme, names."""
    names = sorted(
        n for n in seen.files if re.match(r"(licen[cs]e|copying|readme|unlicense)", PurePosixPath(n).name.lower())
    )
    for name in sorted(names, key=lambda name: (name.count("/"), "readme" in name.lower()))[:20]:
        try:
            with seen.files[name].open("rb") as stream:
                text = " ".join(decode(stream.read(LICENCE_BYTES))[0].casefold().split())
        except OSError:
            continue
        for licence, pattern in _LICENCES:
            if re.search(pattern, text):
                return licence, f"{shown(name)} reads like {licence}. Make sure that it covers the texts."
    return (
        "OGL-UK-3.0",
        "no file names a licence. Nothing may be published unless its owner has put it under an open one.",
    )


# What is read.


def _is_native_workbook(seen: Folder) -> bool:
    """Whether the folder is nothing but a workbook with sheets called after kinds."""
    books = {table.name for table in seen.tables if table.sheet is not None}
    content = [name for name in seen.files if reason_to_leave_out(name) is None]
    return len(books) == 1 and len(content) == 1 and any(kind_of_sheet(t.sheet or "") for t in seen.tables)


def _sources(
    seen: Folder,
    banks: Mapping[str, Instrument],
    constants: Mapping[str, str],
    drafts: list[tuple[list[str], dict[str, Any]]],
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What to skip, and the sources."""
    skip: list[dict[str, Any]] = []
    sorted_pages = sort(seen.pages)
    sources = []
    left_out = sorted_pages.left_out
    groups = [part for group in sorted_pages.groups for part in told_apart(group)]
    names_taken: set[str] = set()
    # Files that were not looked at are taken to be like their neighbours.
    every = {page.name for page in seen.pages}
    for group in groups:
        mine = {page.name for page in group.pages}
        patterns: list[tuple[str, list[str]]] = [(pattern, []) for pattern in group.patterns]
        patterns = patterns or globs(mine, every - mine)
        settings = source(group, _name(group, names_taken), patterns, constants)
        if settings is None:
            left_out[f"A {group.shape}: the contract has no place for it."] += sorted(mine)
        else:
            sources.append(settings)
    sources += _table_sources(seen, banks, constants, skip, drafts)
    for reason, names in sorted(left_out.items()):
        skip.append({"glob": _listed_globs(names), "reason": reason})
    skip += _unread(seen)
    return skip, sources


def _name(group: Group, taken: set[str]) -> str:
    """A name for the source that says what it is and where."""
    folders = Counter(page.folder for page in group.pages)
    last = PurePosixPath(os.path.commonpath(list(folders)) if all(folders) else "").name
    base = " ".join(
        part
        for part in (f"{group.shape}s" if len(group.pages) > 1 else group.shape, f"in {last}" if last else "")
        if part
    )
    name = (
        base.replace("case studys", "case studies")
        .replace("glossarys", "glossaries")
        .replace("page of questionss", "pages of questions")
    )
    name = f"{name}, {group.prefix}" if group.prefix else name
    number, unique = 2, name
    while unique in taken:
        unique, number = f"{name} ({number})", number + 1
    taken.add(unique)
    return unique


def _table_sources(
    seen: Folder,
    banks: Mapping[str, Instrument],
    constants: Mapping[str, str],
    skip: list[dict[str, Any]],
    drafts: list[tuple[list[str], dict[str, Any]]],
) -> list[dict[str, Any]]:
    sources: list[dict[str, Any]] = []
    skipped: dict[str, list[str]] = defaultdict(list)
    doubts: dict[str, list[str]] = defaultdict(list)
    by_file: dict[str, list[Table]] = defaultdict(list)
    for table in seen.tables:
        by_file[table.name].append(table)
    for name, tables in by_file.items():
        found = [_understand(table, seen.tables, banks, constants) for table in tables]
        read = [entry for entry in found if entry.settings is not None]
        for entry in found:
            if entry.draft is not None:
                drafts.append((entry.doubts, entry.draft))
        # A file has one source: the first sheet that holds anything.
        if read:
            settings = read[0].settings or {}
            others = [doubt for entry in found if entry is not read[0] for doubt in entry.doubts]
            if len(read) > 1:
                others.append(f"{len(read) - 1} more sheets of {shown(name)} could be read, but a file has one source.")
            if others:
                settings["reader"] = Guess(settings["reader"], tuple(others))
            sources.append(settings)
        else:
            reason = found[0].reason
            skipped[reason].append(name)
            doubts[reason] += [doubt for entry in found for doubt in entry.doubts if entry.draft is None]
    for reason, names in sorted(skipped.items()):
        skip.append(
            {"glob": Guess(_listed_globs(names), tuple(doubts[reason][:MOST_SKIPPED_BY_NAME])), "reason": reason}
        )
    return _alike(sources)


def _understand(
    table: Table, others: list[Table], banks: Mapping[str, Instrument], constants: Mapping[str, str]
) -> Reading:
    """What the table holds and how it is read. ``others`` are all tables of the folder: some say what the codes of
    another mean. ``constants`` are what stands in fields that a kind needs and no column gives.
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


def _listed_globs(names: list[str]) -> str | list[str]:
    patterns = [literal(name) for name in sorted(names)]
    return patterns[0] if len(patterns) == 1 else patterns


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
        is_text = ending in _DOCUMENT_FILES
        if not ending or len(names) <= 2:  # noqa: PLR2004 - named, not described
            patterns = _listed_globs(names[:MOST_SKIPPED_BY_NAME])
        else:
            patterns = f"**/*{literal(PurePosixPath(names[0]).suffix)}"
        count = f"{len(names)} file{'' if len(names) == 1 else 's'}"
        if is_text:
            doubt = f"{count} ending in {ending} may hold content, but only Markdown, CSV, JSON and workbooks are read."
            skip.append({"glob": Guess(patterns, (doubt,)), "reason": "Documents of a kind that is not read."})
        else:
            skip.append({"glob": patterns, "reason": "Settings or code of the website, not content."})
    return skip


def hub_id(name: str) -> str:
    """An id for a hub from the name of its folder."""
    text = re.sub(r"^[^a-z]+", "", slug(name).replace(".", "-").replace("_", "-"))[:60].strip("-")
    return text if len(text) > 1 else "my-hub"
