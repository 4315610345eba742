"""Pull: bring a hub's feed into the store, whole or not at all. The only room that opens a socket.

Each connector is one module that yields a feed's files; what they contain is for the judge to say.
"""

from __future__ import annotations

import os
import stat
from contextlib import closing
from datetime import datetime
from pathlib import Path, PurePosixPath

from hubs.registration import Registration
from pipelines.pull import archive, folder, web
from pipelines.pull.base import MAX_FEED_BYTES, MAX_FILES, MAX_PATH_CHARACTERS, Files, PullFailed, Source
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
    files: dict[str, SnapshotFile] = {}
    remaining = MAX_FEED_BYTES
    with closing(_connect(registration, address)) as entries:
        for name, stream in entries:
            with closing(stream):
                if len(files) == MAX_FILES:
                    raise PullFailed("too_large", f"more than {MAX_FILES:,} files")
                _refuse_harm(name)
                if name in files:
                    raise PullFailed("unsafe_path", f"{name} appears twice")
                try:
                    sha256, size = store.add_blob(Source(name, stream), remaining)
                except OverflowError as error:
                    raise PullFailed("too_large", f"more than {MAX_FEED_BYTES:,} bytes, at {name}") from error
            remaining -= size
            files[name] = SnapshotFile(name, sha256, size)
    dates = folder.git_dates(Path(address)) if registration.needs_git_dates else {}
    return store.add_snapshot(registration.id, address, now, list(files.values()), dates)


def _connect(registration: Registration, address: str) -> Files:
    scheme = address.partition("://")[0].lower() if "://" in address else ""
    if scheme in ("http", "https"):
        return web.files(address, _token(registration))
    if scheme:
        raise PullFailed("address_refused", f"addresses of the kind {scheme}:// cannot be pulled")
    path = Path(address)
    try:
        mode = path.stat().st_mode
    except FileNotFoundError as error:
        raise PullFailed("address_refused", f"there is no {path}") from error
    except (OSError, ValueError) as error:
        raise PullFailed("address_refused", f"{path}: {getattr(error, 'strerror', None) or error}") from error
    if stat.S_ISDIR(mode):
        return folder.files(path)
    if not stat.S_ISREG(mode):
        raise PullFailed("address_refused", f"{path} is no plain file")
    return archive.files(path) if archive.is_archive(path) else folder.single_file(path)


def _token(registration: Registration) -> str | None:
    if registration.secret is None:
        return None
    token = os.environ.get(registration.secret, "").strip()
    if not token:
        raise PullFailed("address_refused", f"the secret {registration.secret} is not set in the environment")
    if not (token.isascii() and token.isprintable()):
        raise PullFailed("address_refused", f"the secret {registration.secret} holds characters that no token has")
    return token


def _refuse_harm(name: str) -> None:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or name != str(path):
        raise PullFailed("unsafe_path", name)
    if not name.isprintable() or len(name) > MAX_PATH_CHARACTERS:  # also a name that is no text at all
        raise PullFailed("unsafe_path", f"{name} is no name that can be kept")
