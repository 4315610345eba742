"""Pull: bring a hub's feed into the store, whole or not at all, from its address or from the inbox of submissions.

Each connector is one module that yields a feed's files; what they contain is for the judge to say.
"""

from __future__ import annotations

from contextlib import closing
from datetime import datetime

from hubs.registration import INTAKE, Registration
from pipelines.inbox import Inbox, Submission
from pipelines.pull.base import MAX_FEED_BYTES, PullFailed
from pipelines.pull.entries import dates, entries
from pipelines.store import Snapshot, SnapshotFile, Store

__all__ = ["pull"]


def pull(store: Store, registration: Registration, address: str, now: datetime) -> Snapshot | None:
    """Pull the feed at ``address`` (absolute path, web address or ``INTAKE``) and log the attempt in the store. What
    changed last counts: a submission that came after the address changed takes the address's place.

    None when the feed could not be had: the log then holds the finding code and what was seen, so that one hub never
    stops another. OSError of the store itself is raised.
    """
    submission = Inbox(store.inbox).newest(registration.id)
    if address == INTAKE:
        return _attempt(store, registration, submission, now)
    snapshot = _attempt(store, registration, address, now)
    if submission is None or submission.received <= store.address_changed(registration.id):
        return snapshot
    return _attempt(store, registration, submission, now)


def _attempt(
    store: Store, registration: Registration, source: str | Submission | None, now: datetime
) -> Snapshot | None:
    entry = {"at": now.isoformat()}
    if isinstance(source, Submission):
        entry["submission"] = source.id
    try:
        snapshot = _snapshot(store, registration, *_where(store, source, now))
    except PullFailed as failure:
        store.log_pull(registration.id, entry | {"code": failure.code, "detail": failure.detail})
        return None
    store.log_pull(registration.id, entry | {"digest": snapshot.digest})
    return snapshot


def _where(store: Store, source: str | Submission | None, now: datetime) -> tuple[str, datetime]:
    """The address of the bytes, and when they were fetched: a submission was fetched when it was received."""
    if source is None:
        raise PullFailed("nothing_submitted", "the inbox is empty")
    if isinstance(source, str):
        return source, now
    try:
        return str(Inbox(store.inbox).feed(source)), source.received
    except FileNotFoundError as error:
        raise PullFailed("nothing_submitted", f"{source.id} was replaced by another just now") from error


def _snapshot(store: Store, registration: Registration, address: str, now: datetime) -> Snapshot:
    files: list[SnapshotFile] = []
    remaining = MAX_FEED_BYTES
    with closing(entries(registration, address)) as found:
        for entry in found:
            try:
                sha256, size = store.add_blob(entry.source, remaining)
            except OverflowError as error:
                raise PullFailed("too_large", f"more than {MAX_FEED_BYTES:,} bytes, at {entry.name}") from error
            remaining -= size
            files.append(SnapshotFile(entry.name, sha256, size))
    return store.add_snapshot(registration.id, address, now, files, dates(registration, address))
