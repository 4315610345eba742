"""The files of a feed, wherever it is, one after the other: what is refused here, no door takes.

Which connector fits an address is decided here; keeping the bytes is for the caller.
"""

from __future__ import annotations

import stat
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from pipelines.pull import archive, folder
from pipelines.pull.base import Connector, Files, PullFailed, Source, Visit, refuse_harm, refuse_too_large


@dataclass(frozen=True)
class Entry:
    """One file of a feed. ``name`` is its path inside the feed, ``source`` its bytes; ``path`` is where the same bytes
    lie on this machine, None unless the feed is a folder or a file here.
    """

    name: str
    source: Source
    path: Path | None


def entries(visit: Visit) -> Generator[Entry, None, None]:
    """The files of the feed that is visited; each must be read before the next.

    Raises PullFailed for what no feed may be or hold, NotModified. How large it may be is for those who count its
    bytes.
    """
    names: set[str] = set()
    scheme = visit.address.partition("://")[0].lower() if "://" in visit.address else ""
    files, root = (_connector(scheme, visit)(visit), None) if scheme else _local(visit)
    with closing(files):
        for name, stream in files:
            with closing(stream):
                refuse_too_large(len(names) + 1)
                refuse_harm(name)
                if name in names:
                    raise PullFailed("unsafe_path", f"{name} appears twice")
                names.add(name)
                yield Entry(name, Source(name, stream), root / name if root else None)


def _connector(scheme: str, visit: Visit) -> Connector:
    """The connector for addresses that begin with ``scheme``. Each is imported only when it is needed: their clients
    take long to import, and most feeds that are checked lie on this machine.
    """
    match scheme:
        case "http" | "https" if visit.registration.paging:
            from pipelines.pull import paged

            return paged.files
        case "http" | "https":
            from pipelines.pull import web

            return web.files
        case "git+https" | "git+http" | "git+file":
            from pipelines.pull import git

            return git.files
        case "s3":
            from pipelines.pull import s3

            return s3.files
        case "sftp":
            from pipelines.pull import sftp

            return sftp.files
        case _:
            raise PullFailed("address_refused", f"addresses of the kind {scheme}:// cannot be pulled")


def _local(visit: Visit) -> tuple[Files, Path | None]:
    """The files of a folder, a zip or a plain file here, and the folder in which they lie as they are."""
    path = Path(visit.address)
    try:
        mode = path.stat().st_mode
    except FileNotFoundError as error:
        raise PullFailed("address_refused", f"there is no {path}") from error
    except (OSError, ValueError) as error:
        raise PullFailed("address_refused", f"{path}: {getattr(error, 'strerror', None) or error}") from error
    if stat.S_ISDIR(mode):
        if visit.registration.needs_git_dates:
            visit.dates.update(folder.git_dates(path))
        return folder.files(path), path
    if not stat.S_ISREG(mode):
        raise PullFailed("address_refused", f"{path} is no plain file")
    if archive.is_archive(path):
        return archive.files(path), None
    return folder.single_file(path), path.parent
