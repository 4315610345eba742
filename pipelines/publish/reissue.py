"""Reissuing releases that are out already, so that they follow what has been withdrawn since: the same address, other
bytes in those files that said something of a record, an erratum on every page that was changed, new checksums and
signatures. Files that said nothing of it stay byte for byte.

How a record is taken out of a file is in ``redact``, what readers are told in ``errata``. Figures are never touched:
what was published of a period is known, and no benchmark was ever made of a record.

**Nothing is needed but the release.** It may be years old, made by other code; its store may be gone. So what lists
records is edited, and what is made of such lists (tables, documents, metadata) is made again from them.
"""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jinja2 import Template

from pipelines.files import Damaged, exchange, json_of, sha256_of, write_bytes
from pipelines.publish import citation, errata, introductions, redact, strings, writers
from pipelines.publish.archives import ARCHIVE, assessments_of, sign_archive, write_archive
from pipelines.publish.descriptors import DATAPACKAGE, write_datapackage
from pipelines.publish.errata import ERRATA
from pipelines.publish.helps import path_of, take_out
from pipelines.publish.layouts import environment
from pipelines.publish.metadata import write_metadata
from pipelines.publish.pdf import attached_records, remake_pack_pdf
from pipelines.publish.provenance import PROVENANCE
from pipelines.publish.release import ReleaseRefused, seal
from pipelines.publish.rows import heading
from pipelines.publish.search import SEARCH, write_search
from pipelines.publish.signed import MANIFEST, UNLISTED, read_sums, sign_release, write_keys, wrong_signatures
from pipelines.publish.sitemap import write_sitemaps
from pipelines.publish.tables import write_pack_tables
from pipelines.publish.verification import verify_release
from pipelines.signatures import ReleaseKey
from pipelines.withdrawals import Decision

RECORD_PAGES = "{language}/records/{slug}.html"
_ARCHIVES = (".ods", ".xlsx", ".zip")


@dataclass(frozen=True)
class Reissued:
    """A release that follows what was withdrawn: its ``issue``, the paths of files that ``changed``, and the addresses
    that are ``gone``, from the root of what is published.
    """

    release: str
    issue: int
    changed: tuple[str, ...]
    gone: tuple[str, ...]


@dataclass(frozen=True)
class _Going:
    """What goes from one release by one decision: the ids by which it may be named there, the slugs of its pages."""

    decision: Decision
    ids: frozenset[str]
    slugs: frozenset[str]


def reissue(
    folder: Path, aside: Path, decisions: Sequence[Decision], key: Ed25519PrivateKey, keys: Sequence[ReleaseKey]
) -> Reissued | None:
    """Make the next issue of the release in ``folder`` in ``aside``, which must be absent; None when it says nothing of
    what ``decisions`` withdraw, or follows them already. ``key`` signs, the last of ``keys``.

    Raises ReleaseRefused when the release is not as it was published, so that nobody can say what is in it, or when
    something of a takedown would be left; OSError.
    """
    try:
        known = errata.read(folder)
        going = [
            found
            for decision in decisions
            if decision.number not in errata.applied(known) and (found := _going(folder, decision)) is not None
        ]
        if not going:
            return None
        if problems := verify_release(folder):
            raise ReleaseRefused("\n".join(problems))
        before = read_sums(folder)
        shutil.copytree(folder, aside)
        packs = {pack for one in going for pack in _redact(aside, one)}
        write_keys(aside, folder.name, keys)
        _describe(aside, before, packs, max(one.decision.at for one in going), key)
        _seal(aside, known, [one.decision for one in going], before, keys[-1])
    except (ValueError, KeyError, TypeError, AttributeError, Damaged, zipfile.BadZipFile) as error:
        raise ReleaseRefused(f"the release is of another shape: {error!r}") from error
    sign_release(aside, key)
    left = [f"{name} still names it" for one in going if one.decision.is_takedown for name in _traces(aside, one)]
    if problems := [*left, *verify_release(aside), *wrong_signatures(aside, keys)]:
        raise ReleaseRefused("\n".join(problems))
    after = read_sums(aside)
    return Reissued(
        release=folder.name,
        issue=known["issue"] + 1,
        changed=tuple(sorted(path for path in after if before.get(path) != after[path])),
        gone=tuple(f"releases/{folder.name}/{path}" for path in sorted(before.keys() - after.keys())),
    )


def put_in_place(folder: Path, aside: Path) -> None:
    """Let the issue in ``aside`` and the release in ``folder`` change places, and remove what was there before."""
    os.sync()  # hundreds of files: one flush of the disk instead of one each
    exchange(folder, aside)
    shutil.rmtree(aside)


def _going(folder: Path, decision: Decision) -> _Going | None:
    rows = {
        row["id"]: row
        for path in sorted((folder / "packs").glob("*/pack.json"))
        for row in json_of(path.read_bytes())["records"]
        if {row["id"], *row.get("merged", ())} & {*decision.ids}
    }
    ids = {*decision.ids, *(id for row in rows.values() for id in (row["id"], *row.get("merged", ())))}
    slugs = {decision.slug, *(row["slug"] for row in rows.values())}
    found = _Going(decision, frozenset(ids), frozenset(slugs))
    is_there = bool(rows) or (decision.is_takedown and next(_traces(folder, found), None) is not None)
    return found if is_there else None


def _traces(folder: Path, going: _Going) -> Iterator[str]:
    """The files of the release in ``folder`` that name the record or its page."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        parts = [path.read_bytes()]
        if path.suffix == ".pdf":
            parts.append(attached_records(path))  # its pages are made of the same
        if path.suffix in _ARCHIVES:
            with zipfile.ZipFile(path) as archive:
                parts = [archive.read(name) for name in archive.namelist()]
        if any(redact.traces(part, going.ids, going.slugs) for part in parts):
            yield path.relative_to(folder).as_posix()


def _redact(folder: Path, going: _Going) -> list[str]:
    """Take the record out of all files but PDFs. Gives the ids of the packs that have changed."""
    decision = going.decision
    packs = []
    used: set[tuple[str, str]] = set()
    lost: dict[str, Mapping[str, Any]] = {}
    kept: dict[str, Mapping[str, Any]] = {}
    successor: Mapping[str, Any] | None = None
    for path in sorted((folder / "packs").glob("*/pack.json")):
        data = json_of(path.read_bytes())
        left = redact.pack(data, going.ids)
        used |= {(row["hub"], row["source"]["file"]) for row in left["records"]}
        kept |= {row["id"]: row for row in left["records"]}
        lost |= {row["id"]: row for row in data["records"] if row["id"] in going.ids}
        successor = next((row for row in left["records"] if row["id"] == decision.successor), successor)
        if left != data:
            write_bytes(path, writers.json_bytes(left))
            write_pack_tables(path.parent)
            packs.append(path.parent.name)
    _edit(folder / "coverage.json", lambda data: redact.coverage(data, going.ids, lost.values(), kept.values()))
    notices = json_of((folder / "coverage.json").read_bytes()).get("withdrawn", ())
    used |= {(notice["hub"], notice["source"]["file"]) for notice in notices if notice["source"]}
    _edit(folder / PROVENANCE, lambda data: redact.provenance(data, going.ids, used))
    _edit(folder / "changes.json", lambda data: redact.told_changes(data, going.ids))
    take_out(folder, going.ids)
    pages = {RECORD_PAGES.format(language=code, slug=slug) for code in strings.LANGUAGES for slug in going.slugs}
    for path in sorted(folder.rglob("*.html")):
        name = path.relative_to(folder).as_posix()
        html = path.read_text(encoding="utf-8")
        if name in pages:
            if decision.is_takedown:
                path.unlink()
                continue
            changed = redact.unlisted(html)
        else:
            changed = redact.page(html, going.ids)
            changed = redact.relinked(changed, name, going.slugs) if decision.is_takedown else changed
        if changed != html:
            note = _note(folder, decision, successor, name, is_own=name in pages)
            write_bytes(path, redact.noted(changed, note).encode())
    return packs


def _describe(
    folder: Path, before: Mapping[str, str], packs: Collection[str], at: datetime, key: Ed25519PrivateKey
) -> None:
    """Make again what is made of ``packs``, which have changed with the decision of ``at``, and what tells of the
    release in ``folder`` which files and pages it has. ``before`` are its checksums as it was. Releases of older
    versions do not say where they stand, and describe nothing.
    """
    manifest = json_of((folder / MANIFEST).read_bytes())
    address = manifest.get("address")
    if address is not None:
        hubs = {hub["id"]: hub["name"] for hub in json_of((folder / "coverage.json").read_bytes())["hubs"]}
        for pack in packs:
            _edit(
                folder / "packs" / pack / "pack.json",
                lambda data: data | citation.of_pack(data, hubs, address) | introductions.again(data, hubs),
            )
    if packs and (folder / SEARCH).is_dir():  # releases of older versions have none
        write_search(folder)
    for pack in sorted(packs):
        remake_pack_pdf(folder, pack, at)
    for archive in sorted(folder.glob(f"packs/*/{ARCHIVE}")):
        made_of = [*archive.parent.iterdir()]
        if assessments_of(folder, archive.parent.name):
            made_of += [folder / path_of(language) for language in strings.LANGUAGES]
        if any(sha256_of(path) != before.get(path.relative_to(folder).as_posix()) for path in made_of):
            write_archive(folder, archive.parent.name, str(address))
            sign_archive(folder, archive.parent.name, manifest["id"], key)
    if (folder / DATAPACKAGE).is_file():
        write_datapackage(folder)
    if address is not None:
        write_metadata(folder, address)
        write_sitemaps(folder, address)


def _edit(path: Path, change: Any) -> None:
    """Put what ``change`` makes of a statement in its place, unless that is the same."""
    if path.is_file():  # releases of older versions lack some
        data = json_of(path.read_bytes())
        if (changed := change(data)) != data:
            write_bytes(path, writers.json_bytes(changed))


@cache
def _erratum() -> Template:
    return environment().get_template("erratum.html")


def _note(folder: Path, decision: Decision, successor: Mapping[str, Any] | None, name: str, *, is_own: bool) -> str:
    """The erratum on the page called ``name``. ``successor`` is the row of the record that takes the place of the one
    that goes, None when the release has none.
    """
    language = name.partition("/")[0]
    language = language if language in strings.LANGUAGES else "cy" if name.endswith(".cy.html") else "en"
    up = "../" * name.count("/")

    def page_of(slug: str) -> str | None:
        path = RECORD_PAGES.format(language=language, slug=slug)
        return f"{up}{path}" if (folder / path).is_file() else None

    return _erratum().render(
        t=lambda key, **values: strings.text(key, language, **values),
        day=strings.day(decision.at, language),
        decision=decision,
        is_own=is_own,
        address=None if is_own or decision.is_takedown else page_of(decision.slug),
        successor=successor
        and {
            "address": page_of(successor["slug"]),
            "language": successor["language"],
            "heading": heading(successor),
        },
        errata=f"{up}{ERRATA}",
    )


def _seal(
    folder: Path,
    known: Mapping[str, Any],
    decisions: Sequence[Decision],
    before: Mapping[str, str],
    signs: ReleaseKey,
) -> None:
    manifest = json_of((folder / MANIFEST).read_bytes())
    for name in (*UNLISTED, MANIFEST, ERRATA):
        (folder / name).unlink(missing_ok=True)
    listed = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    after = {name: sha256_of(path) for name, path in listed.items()}
    others = {name: digest for name, digest in before.items() if name not in (MANIFEST, ERRATA)}
    told = errata.next_issue(known, decisions, others, after)
    (folder / ERRATA).write_bytes(writers.json_bytes(told))
    own = {"issue": told["issue"], "reissued": errata.reissued_at(decisions), "signed_by": signs.public.text}
    seal(folder, manifest | own)
