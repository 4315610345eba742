"""The files of a feed, wherever it is, one after the other: what is refused here, no door takes.

Which connector fits an address is decided here; keeping the bytes is for the caller.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from hubs.registration import Registration
from pipelines.pull import archive, folder
from pipelines.pull.base import MAX_FILES, MAX_PATH_CHARACTERS, Files, PullFailed, Source


@dataclass(frozen=True)
class Entry:
    """One file of a feed. ``name`` is its path inside the feed, ``source`` its bytes; ``path`` is where the same bytes
    lie on this machine, None unless the feed is a folder or a file here.
    """

    name: str
    source: Source
    path: Path | None


def entries(registration: Registration, address: str) -> Generator[Entry, None, None]:
    """The files of the feed at ``address`` (absolute path or web address); each must be read before the next.

    Raises PullFailed for what no feed may be or hold. How large it may be is for those who count its bytes.
    """
    names: set[str] = set()
    files, root = _connect(registration, address)
    with closing(files):
        for name, stream in files:
            with closing(stream):
                if len(names) == MAX_FILES:
                    raise PullFailed("too_large", f"more than {MAX_FILES:,} files")
                _refuse_harm(name)
                if name in names:
                    raise PullFailed("unsafe_path", f"{name} appears twice")
                names.add(name)
                yield Entry(name, Source(name, stream), root / name if root else None)


def dates(registration: Registration, address: str) -> dict[str, str]:
    """ISO date of the last commit of each file, where the mapping asks for it and the feed is a git checkout."""
    return folder.git_dates(Path(address)) if registration.needs_git_dates else {}


def _connect(registration: Registration, address: str) -> tuple[Files, Path | None]:
    """The connector's files, and the folder in which they lie as they are."""
    scheme = address.partition("://")[0].lower() if "://" in address else ""
    if scheme in ("http", "https"):
        # The client for the web takes long to import, and most feeds that are checked lie on this machine.
        from pipelines.pull import web

        return web.files(address, _token(registration)), None
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
        return folder.files(path), path
    if not stat.S_ISREG(mode):
        raise PullFailed("address_refused", f"{path} is no plain file")
    if archive.is_archive(path):
        return archive.files(path), None
    return folder.single_file(path), path.parent


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
