"""Pull: bring a hub's feed into the store, whole or not at all. The only room that opens a socket.

Each connector is one module that yields a feed's files; what they contain is for the judge to say.
"""

from __future__ import annotations

import os
from contextlib import closing
from datetime import datetime
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from hubs.registration import Registration
from pipelines.pull import archive, folder, web
from pipelines.pull.base import MAX_FEED_BYTES, MAX_FILES, Files, PullFailed
from pipelines.store import Snapshot, SnapshotFile, Store

__all__ = ["pull"]


def pull(store: Store, registration: Registration, address: str, now: datetime) -> Snapshot | None:
    """Pull the feed at ``address`` (absolute path or web address) and log the attempt in the store.

    None when the feed could not be had: the log then holds the finding code and what was seen, so that one hub never
    stops another. OSError of the store itself is raised.
    """
    try:
        snapshot = _snapshot(store, registration, address, now)
    except PullFailed as failure:
        store.log_pull(registration.id, {"at": now.isoformat(), "code": failure.code, "detail": failure.detail})
        return None
    store.log_pull(registration.id, {"at": now.isoformat(), "digest": snapshot.digest})
    return snapshot


def _snapshot(store: Store, registration: Registration, address: str, now: datetime) -> Snapshot:
    files: list[SnapshotFile] = []
    remaining = MAX_FEED_BYTES
    with closing(_connect(registration, address)) as entries:
        for name, stream in entries:
            if len(files) == MAX_FILES:
                raise PullFailed("too_large", f"more than {MAX_FILES:,} files")
            try:
                with stream:
                    sha256, size = store.add_blob(stream, remaining)
            except archive.DAMAGE as error:
                raise PullFailed("not_a_feed", f"{name} is damaged: {error}") from error
            except OverflowError as error:
                raise PullFailed("too_large", f"more than {MAX_FEED_BYTES:,} bytes, at {name}") from error
            remaining -= size
            files.append(SnapshotFile(_safe(name, files), sha256, size))
    dates = folder.git_dates(Path(address)) if registration.needs_git_dates else {}
    return store.add_snapshot(registration.id, address, now, files, dates)


def _connect(registration: Registration, address: str) -> Files:
    scheme = urlsplit(address).scheme
    if scheme in ("http", "https"):
        token = os.environ.get(registration.secret) if registration.secret else None
        if registration.secret and not token:
            raise PullFailed("address_refused", f"the secret {registration.secret} is not set in the environment")
        return web.files(address, token)
    if "://" in address:
        raise PullFailed("address_refused", f"addresses of the kind {scheme}:// cannot be pulled")
    path = Path(address)
    if path.is_dir():
        return folder.files(path)
    if not path.exists():
        raise PullFailed("address_refused", f"there is no {path}")
    return archive.files(path) if archive.is_archive(path) else folder.single_file(path)


def _safe(name: str, files: list[SnapshotFile]) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name or name != str(path):
        raise PullFailed("unsafe_path", name)
    if any(file.path == name for file in files):
        raise PullFailed("unsafe_path", f"{name} appears twice")
    return name
