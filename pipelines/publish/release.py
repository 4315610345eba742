"""One release as a folder: tables, pages, statements, checksums; and the proof that the folder is what it claims.

Where releases stand beside one another, and which one readers see, is for ``pointers``.
"""

from __future__ import annotations

import csv
import os
import posixpath
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hubs.contract import CONTRACT_VERSION
from hubs.contract.vocabularies import vocabulary
from pipelines.edition import Edition, HubState, LibraryRecord, Pack, Withdrawn
from pipelines.files import json_of, sha256_of
from pipelines.publish import (
    changes,
    citation,
    descriptors,
    errata,
    introductions,
    pages,
    shapes,
    site,
    strings,
    tables,
    views,
    writers,
)
from pipelines.publish.archives import write_archive, wrong_archives
from pipelines.publish.bill import BILL, bill, wrong_bill
from pipelines.publish.bill import MEDIA_TYPE as BILL_MEDIA_TYPE
from pipelines.publish.catalogue import FORMATS, OWN_LICENCE
from pipelines.publish.earlier import Earlier
from pipelines.publish.errata import ERRATA
from pipelines.publish.figures import wrong_figures
from pipelines.publish.helps import write_helps, wrong_helps
from pipelines.publish.languages import completeness
from pipelines.publish.metadata import write_metadata, wrong_metadata
from pipelines.publish.pdf import write_documents, wrong_documents
from pipelines.publish.provenance import PROVENANCE, broken_chains, provenance, record_source, withdrawal_source
from pipelines.publish.scripts import write_figures, wrong_scripts
from pipelines.publish.search import write_search, wrong_search
from pipelines.publish.signed import SUMS, UNLISTED, read_sums, sums_bytes, write_keys
from pipelines.publish.sitemap import write_sitemaps

RECORDS_A_WORKER = 200
"""A fresh process takes a second to start, in which this one sets as many pages and several packs."""
THRESHOLD_N = 10
ROUNDING_BASE = 5
"""What verification holds every published count against. Kept apart from the policy that made the counts on purpose:
a slip there must not loosen the check here."""

_GROUP = tuple(name for name in writers.BENCHMARKS.names if name in writers.DISTRIBUTIONS.names and name != "status")
_FIGURES = tuple(column.name for column in writers.BENCHMARKS.columns if column.type == "number")
"""The columns that say which group a row is about; those that say something of it, besides its count."""

AUDITED = ("table", "cells", "step")
"""What readers are told of how each table was rounded."""

MANIFEST = "release.json"
MEDIA_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".jsonld": "application/ld+json",
    ".cff": "application/yaml",
    ".xml": "application/xml",
    **{suffix: form.media_type for suffix, form in FORMATS.items()},
    ".pub": "text/plain",
    ".pem": "application/x-pem-file",
    "": "text/plain",
}

NEWEST = "../../index.html"
"""The page that leads to the newest release, from the root of a release: the only place outside that pages lead to."""

_TAG = re.compile(r'<[a-z][^<>"]*(?:"[^"]*"[^<>"]*)*>')
_LINK = re.compile(r'\s(?:href|src)="([^"]*)"')
_ID = re.compile(r'\sid="([^"]*)"')
_UNREADABLE = (OSError, ValueError, KeyError, TypeError)
"""What is raised over a release whose manifest or checksums are of another shape."""
_OUTSIDE = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)


class ReleaseRefused(RuntimeError):
    """A release was not published. The message lists every problem, one a line."""


def build_release(
    edition: Edition,
    folder: Path,
    workers: int | None = None,
    previous: Path | None = None,
    key: Ed25519PrivateKey | None = None,
) -> None:
    """Write the whole release of ``edition`` into ``folder``, which must be empty or absent; all but its signatures.
    ``previous`` is the folder of the release before it, None when there is none: what has changed is told against it.
    ``key`` signs the offline packs, which stay unsigned without it.

    The same edition and release before it give the same bytes, whatever ``workers`` (processes that share pages and
    PDFs; None for as many as there are processors and work is worth).
    Raises ReleaseRefused when a record is under no open licence, FileExistsError when the folder holds anything,
    ValueError when ``previous`` is not the release that the edition names, OSError and files.Damaged when it cannot be
    read.
    """
    _refuse_unlicensed(edition)
    _refuse_unfinished()
    workers = workers or _workers(edition)
    before = changes.read(previous) if previous else None
    if (before.id if before else None) != edition.previous:
        raise ValueError(f"the release before {edition.id} is {edition.previous}, not the one in {previous}")
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty")
    (folder / BILL).write_bytes(bill(edition.code_version))
    earlier = Earlier(previous, (folder / BILL).read_bytes()) if previous else None
    _write_benchmarks(edition, folder, earlier)
    write_figures(folder)
    rows = {id: record_row(edition, entry) for id, entry in edition.library.items()}
    for pack in edition.packs:
        _write_pack(edition, pack, [rows[id] for id in pack.records], folder, earlier)
    write_helps(folder, edition.instruments)
    (folder / "coverage.json").write_bytes(writers.json_bytes(coverage(edition, rows.values())))
    write_search(folder)
    (folder / "quality.json").write_bytes(writers.json_bytes(quality(edition)))
    (folder / PROVENANCE).write_bytes(writers.json_bytes(provenance(edition)))
    (folder / "audit.json").write_bytes(writers.json_bytes(_audit(edition)))
    (folder / changes.VOCABULARIES).write_bytes(writers.json_bytes(shapes.codes(edition.instruments)))
    write_keys(folder, edition.id, edition.keys)
    write_documents(folder, edition.id, edition.published.isoformat(), previous, workers)
    site.write_printables(edition, folder)
    for pack in edition.packs:
        write_archive(folder, pack.id, edition.address, key)
    (folder / ERRATA).write_bytes(writers.json_bytes(errata.none_yet(edition.id)))
    manifest = _manifest(edition)
    told = changes.read(folder, manifest | {"files": _listed(folder)})
    changed = changes.for_readers(changes.compare(before, told)) if before else changes.first(told)
    (folder / changes.CHANGES).write_bytes(writers.json_bytes(changed))
    descriptors.write_datapackage(folder)
    write_metadata(folder, edition.address)
    sizes = {name: path.stat().st_size for name, path in _files(folder)}
    site.write_site(edition, folder, sizes, changed, workers)
    write_sitemaps(folder, edition.address)
    seal(folder, manifest)


def _workers(edition: Edition) -> int:
    """How many processes are worth their start."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(processors, len(edition.library) // RECORDS_A_WORKER))


def _refuse_unlicensed(edition: Edition) -> None:
    """No record leaves without an open licence, whatever was said of it before."""
    wrong = [
        f"{id} is under no open licence: {entry.record.document.licence}"
        for id, entry in edition.library.items()
        if entry.record.document.licence not in vocabulary("licences")
    ]
    if wrong:
        raise ReleaseRefused("\n".join(wrong))


def _refuse_unfinished() -> None:
    """No page leaves whose own words are in one language only. Texts of hubs may be, and say so."""
    if unfinished := strings.site_words().unfinished:
        raise ReleaseRefused("\n".join(f"the interface is unfinished in {line}" for line in unfinished))


def record_row(edition: Edition, entry: LibraryRecord) -> dict[str, Any]:
    """A library record as a row of ``writers.records``."""
    record, document = entry.record, entry.record.document
    own = {name: entry.further_texts.get(name, getattr(document, name)) for name in writers.own_columns(record.kind)}
    return {writers.own_columns(record.kind)[name]: value for name, value in own.items()} | {
        "kind": record.kind,
        "id": entry.id,
        "title": None if "question" in own else document.heading,
        "summary": entry.abstract,
        "text": entry.text,
        "language": document.language,
        "sectors": document.sectors,
        "technology_types": document.technology_types,
        "licence": document.licence,
        "contact": document.contact,
        "published": document.published,
        "updated": document.updated,
        "hub": record.hub,
        "credits": entry.credits,
        "merged": entry.merged,
        "related": [{"id": r.id, "relation": r.relation, "similarity": r.similarity} for r in entry.related],
        "translations": dict(sorted(entry.translations.items())),
        "derived": dict(sorted(record.derived.items())),
        "source": record_source(edition, entry),
        "slug": entry.slug,
        "address": pages.page_address(entry),
    }


def period(edition: Edition) -> str | None:
    """The latest period of the benchmarks, None when there are none."""
    periods = edition.benchmarks.column("period").unique().to_pylist() if edition.benchmarks.num_rows else []
    return max(periods, default=None)


def coverage(edition: Edition, rows: Collection[Mapping[str, Any]]) -> dict[str, Any]:
    """What stands in this release from whom, and what does not, and why; and how much of it in which language. ``rows``
    are those of all records, as packs have them.
    """
    return {
        "release": edition.id,
        "published": edition.published.isoformat(),
        "states": dict(sorted(Counter(hub.state.value for hub in edition.hubs).items())),
        "hubs": [_hub_statement(edition, hub) for hub in edition.hubs],
        "languages": completeness(rows),
        "withdrawn": [_withdrawal_statement(edition, entry) for entry in edition.withdrawn],
        "taken_down": [
            {"hub": one.hub, "kind": one.record_kind, "date": one.at.date().isoformat(), "reason": one.reason}
            for one in edition.taken_down
        ],
    }


def quality(edition: Edition) -> dict[str, Any]:
    """How many records and rows of each hub were judged how, and why the quarantined ones were. Counts only."""
    return {
        "release": edition.id,
        "rules": edition.rules,
        "hubs": [
            {
                "id": hub.id,
                "by_verdict": dict(sorted(hub.counts.items())),
                "quarantined_by_code": dict(sorted(hub.quarantined.items())),
            }
            for hub in edition.hubs
        ],
    }


def _audit(edition: Edition) -> dict[str, Any]:
    """The attack; of each table what follows from its figures, and how it was rounded; and how each period stands to
    earlier releases. The rest is the operator's: how far numbers are off at most, say, would narrow all of them.
    """
    tables = [{name: about[name] for name in AUDITED} for about in edition.audit["tables"]]
    waves = [
        {
            "period": wave.period,
            "instrument": wave.instrument,
            "audience": wave.audience,
            "state": wave.state.value,
            "counted_for": wave.counted_for(edition.id),
            "later_returns_wait": wave.is_waiting,
        }
        for wave in edition.waves
    ]
    told = {name: edition.audit[name] for name in ("attack", "ledger")}
    return {"release": edition.id, **told, "tables": tables, "waves": waves}


def verify_release(folder: Path) -> list[str]:
    """What is wrong with the release in ``folder``, in words; an empty list when nothing is.

    Needs nothing but the folder. Checks: every file is listed and as listed, the manifest agrees with the checksums,
    every link between pages leads somewhere, no published count is under the threshold or unrounded, levels add up,
    pages and all forms of a table show the same figures, everything can be traced to a snapshot, what is said to
    have changed fits the rest, metadata describe the files that are there, the bill of materials is of the code that
    made it, and every record has an open licence. Who made it is for ``wrong_signatures``.
    """
    try:
        problems = _differences(folder)
    except _UNREADABLE as error:
        return [f"the release cannot be read: {error}"]
    present = dict(_files(folder))
    unsafe = _unsafe_counts(folder / "benchmarks")
    figures = _checked("the figures", folder, wrong_figures, wrong_scripts, wrong_helps)
    told = [
        *figures,
        *_checked("what is searched", folder, wrong_search),
        *broken_chains(folder),
        *changes.wrong_changes(folder),
    ]
    made = [*wrong_documents(folder), *wrong_archives(folder), *wrong_metadata(folder), *wrong_bill(folder)]
    return [*problems, *_broken_links(present), *unsafe, *told, *made]


def wrong_files(folder: Path) -> list[str]:
    """What is wrong with the files of the release in ``folder``, in words: one that is missing, changed or not listed.
    A part of ``verify_release``.
    """
    try:
        return _differences(folder)
    except _UNREADABLE as error:
        return [f"the release cannot be read: {error}"]


def _differences(folder: Path) -> list[str]:
    sums = read_sums(folder)
    manifest = json_of((folder / MANIFEST).read_bytes())
    listed = {file["path"]: file["sha256"] for file in manifest["files"]}
    present = dict(_files(folder))
    problems = [f"missing: {name}" for name in sorted(sums.keys() - present.keys())]
    problems += [f"not listed: {name}" for name in sorted(present.keys() - sums.keys() - {*UNLISTED})]
    problems += [
        f"changed: {name}" for name in sorted(sums.keys() & present.keys()) if sha256_of(present[name]) != sums[name]
    ]
    expected = {name: digest for name, digest in sums.items() if name != MANIFEST}
    return problems + [
        f"{MANIFEST} and {SUMS} differ: {name}"
        for name in sorted(expected.keys() | listed.keys())
        if expected.get(name) != listed.get(name)
    ]


def _hub_statement(edition: Edition, hub: HubState) -> dict[str, Any]:
    return {
        "id": hub.id,
        "name": {"en": hub.name_en, "cy": hub.name_cy},
        "sector": hub.sector,
        "sample": hub.is_sample,
        **_standing(hub),
        "reason": hub.reason,
        "held_by": list(hub.held_by),
        "records": dict(sorted(hub.counts.items())),
        "published": sum(entry.record.hub == hub.id for entry in edition.library.values()),
        "derived": site.derived(edition, hub.id),
    }


def _standing(hub: HubState) -> dict[str, str | None]:
    """How a hub stands, what of it is used, and how old that is: the same wherever a release says it."""
    moments = {"fetched": hub.fetched, "seen": hub.seen, "expires": hub.expires}
    return {
        "state": hub.state.value,
        "since": hub.since.isoformat() if hub.since else None,
        "snapshot": hub.snapshot,
        **{name: moment.isoformat() if moment else None for name, moment in moments.items()},
    }


def _withdrawal_statement(edition: Edition, entry: Withdrawn) -> dict[str, Any]:
    successor = site.successor(edition, entry)
    return {
        "id": entry.id,
        "hub": entry.hub,
        "heading": entry.heading,
        "reason": entry.reason,
        "date": entry.date.isoformat(),
        "successor": entry.successor,
        "successor_address": pages.page_address(successor) if successor else None,
        "source": withdrawal_source(entry),
    }


def _write_benchmarks(edition: Edition, folder: Path, earlier: Earlier | None) -> None:
    (folder / "benchmarks").mkdir()
    specs = (
        (writers.BENCHMARKS, edition.benchmarks),
        (writers.DISTRIBUTIONS, edition.distributions),
        (writers.TRENDS, edition.trends),
    )
    for spec, table in specs:
        about = {
            "release": edition.id,
            "published": edition.published.isoformat(),
            "sample": views.is_sample(edition),
            "licence": OWN_LICENCE,
        }
        if tables.write_rows(folder, spec, table, about, earlier):
            tables.write_other_forms(folder, f"benchmarks/{spec.name}.json")


def _write_pack(
    edition: Edition, pack: Pack, rows: list[dict[str, Any]], folder: Path, earlier: Earlier | None
) -> None:
    (folder / "packs" / pack.id).mkdir(parents=True)
    hubs = {hub for row in rows for hub in row["credits"]}
    names = {hub.id: {"en": hub.name_en, "cy": hub.name_cy} for hub in edition.hubs}
    data = {
        "release": edition.id,
        "published": edition.published.isoformat(),
        "sample": views.is_sample(edition),
        "id": pack.id,
        "scheme": pack.scheme,
        "term": pack.term,
        "title": {"en": pack.title_en, "cy": pack.title_cy},
        "hubs": {hub.id: _standing(hub) for hub in edition.hubs if hub.id in hubs},
        "columns": writers.json_columns(writers.records()),
        "records": writers.json_rows(writers.records(), rows),
    }
    data |= citation.of_pack(data, names, edition.address) | introductions.of_pack(data, names)
    name = f"packs/{pack.id}/pack.json"
    if tables.write_json(folder, name, data, earlier):
        tables.write_other_forms(folder, name)


def seal(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write ``manifest``, with a list of all files so far, as ``release.json``, then the checksums over all files and
    that one.
    """
    listed = _listed(folder)
    (folder / MANIFEST).write_bytes(writers.json_bytes({**manifest, "files": listed}))
    sums = {file["path"]: file["sha256"] for file in listed} | {MANIFEST: sha256_of(folder / MANIFEST)}
    (folder / SUMS).write_bytes(sums_bytes(sums))


def _listed(folder: Path) -> list[dict[str, Any]]:
    """Every file under ``folder`` as the manifest lists it."""
    return [
        {"path": name, "bytes": path.stat().st_size, "sha256": sha256_of(path), "media_type": _media_type(name)}
        for name, path in _files(folder)
    ]


def _manifest(edition: Edition) -> dict[str, Any]:
    """What ``release.json`` says, besides the list of files."""
    return {
        "id": edition.id,
        "issue": errata.FIRST_ISSUE,
        "reissued": None,
        "published": edition.published.isoformat(),
        "period": period(edition),
        "contract": CONTRACT_VERSION,
        "rules": edition.rules,
        "code_version": edition.code_version,
        "build_key": edition.build_key,
        "previous": edition.previous,
        "approved_by": None,
        "signed_by": edition.keys[-1].public.text,
        "licence": OWN_LICENCE,
        "address": edition.address,
        "inputs": [
            {"hub": hub.id, **_standing(hub), "records": dict(sorted(hub.counts.items()))} for hub in edition.hubs
        ],
    }


def _media_type(name: str) -> str:
    return BILL_MEDIA_TYPE if name == BILL else MEDIA_TYPES[posixpath.splitext(name)[1]]


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file under ``folder`` with its path from there, in order of that path."""
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    yield from sorted(found.items())


def _broken_links(present: Mapping[str, Path]) -> Iterator[str]:
    """Links from a page of the release to a file, or a place in a page, that is not there. Signatures are
    made after the pages, and missed by ``wrong_signatures``. What has ``=`` is no place but a choice that the script of
    a page reads, as ``#sector=health``.
    """
    ids: dict[str, set[str]] = {}
    links: dict[str, set[str]] = defaultdict(set)
    for name, path in present.items():
        if not name.endswith(".html"):
            continue
        folder = posixpath.dirname(name)
        tags = " ".join(dict.fromkeys(_TAG.findall(path.read_text(encoding="utf-8"))))
        ids[name] = set(_ID.findall(tags))
        for address in set(_LINK.findall(tags)):
            if _OUTSIDE.match(address):
                continue
            target, _, fragment = unquote(address.replace("&amp;", "&")).partition("#")
            fragment = "" if "=" in fragment else fragment
            full = posixpath.normpath(posixpath.join(folder, target)) if target else name
            links[f"{full}#{fragment}"].add(name)
    for link in sorted(links):
        target, _, fragment = link.partition("#")
        if (target not in present and target not in (*UNLISTED, NEWEST)) or (
            fragment and fragment not in ids.get(target, ())
        ):
            yield f"link to nowhere: {target}{'#' + fragment if fragment else ''} (from {min(links[link])})"


def _checked(what: str, folder: Path, *checks: Callable[[Path], Iterable[str]]) -> list[str]:
    """What the checks find, or that ``what`` cannot be checked, as the files are of no known shape."""
    try:
        return [problem for check in checks for problem in check(folder)]
    except (OSError, ValueError, KeyError, IndexError, TypeError, csv.Error) as error:
        return [f"{what} cannot be checked: {error}"]


def _unsafe_counts(folder: Path) -> Iterator[str]:
    """Published numbers of organisations that are under the threshold or not rounded, figures of groups that are
    confidential, and levels that do not add up to their group.
    """
    numbers: dict[tuple[str, ...], int | None] = {}
    for number, row in _csv_rows(folder / "benchmarks.csv", writers.BENCHMARKS.names):
        if isinstance(row, str):
            yield row
            continue
        count = row["n"]
        numbers[_group(row)] = int(count) if count.isdigit() else None
        if count == "":
            if told := [name for name in _FIGURES if row[name] != ""]:
                yield f"benchmarks.csv row {number}: a {told[0]} without a count"
        elif not count.isdigit() or int(count) < THRESHOLD_N or int(count) % ROUNDING_BASE:
            yield f"benchmarks.csv row {number}: a count of {count}, under {THRESHOLD_N} or not rounded"
    sums: Counter[tuple[str, ...]] = Counter()
    is_whole: dict[tuple[str, ...], bool] = {}
    for number, row in _csv_rows(folder / "distributions.csv", writers.DISTRIBUTIONS.names):
        if isinstance(row, str):
            yield row
            continue
        count, group = row["count"], _group(row)
        is_whole[group] = is_whole.get(group, True) and row["status"] == ""
        if count.isdigit() and int(count) % ROUNDING_BASE == 0:
            sums[group] += int(count)
        elif row["status"] == "":
            yield f"distributions.csv row {number}: a count of {count or 'nothing'}, not rounded"
    for group in sorted(numbers.keys() | is_whole.keys()):
        n = numbers.get(group)
        if (n is not None) != (group in is_whole) or (is_whole.get(group) and sums[group] != n):
            yield f"distributions.csv: the levels of {' '.join(group)} do not add up to {n or 'nothing'}"


def _group(row: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(row[name] for name in _GROUP)


def _csv_rows(path: Path, names: Sequence[str]) -> Iterator[tuple[int, dict[str, str] | str]]:
    """The rows of a table of the release, numbered from 1; in the place of one that is none, what is wrong."""
    if not path.is_file():
        yield 0, f"missing: benchmarks/{path.name}"
        return
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), 1):
            is_row = all(isinstance(row.get(name), str) for name in names) and None not in row
            yield number, row if is_row else f"{path.name} row {number}: not a row of {path.stem}"
