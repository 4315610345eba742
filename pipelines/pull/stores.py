"""Feeds on a store of files that gives a list and one file after the other: what object stores and SFTP servers share.

Such a store may change while it is read, and knows no versions of the whole. So the list is asked for before and after,
and a feed is only what stood still in between. How each is spoken to is for its own module.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import AbstractContextManager
from pathlib import PurePosixPath
from typing import IO, NamedTuple, Protocol, TypedDict

from hubs.feed import NOT_CONTENT
from pipelines.pull import archive
from pipelines.pull.base import (
    Files,
    NotModified,
    PullFailed,
    Unreachable,
    Visit,
    refuse_harm,
    refuse_too_large,
)


class Info(TypedDict):
    """What a filesystem says of a file. ``name`` is its full name on the store, ``size`` in bytes, ``type`` ``file`` or
    another word for what is none; ``mark`` changes when the content does.
    """

    name: str
    size: int
    type: str
    mark: str


class Filesystem(Protocol):
    """What is asked of a store. It raises PullFailed."""

    def find(self, path: str) -> dict[str, Info]:
        """All that is under ``path`` and no folder, by name. More than ``MAX_FILES`` need not be found."""

    def open(self, path: str, info: Info) -> AbstractContextManager[IO[bytes]]:
        """The whole of a file, at its beginning; Unreachable when it is not what ``info`` said."""


class _Listed(NamedTuple):
    path: str
    name: str
    size: int
    mark: str


def files(visit: Visit, filesystem: Filesystem, root: str) -> Files:
    """Every file under ``root``, in order of path. ``root`` may be a file; if that is a zip, the files in it.

    Raises PullFailed, Unreachable when anything has changed meanwhile; NotModified when all is as at the last visit.
    """
    found = filesystem.find(root)
    listed = _listed(root, found)
    if visit.known.validator(visit.address) == _validator(listed):
        raise NotModified
    for file in listed:
        with filesystem.open(file.name, found[file.name]) as body:
            if file.name == root and archive.is_archive(body):
                yield from archive.files(body)
            else:
                yield file.path, body
    if _listed(root, filesystem.find(root)) != listed:
        raise Unreachable("files have changed while they were read")
    visit.known.keep(visit.address, _validator(listed))


def _listed(root: str, found: dict[str, Info]) -> list[_Listed]:
    listed = []
    for name, info in found.items():
        path = PurePosixPath(name).name if name == root else name.removeprefix(f"{root.rstrip('/')}/" if root else "")
        if NOT_CONTENT.isdisjoint(path.split("/")):
            refuse_harm(path)
            if info["type"] != "file":
                raise PullFailed("unsafe_path", f"{path} is a link or no plain file")
            listed.append(_Listed(path, name, info["size"], info["mark"]))
    if not listed:
        raise PullFailed("address_refused", "nothing lies at the feed's address")
    refuse_too_large(len(listed), sum(file.size for file in listed))
    return sorted(listed)


def _validator(listed: list[_Listed]) -> dict[str, str]:
    return {"listing": hashlib.sha256(json.dumps(listed).encode()).hexdigest()}
