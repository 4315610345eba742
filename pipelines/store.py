"""The store: snapshots by content, verdicts by snapshot and rules, and how each hub stands. A folder on disk.

Only reading and writing lives here; what a state means is decided in ``standing``. Layout:

``blobs/ab/<sha256>``                    bytes, once each, whoever sent them
``snapshots/<hub>/<digest>.json``        which blobs a hub's feed was made of
``inbox/`` ``tokens.json``               what hubs submitted (``inbox``); digests of their tokens (``tokens``)
``pulls/<hub>.jsonl``                    every attempt, one line each; ``submission`` where it came through the intake
``validators/<hub>.json``                what the last pull remembers for the next (``pull.known``)
``verdicts/<hub>/<digest>/<rules>/``     verdict.json, summary.json, records.jsonl, quarantine.jsonl, Parquet
``hubs/<hub>.json``                      the feed in use and the present state
``events/<hub>.jsonl``                   what happened to the hub's content: accepted, held, confirmed, expired, retired
``same/<hub>.json``                      feeds whose content is that of an earlier one, by digest
``ids/<hub>.json``                       the ids under which its records were ever in use
``quarantine/<hub>.json``                since when each record has been in quarantine
``registrations/<hub>.json``             each hub's last usable registration
``library.jsonl`` ``slugs.json``         the last consolidation; addresses that records have been given for good
``published.json``                       what the latest release says of whom, for receipts
``made-of/``                             digests of what the library and the benchmarks were made of
``levels/``                              organisations' levels by hub and verdict
``benchmarks.parquet`` ``distributions.parquet`` ``trends.parquet`` ``disclosure.json``   the last benchmarks, and how
                                         they were made safe
``told.parquet``                         the tables in them, by all that decides how they are told
``format.json``                          the number of this layout (``layout``)
``candidates/``                          releases that are built and wait, and what became of them (``candidates``)
``keys/``                                what releases are signed with (``keys``)
``ledger/``                              every benchmark that was ever published, and who was counted (``ledger``)
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hubs.contract.findings import Finding
from hubs.contract.records import Record, Skip, Withdrawal, canonical_json
from hubs.contract.verdict import FileAccount, JudgedTable, Quarantined, Verdict
from hubs.feed import Feed
from pipelines.candidates import Candidates
from pipelines.edition import LibraryRecord, WaveTold
from pipelines.files import (
    OWNER_ONLY_FOLDER,
    Damaged,
    Stream,
    append_line,
    clear_staging,
    copy_hashed,
    only_one,
    read_json,
    read_lines,
    read_log,
    reading,
    staging,
    together,
    write_bytes,
    write_json,
    write_lines,
)
from pipelines.identity import PublicIds
from pipelines.layout import begin
from pipelines.withdrawals import Decisions

if TYPE_CHECKING:
    import pyarrow as pa

    from pipelines.ledger import Ledger

DEFAULT_FILE_LIMIT_BYTES = 8 << 30
CACHES = ("levels", "made-of", "told.parquet", "validators", "verdicts")
"""Rooms that only save work: whoever removes them, while nobody is at work, gets the same releases, made anew."""


@dataclass(frozen=True)
class SnapshotFile:
    """One file of a snapshot: its path inside the feed, SHA-256 and size in bytes."""

    path: str
    sha256: str
    bytes: int


def digest_of_files(files: Iterable[SnapshotFile]) -> str:
    """SHA-256 over the paths and bytes of a feed's files, in whatever order they come."""
    listing = sorted([file.path, file.sha256, file.bytes] for file in files)
    return hashlib.sha256(canonical_json(listing).encode()).hexdigest()


@dataclass(frozen=True)
class Snapshot:
    """A hub's bytes at one moment. ``digest`` covers paths and bytes, not times: equal content, equal digest."""

    hub: str
    digest: str
    address: str
    fetched: datetime
    files: tuple[SnapshotFile, ...]
    dates: Mapping[str, str]


class Good(NamedTuple):
    """The feed of a hub that is in use: its digest, the key of the rules it is used under, when it was had first, when
    the hub was last found to have the same content, and the digest of that (``profiles.Profile.content``).
    """

    digest: str
    rules: str
    fetched: datetime
    seen: datetime
    content: str

    @property
    def key(self) -> tuple[str, str]:
        """What its verdict is found by."""
        return self.digest, self.rules


class Anchor(NamedTuple):
    """The feed by which losses are summed up: the last good one before they began, when it was last had, and the local
    ids of what has gone since by withdrawal or for want of an open licence.
    """

    good: Good
    excused: tuple[str, ...]


@dataclass(frozen=True)
class Standing:
    """How a hub stands: its present state, the feed in use, the last that was (also when it is so no more), and the
    newest one (snapshot digest and rules key).

    ``change`` is what the newest would change in the one in use (``breaker.Change``); ``blocked`` are local ids of
    records in the last feed that must not go out; ``anchor`` is there while something that was lost has not come back.
    """

    state: str
    since: datetime
    reason: str | None
    held_by: tuple[str, ...]
    good: Good | None
    last: Good | None
    newest_digest: str | None
    newest_rules: str | None
    change: Mapping[str, Any] | None
    blocked: tuple[str, ...]
    anchor: Anchor | None

    @property
    def good_digest(self) -> str | None:
        """The digest of the feed in use."""
        return self.good.digest if self.good else None


class Store:
    """The store in folder ``root``. Every write is atomic; a killed run leaves nothing that is read."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @contextlib.contextmanager
    def locked(self, what: str) -> Iterator[None]:
        """Keep everybody else from doing ``what`` (``run``, ``release``, ``hub-<id>``) here. Raises files.Busy."""
        # Returns lie in it. A folder that was there already stays as its owner has made it.
        self.root.mkdir(mode=OWNER_ONLY_FOLDER, parents=True, exist_ok=True)
        with only_one(self.root / "locks" / what):
            begin(self.root)
            clear_staging(self._staging)
            yield

    @property
    def _staging(self) -> Path:
        """Where is kept what is not complete yet."""
        return self.root / "staging"

    @property
    def inbox(self) -> Path:
        """Where the intake keeps what hubs submit."""
        return self.root / "inbox"

    @property
    def keys(self) -> Path:
        """Where the key of releases is kept, and the list of all keys there ever were."""
        return self.root / "keys"

    @property
    def decisions(self) -> Decisions:
        """What the operator has decided to withdraw."""
        return Decisions(self.root / "withdrawals.jsonl")

    @property
    def candidates(self) -> Candidates:
        """Releases that are built and not published."""
        return Candidates(self.root / "candidates")

    @property
    def tokens(self) -> Path:
        """Where the digests of the hubs' tokens are kept."""
        return self.root / "tokens.json"

    # Snapshots.

    @contextlib.contextmanager
    def incoming(self) -> Iterator[Path]:
        """A folder for the blobs of a feed that is not whole yet. Those that no snapshot has taken go with it."""
        with staging(self._staging) as folder:
            yield folder

    def add_blob(self, stream: Stream, incoming: Path, limit_bytes: int = DEFAULT_FILE_LIMIT_BYTES) -> tuple[str, int]:
        """Take the bytes of ``stream`` into ``incoming``, unless they are here already; give their SHA-256 and size.
        Raises OverflowError past the limit.
        """
        handle, name = tempfile.mkstemp(dir=incoming)
        staged = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                sha256, size = copy_hashed(stream, file, limit_bytes)
            target = self.blob(sha256)
            if not target.exists() or target.stat().st_size != size:  # the power may have failed half-way
                staged.chmod(0o444)
                staged.replace(incoming / sha256)
        finally:
            staged.unlink(missing_ok=True)
        return sha256, size

    def blob(self, sha256: str, incoming: Path | None = None) -> Path:
        """Where the bytes with this digest lie, of a snapshot or in ``incoming``."""
        if incoming is not None and (staged := incoming / sha256).exists():
            return staged
        return self.root / "blobs" / sha256[:2] / sha256

    def add_snapshot(
        self,
        hub: str,
        address: str,
        fetched: datetime,
        files: list[SnapshotFile],
        dates: Mapping[str, str],
        *,
        incoming: Path,
    ) -> Snapshot:
        """Keep the complete snapshot of a hub, with its blobs in ``incoming``. The same content again gives the earlier
        snapshot, first fetch time and all: identical bytes are not news.
        """
        for file in files:
            if (staged := incoming / file.sha256).exists():
                target = self.blob(file.sha256)
                target.parent.mkdir(parents=True, exist_ok=True)
                staged.replace(target)
        ordered = tuple(sorted(files, key=lambda file: file.path))
        digest = digest_of_files(ordered)
        path = self._snapshot_path(hub, digest)
        if not path.exists():
            data = {
                "hub": hub,
                "digest": digest,
                "address": address,
                "fetched": fetched.isoformat(),
                "files": [[file.path, file.sha256, file.bytes] for file in ordered],
                "dates": dict(dates),
            }
            write_json(path, data)
        return self.snapshot(hub, digest)

    def snapshot(self, hub: str, digest: str) -> Snapshot:
        """The snapshot with this digest. Raises FileNotFoundError and files.Damaged."""
        with reading(self._snapshot_path(hub, digest)) as data:
            files = tuple(SnapshotFile(*entry) for entry in data["files"])
            fetched = datetime.fromisoformat(data["fetched"])
            return Snapshot(hub, digest, data["address"], fetched, files, data["dates"])

    def feed(self, snapshot: Snapshot) -> Feed:
        """The snapshot as the judge reads it."""
        return Feed({file.path: self.blob(file.sha256) for file in snapshot.files}, snapshot.dates)

    def log_pull(self, hub: str, entry: Mapping[str, Any]) -> None:
        """Append one attempt to the hub's log of pulls."""
        append_line(self.root / "pulls" / f"{hub}.jsonl", entry)

    def pulls(self, hub: str) -> list[dict[str, Any]]:
        """Every attempt in the hub's log of pulls, oldest first."""
        return read_log(self.root / "pulls" / f"{hub}.jsonl")

    def address_changed(self, hub: str) -> datetime:
        """When the content at the hub's own address was last seen to change; long ago if it never was."""
        same = self._same(hub)
        pulled = [
            (entry["at"], same.get(entry["digest"], entry["digest"]))
            for entry in self.pulls(hub)
            if "digest" in entry and "submission" not in entry
        ]
        changes = [at for (_, before), (at, after) in pairwise(pulled) if before != after]
        return datetime.fromisoformat(changes[-1]) if changes else datetime.min.replace(tzinfo=UTC)

    def note_same(self, hub: str, digest: str, earlier: str) -> None:
        """Remember that the feed ``digest`` has the content of the one ``earlier``, whatever else is different."""
        same = self._same(hub)
        if digest not in same:
            write_json(self.root / "same" / f"{hub}.json", same | {digest: same.get(earlier, earlier)})

    def same_as(self, hub: str, digest: str) -> str:
        """The feed whose content the feed ``digest`` is known to have; itself where none is."""
        return self._same(hub).get(digest, digest)

    def _same(self, hub: str) -> dict[str, str]:
        return read_json(self.root / "same" / f"{hub}.json") or {}

    def last_pull(self, hub: str) -> dict[str, Any] | None:
        """The newest attempt in the hub's log of pulls; None before the first."""
        pulls = self.pulls(hub)
        return pulls[-1] if pulls else None

    def _snapshot_path(self, hub: str, digest: str) -> Path:
        return self.root / "snapshots" / hub / f"{digest}.json"

    # Verdicts.

    def verdict_folder(self, hub: str, digest: str, rules_key: str) -> Path:
        """Where the verdict on this snapshot under these rules is, or would be."""
        return self.root / "verdicts" / hub / digest / rules_key

    def has_verdict(self, hub: str, digest: str, rules_key: str) -> bool:
        """Whether this snapshot has been judged under these rules."""
        return (self.verdict_folder(hub, digest, rules_key) / "verdict.json").exists()

    @contextlib.contextmanager
    def judging(self, hub: str, digest: str, rules_key: str) -> Iterator[Path]:
        """A folder to judge in. It becomes the verdict's folder when the block ends well."""
        with staging(self._staging) as folder:
            yield folder
            target = self.verdict_folder(hub, digest, rules_key)
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.exists():  # left by a run that was killed before it wrote verdict.json
                shutil.rmtree(target)
            folder.replace(target)

    @staticmethod
    def write_verdict(folder: Path, verdict: Verdict) -> None:
        """Write ``verdict`` into ``folder``. Its tables' Parquet files must lie there already."""
        data = {
            "hub": verdict.hub,
            "contract": verdict.contract,
            "rules": verdict.rules,
            "held_by": verdict.held_by,
            "tables": [_table_to_dict(table) for table in verdict.tables],
            "skips": [[skip.file, skip.place, skip.reason] for skip in verdict.skips],
            "findings": [finding.to_dict() for finding in verdict.findings],
            "files": [[f.file, f.accepted, f.quarantined, f.skipped, f.findings, f.withdrawals] for f in verdict.files],
            "withdrawals": [withdrawal.to_dict() for withdrawal in verdict.withdrawals],
        }
        summary = {
            "counts": verdict.counts(),
            "quarantined": verdict.quarantined_by_code(),
            "quarantined_answers": verdict.answers_quarantined_by_code(),
            "derived": verdict.derived(),
        }
        with together():  # the folder as a whole takes its place later
            write_lines(folder / "records.jsonl", [record.to_dict() for record in verdict.records])
            write_lines(folder / "quarantine.jsonl", [_quarantined_to_dict(entry) for entry in verdict.quarantine])
            write_json(folder / "summary.json", summary)
            write_json(folder / "verdict.json", data)

    def verdict(self, hub: str, digest: str, rules_key: str) -> Verdict:
        """The stored verdict. Raises FileNotFoundError and files.Damaged."""
        folder = self.verdict_folder(hub, digest, rules_key)
        with reading(folder / "verdict.json") as data:
            verdict = Verdict(
                hub=data["hub"],
                contract=data["contract"],
                rules=data["rules"],
                held_by=tuple(data["held_by"]),
                records=[Record.from_dict(entry) for entry in read_lines(folder / "records.jsonl")],
                tables=[_table_from_dict(entry, folder) for entry in data["tables"]],
                quarantine=[_quarantined_from_dict(entry) for entry in read_lines(folder / "quarantine.jsonl")],
                skips=[Skip(*entry) for entry in data["skips"]],
                findings=[Finding.from_dict(entry) for entry in data["findings"]],
                files=[FileAccount(*entry) for entry in data["files"]],
                withdrawals=[Withdrawal.from_dict(entry) for entry in data.get("withdrawals", ())],
            )
        if sum(file.accepted for file in verdict.files) != len(verdict.records) + verdict.answers:
            raise Damaged(folder / "records.jsonl")
        return verdict

    def verdict_summary(self, hub: str, digest: str, rules_key: str) -> dict[str, Any]:
        """The numbers of the stored verdict alone: ``counts``, ``quarantined``, ``quarantined_answers``, ``derived``,
        as the methods of ``Verdict`` give them. Raises FileNotFoundError and files.Damaged.
        """
        with reading(self.verdict_folder(hub, digest, rules_key) / "summary.json") as data:
            return {name: dict(numbers) for name, numbers in data.items()}

    def rules_version(self, hub: str, digest: str, rules_key: str) -> str:
        """The version of the rules under which the stored verdict was made. Raises FileNotFoundError, files.Damaged."""
        with reading(self.verdict_folder(hub, digest, rules_key) / "verdict.json") as data:
            return str(data["rules"])

    # Standings.

    def standing(self, hub: str) -> Standing | None:
        """How the hub stands; None before its first pull."""
        path = self.root / "hubs" / f"{hub}.json"
        if not path.exists():
            return None
        with reading(path) as data:
            return Standing(
                **data
                | {
                    "since": datetime.fromisoformat(data["since"]),
                    "held_by": tuple(data["held_by"]),
                    "good": _good_from_list(data["good"]),
                    "last": _good_from_list(data["last"]),
                    "blocked": tuple(data["blocked"]),
                    "anchor": _anchor_from_list(data["anchor"]),
                }
            )

    def save_standing(self, hub: str, standing: Standing) -> None:
        """Keep how the hub stands."""
        data = standing.__dict__ | {
            "since": standing.since.isoformat(),
            "good": _good_to_list(standing.good),
            "last": _good_to_list(standing.last),
            "anchor": [_good_to_list(standing.anchor.good), standing.anchor.excused] if standing.anchor else None,
        }
        write_json(self.root / "hubs" / f"{hub}.json", data)

    def log_event(self, hub: str, entry: Mapping[str, Any]) -> None:
        """Append what happened to the hub's content: ``at``, ``event`` (``accepted``, ``held``, ``confirmed``,
        ``expired``, ``retired``), ``digest`` and ``content`` of the feed, and what belongs to it.
        """
        append_line(self.root / "events" / f"{hub}.jsonl", entry)

    def events(self, hub: str) -> list[dict[str, Any]]:
        """All of that, oldest first."""
        return read_log(self.root / "events" / f"{hub}.jsonl")

    def public_ids(self, hub: str) -> PublicIds:
        """The ids under which records of the hub were ever in use."""
        kept = read_json(self.root / "ids" / f"{hub}.json")
        return PublicIds.from_dict(kept) if kept else PublicIds()

    def keep_public_ids(self, hub: str, known: PublicIds) -> None:
        """Keep them."""
        write_json(self.root / "ids" / f"{hub}.json", known.to_dict())

    def remember_registration(self, hub: str, data: Mapping[str, Any]) -> None:
        """Keep the hub's registration as it was last usable."""
        path = self.root / "registrations" / f"{hub}.json"
        if read_json(path) != data:
            write_json(path, data)

    def remembered_registrations(self) -> dict[str, dict[str, Any]]:
        """The last usable registration of every hub there has ever been, by id."""
        paths = sorted((self.root / "registrations").glob("*.json"))
        found = {}
        for path in paths:
            with reading(path) as data:
                found[path.stem] = dict(data)
        return found

    def quarantined_since(self, hub: str) -> dict[str, str]:
        """When each record that is now in quarantine came there: ISO time by the record's key in ``quarantine``."""
        return read_json(self.root / "quarantine" / f"{hub}.json") or {}

    def keep_quarantined_since(self, hub: str, since: Mapping[str, str]) -> None:
        """Keep those times."""
        path = self.root / "quarantine" / f"{hub}.json"
        if since != (read_json(path) or {}):
            write_json(path, since)

    # Consolidation and counting.

    def write_library(self, library: Mapping[str, LibraryRecord]) -> None:
        """Keep the library."""
        write_lines(self.root / "library.jsonl", [entry.to_dict() for entry in library.values()])

    def library(self) -> dict[str, LibraryRecord]:
        """The library that was written last, by canonical id. Raises FileNotFoundError before the first."""
        entries = [LibraryRecord.from_dict(data) for data in read_lines(self.root / "library.jsonl")]
        return {entry.id: entry for entry in entries}

    @contextlib.contextmanager
    def making(self, what: str, key: str) -> Iterator[None]:
        """Remember of which inputs (a digest) the block makes the ``library`` or the ``benchmarks``. While it does, or
        when it was killed, they are of none.
        """
        note = self.root / "made-of" / f"{what}.json"
        note.unlink(missing_ok=True)
        yield
        write_json(note, {"key": key})

    def made_of(self, what: str) -> str | None:
        """The digest of the inputs of the ``library`` or the ``benchmarks``; None before the first."""
        return (read_json(self.root / "made-of" / f"{what}.json") or {}).get("key")

    def slugs(self) -> dict[str, str]:
        """The addresses that published records have been given, by canonical id. No two have the same one."""
        return read_json(self.root / "slugs.json") or {}

    def keep_slugs(self, library: Mapping[str, LibraryRecord]) -> None:
        """Keep the addresses of ``library``, those that another record had for the one that has them now. It comes
        before they are published: what is kept and was never published does no harm.
        """
        before = self.slugs()
        given = {entry.slug: id for id, entry in library.items()}
        kept = {id: slug for id, slug in before.items() if given.get(slug, id) == id}
        kept |= {id: slug for slug, id in given.items()}
        if kept != before:
            write_json(self.root / "slugs.json", kept)

    def note_published(self, release: str, library: Mapping[str, LibraryRecord], snapshots: Mapping[str, str]) -> None:
        """Remember what ``release`` says: its records' addresses, their content, and the digest of the snapshot it uses
        of each hub.
        """
        records: dict[str, dict[str, str]] = {}
        for id, entry in library.items():
            record = entry.record
            records[id] = {"slug": entry.slug, "language": record.document.language, "content": record.content}
            records |= {other: {"into": id} for other in entry.merged}
        write_json(self.root / "published.json", {"release": release, "records": records, "snapshots": dict(snapshots)})

    def published(self) -> dict[str, Any]:
        """What ``note_published`` wrote last: ``release`` (None before the first), ``records``, ``snapshots``."""
        return read_json(self.root / "published.json") or {"release": None, "records": {}, "snapshots": {}}

    def note_followed(self, numbers: Mapping[str, int]) -> None:
        """Remember by release up to which decision it follows what was withdrawn."""
        write_json(self.root / "followed.json", dict(numbers))

    def followed(self) -> dict[str, int]:
        """What ``note_followed`` wrote last. Without it, every release is looked through again."""
        return read_json(self.root / "followed.json") or {}

    def levels_path(self, hub: str, digest: str, rules_key: str) -> Path:
        """Where the levels of the organisations in this verdict's returns are, or would be."""
        return self.root / "levels" / hub / f"{digest[:16]}-{rules_key}.parquet"

    def write_table(self, path: Path, table: pa.Table, *more: pa.Table) -> None:
        """Put ``table`` at ``path`` as Parquet, in one step, and after its rows those of ``more``, in row groups of
        their own.
        """
        # Arrow takes long to import, and what has no tables can do without.
        import pyarrow as pa
        import pyarrow.parquet as pq

        sink = pa.BufferOutputStream()
        with pq.ParquetWriter(sink, table.schema) as file:
            for part in (table, *more):
                file.write_table(part)
        write_bytes(path, sink.getvalue().to_pybytes())

    def write_benchmarks(self, table: pa.Table) -> None:
        """Keep the benchmarks."""
        self.write_table(self.root / "benchmarks.parquet", table)

    def write_distributions(self, table: pa.Table) -> None:
        """Keep the distributions."""
        self.write_table(self.root / "distributions.parquet", table)

    def write_trends(self, table: pa.Table) -> None:
        """Keep the trends."""
        self.write_table(self.root / "trends.parquet", table)

    def write_disclosure(self, audit: Mapping[str, Any], leaks: Sequence[str], waves: Iterable[WaveTold]) -> None:
        """Keep what was done to the benchmarks so that they may be published, for readers; what could be worked out
        from them nevertheless, which is for the operator alone; and over whom they were counted.
        """
        data = {"audit": audit, "leaks": list(leaks), "waves": [wave.to_dict() for wave in waves]}
        write_json(self.root / "disclosure.json", data)

    def keep_told(self, table: pa.Table) -> None:
        """Keep what tables were told as (``disclose.remembered``), in the place of what was kept before."""
        self.write_table(self.root / "told.parquet", table)

    def told_before(self) -> pa.Table | None:
        """What ``keep_told`` kept last; None before the first, or when it cannot be read: it only saves work."""
        with contextlib.suppress(FileNotFoundError, Damaged):
            return self.table(self.root / "told.parquet")
        return None

    def benchmarks(self) -> pa.Table:
        """The benchmarks that were written last. Raises FileNotFoundError before the first."""
        return self.table(self.root / "benchmarks.parquet")

    def distributions(self) -> pa.Table:
        """The distributions that were written last. Raises FileNotFoundError before the first."""
        return self.table(self.root / "distributions.parquet")

    def trends(self) -> pa.Table:
        """The trends that were written last. Raises FileNotFoundError before the first."""
        return self.table(self.root / "trends.parquet")

    def disclosure(self) -> tuple[dict[str, Any], list[str], tuple[WaveTold, ...]]:
        """What ``write_disclosure`` kept last. Raises FileNotFoundError before the first."""
        with reading(self.root / "disclosure.json") as data:
            return data["audit"], data["leaks"], tuple(WaveTold.from_dict(wave) for wave in data["waves"])

    @property
    def ledger(self) -> Ledger:
        """What has ever been published of returns."""
        from pipelines.ledger import Ledger  # it brings numpy and pyarrow, which a check of documents does without

        return Ledger(self.root / "ledger")

    def table(self, path: Path) -> pa.Table:
        """The table that was written to ``path``. Raises FileNotFoundError and files.Damaged."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            return pq.read_table(path)
        except pa.ArrowInvalid as error:
            raise Damaged(path) from error


def _good_to_list(good: Good | None) -> list[str] | None:
    return [*good.key, good.fetched.isoformat(), good.seen.isoformat(), good.content] if good else None


def _good_from_list(data: list[str] | None) -> Good | None:
    if data is None:
        return None
    digest, rules, fetched, seen, content = data
    return Good(digest, rules, datetime.fromisoformat(fetched), datetime.fromisoformat(seen), content)


def _anchor_from_list(data: list[Any] | None) -> Anchor | None:
    if data is None:
        return None
    good = _good_from_list(data[0])
    return Anchor(good, tuple(data[1])) if good else None


def _table_to_dict(table: JudgedTable) -> dict[str, Any]:
    return table.__dict__ | {
        "accepted": table.accepted.name if table.accepted else None,
        "quarantined": table.quarantined.name if table.quarantined else None,
    }


def _table_from_dict(data: dict[str, Any], folder: Path) -> JudgedTable:
    paths = {name: folder / data[name] if data[name] else None for name in ("accepted", "quarantined")}
    return JudgedTable(**data | paths)


def _quarantined_to_dict(entry: Quarantined) -> dict[str, Any]:
    return entry.__dict__ | {"raw": entry.raw.decode("latin-1")}  # every byte survives, and text stays legible


def _quarantined_from_dict(data: dict[str, Any]) -> Quarantined:
    return Quarantined(**data | {"codes": tuple(data["codes"]), "raw": data["raw"].encode("latin-1")})
