"""Pull: bring a hub's feed into the store, whole or not at all, from its address or from the inbox of submissions.

Each connector is one module that yields a feed's files; what they contain is for the judge to say.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from hubs.registration import INTAKE, Registration
from pipelines.inbox import Inbox, Submission
from pipelines.pull import bulkhead
from pipelines.pull.base import MAX_FEED_BYTES, NotModified, PullFailed, Unreachable, Visit, shown
from pipelines.pull.declared import confirm
from pipelines.pull.known import Remembered
from pipelines.pull.network import LONGEST_AWAY, Network
from pipelines.store import Snapshot, SnapshotFile, Store

__all__ = ["pull"]


def pull(store: Store, registration: Registration, address: str, now: datetime, network: Network) -> Snapshot | None:
    """Pull the feed at ``address`` (absolute path, an address as ``entries`` takes them, or ``INTAKE``) and log the
    attempt in the store. What changed last counts: a submission that came after the address changed takes the address's
    place.

    None when the feed could not be had: the log then holds the finding code and what was seen, so that one hub never
    stops another. A server that wants to be left alone until later is, and nothing is logged. OSError of the store
    itself is raised.
    """
    door = _Door(store, registration, now, network)
    submission = Inbox(store.inbox).newest(registration.id)
    if address == INTAKE:
        return door.attempt(submission)
    snapshot = None if door.is_to_wait(address) else door.attempt(address)
    if submission is None or submission.received <= store.address_changed(registration.id):
        return snapshot
    return door.attempt(submission)


@dataclass(frozen=True)
class _Door:
    """One hub's way into the store."""

    store: Store
    registration: Registration
    now: datetime
    network: Network

    def is_to_wait(self, address: str) -> bool:
        """Whether the last answer from ``address`` was that it does not want to be asked before a later time."""
        asked = [entry for entry in self.store.pulls(self.registration.id) if "submission" not in entry]
        if not asked or asked[-1].get("address") != shown(address):
            return False
        until = datetime.fromisoformat(asked[-1]["retry_at"])
        return self.now < min(until, datetime.fromisoformat(asked[-1]["at"]) + LONGEST_AWAY)

    def attempt(self, source: str | Submission | None) -> Snapshot | None:
        """Pull once, and log what came of it."""
        entry: dict[str, str | bool] = {"at": self.now.isoformat()}
        if isinstance(source, Submission):
            entry["submission"] = source.id
        try:
            address, fetched = self._where(source)
            snapshot, is_unchanged = self._snapshot(address, fetched)
        except PullFailed as failure:
            entry |= {"code": failure.code, "detail": failure.told(self.registration)}
            if isinstance(failure, Unreachable) and failure.retry_at is not None:
                entry |= {"address": shown(address), "retry_at": failure.retry_at.isoformat()}
            self.store.log_pull(self.registration.id, entry)
            return None
        entry |= {"digest": snapshot.digest} | ({"unchanged": True} if is_unchanged else {})
        self.store.log_pull(self.registration.id, entry)
        return snapshot

    def _where(self, source: str | Submission | None) -> tuple[str, datetime]:
        """The address of the bytes, and when they were fetched: a submission was fetched when it was received."""
        if source is None:
            raise PullFailed("nothing_submitted", "the inbox is empty")
        if isinstance(source, str):
            return source, self.now
        try:
            return str(Inbox(self.store.inbox).feed(source)), source.received
        except FileNotFoundError as error:
            raise PullFailed("nothing_submitted", f"{source.id} was replaced by another just now") from error

    def _snapshot(self, address: str, fetched: datetime) -> tuple[Snapshot, bool]:
        """The snapshot, and whether the hub's server said that it is what it was."""
        store, known = self.store, Remembered(self.store, self.registration, address, fetched)
        visit = Visit(address, self.registration, self.network, known)
        with store.incoming() as incoming:
            try:
                files = self._taken(visit, incoming)
            except NotModified:
                return known.snapshot(), True
            confirm(self.registration, files, lambda file: store.blob(file.sha256, incoming))
            snapshot = store.add_snapshot(
                self.registration.id, shown(address), fetched, files, visit.dates, incoming=incoming
            )
        known.save(snapshot)
        return snapshot, False

    def _taken(self, visit: Visit, incoming: Path) -> list[SnapshotFile]:
        """The files of the feed, their bytes in ``incoming`` or in the store. Raises PullFailed, NotModified."""
        files: list[SnapshotFile] = []
        remaining = MAX_FEED_BYTES
        with closing(bulkhead.files(visit)) as found:
            for name, stream in found:
                try:
                    sha256, size = self.store.add_blob(stream, incoming, remaining)
                except OverflowError as error:
                    raise PullFailed("too_large", f"more than {MAX_FEED_BYTES:,} bytes, at {name}") from error
                remaining -= size
                files.append(SnapshotFile(name, sha256, size))
        return files
