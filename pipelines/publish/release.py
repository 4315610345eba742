"""One release as a folder: tables, pages, statements, checksums.

The proof that such a folder is what it claims is for ``verification``; where releases stand beside one another, and
which one readers see, for ``pointers``.
"""

from __future__ import annotations

import operator
import os
import posixpath
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hubs.contract import CONTRACT_VERSION
from hubs.contract.vocabularies import vocabulary
from pipelines.crew import ALONE, Crew
from pipelines.edition import Edition, HubState, LibraryRecord, Pack, Withdrawn
from pipelines.files import files_in, largest_first, sha256_of
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
from pipelines.publish.archives import sign_archive, write_archive
from pipelines.publish.bill import BILL, bill
from pipelines.publish.bill import MEDIA_TYPE as BILL_MEDIA_TYPE
from pipelines.publish.catalogue import FORMATS, OWN_LICENCE
from pipelines.publish.earlier import Earlier
from pipelines.publish.errata import ERRATA
from pipelines.publish.helps import write_helps
from pipelines.publish.languages import completeness
from pipelines.publish.metadata import write_metadata
from pipelines.publish.pdf import documents_due
from pipelines.publish.provenance import PROVENANCE, provenance, record_source, withdrawal_source
from pipelines.publish.scripts import write_figures
from pipelines.publish.search import write_search
from pipelines.publish.signed import MANIFEST, SUMS, sums_bytes, write_keys, wrong_signatures
from pipelines.publish.sitemap import write_sitemaps

RECORDS_A_WORKER, PACKS_A_WORKER = 200, 20
"""A fresh process takes a second to start, which it is worth for so many of either: a pack has two PDFs."""

AUDITED = ("table", "cells", "step")
"""What readers are told of how each table was rounded."""

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


class ReleaseRefused(RuntimeError):
    """A release was not published. The message lists every problem, one a line."""


def build_release(
    edition: Edition,
    folder: Path,
    previous: Path | None = None,
    key: Ed25519PrivateKey | None = None,
    crew: Crew = ALONE,
) -> None:
    """Write the whole release of ``edition`` into ``folder``, which must be empty or absent; all but its signatures.
    ``previous`` is the folder of the release before it, None when there is none: what has changed is told against it,
    and what has not is taken over from it, when one of the edition's keys has signed it.
    ``key`` signs the offline packs, which stay unsigned without it.

    The same edition and release before it give the same bytes, however many are in the ``crew`` that shares the work.
    Raises ReleaseRefused when a record is under no open licence, FileExistsError when the folder holds anything,
    ValueError when ``previous`` is not the release that the edition names, OSError and files.Damaged when it cannot be
    read.
    """
    _refuse_unlicensed(edition)
    _refuse_unfinished()
    before = changes.read(previous) if previous else None
    if (before.id if before else None) != edition.previous:
        raise ValueError(f"the release before {edition.id} is {edition.previous}, not the one in {previous}")
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty")
    (folder / BILL).write_bytes(bill(edition.code_version))
    # What is taken over is signed with our key: it has to be ours.
    ours = previous if previous and not wrong_signatures(previous, edition.keys) else None
    earlier = Earlier(ours, (folder / BILL).read_bytes()) if ours else None
    due = _write_benchmarks(edition, folder, earlier)
    rows = {id: record_row(edition, entry) for id, entry in edition.library.items()}
    for pack in edition.packs:
        due += _write_pack(edition, pack, [rows[id] for id in pack.records], folder, earlier)
    (folder / "coverage.json").write_bytes(writers.json_bytes(coverage(edition, rows.values())))
    (folder / "quality.json").write_bytes(writers.json_bytes(quality(edition)))
    (folder / PROVENANCE).write_bytes(writers.json_bytes(provenance(edition)))
    (folder / "audit.json").write_bytes(writers.json_bytes(_audit(edition)))
    (folder / changes.VOCABULARIES).write_bytes(writers.json_bytes(shapes.codes(edition.instruments)))
    write_keys(folder, edition.id, edition.keys)
    beside: list[Callable[[], None]] = [
        *documents_due(folder, edition.id, edition.published.isoformat(), ours, crew),
        *(partial(tables.write_other_forms, folder, name) for name in largest_first(folder, due)),
        partial(write_figures, folder),
        partial(write_helps, folder, edition.instruments),
        partial(write_search, folder),
    ]
    crew.share(operator.call, beside)
    writer = crew.each(partial(site.Writer, edition, folder))
    site.write_printables(writer, folder, crew)
    crew.share(operator.call, [partial(write_archive, folder, pack.id, edition.address) for pack in edition.packs])
    if key is not None:  # it stays in this process
        for pack in edition.packs:
            sign_archive(folder, pack.id, edition.id, key)
    (folder / ERRATA).write_bytes(writers.json_bytes(errata.none_yet(edition.id)))
    manifest = _manifest(edition)
    told = changes.read(folder, manifest | {"files": _listed(folder)})
    changed = changes.for_readers(changes.compare(before, told)) if before else changes.first(told)
    (folder / changes.CHANGES).write_bytes(writers.json_bytes(changed))
    descriptors.write_datapackage(folder)
    write_metadata(folder, edition.address)
    sizes = {name: path.stat().st_size for name, path in files_in(folder).items()}
    site.write_site(writer, sizes, changed, crew)
    write_sitemaps(folder, edition.address)
    seal(folder, manifest)


def workers(edition: Edition) -> int:
    """How many processes are worth their start, for the release of ``edition``."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    worth = len(edition.library) // RECORDS_A_WORKER + len(edition.packs) // PACKS_A_WORKER
    return max(1, min(processors, worth))


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


def _write_benchmarks(edition: Edition, folder: Path, earlier: Earlier | None) -> list[str]:
    """Write the JSON of each table; those whose other forms are still due."""
    due = []
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
            due.append(f"benchmarks/{spec.name}.json")
    return due


def _write_pack(
    edition: Edition, pack: Pack, rows: list[dict[str, Any]], folder: Path, earlier: Earlier | None
) -> list[str]:
    """Write ``pack.json``; itself when the other forms of its table are still due."""
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
    return [name] if tables.write_json(folder, name, data, earlier) else []


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
        for name, path in files_in(folder).items()
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
