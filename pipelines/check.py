"""Checking a feed without keeping it: the one function behind ``hubpacks check``, the intake and the tests that hold
all doors against one another.

A feed is taken in as a pull takes it, with the same refusals, and judged by the same judge. What the verdict is to lead
to is for those who ask.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from hubs.contract.verdict import Verdict
from hubs.feed import Feed
from hubs.instruments import Instrument
from hubs.judge import judge
from hubs.registration import Registration
from pipelines.files import copy_hashed
from pipelines.pull.base import MAX_FEED_BYTES, PullFailed, Visit
from pipelines.pull.declared import confirm
from pipelines.pull.entries import Entry, entries
from pipelines.pull.known import Nothing
from pipelines.pull.network import Network
from pipelines.store import SnapshotFile, digest_of_files

Progress = Callable[[str, int, int | None], None]
"""Told what is being done (``files fetched``, ``files read``, ``rows judged``), how many are done, and of how many."""


def quiet(_what: str, _done: int, _total: int | None) -> None:
    """Progress that nobody looks at."""


@dataclass(frozen=True)
class _Watched(Feed):
    """A feed that tells of the files that are read as a whole; tables are told of by their rows."""

    progress: Progress = quiet
    seen: set[str] = field(default_factory=set)

    def read(self, name: str) -> bytes:
        if name not in self.seen:
            self.seen.add(name)
            self.progress("files read", len(self.seen), len(self.files))
        return super().read(name)


@dataclass(frozen=True)
class Checked:
    """What came of a check: the ``verdict``, or the ``refusal`` (finding code and detail) of a feed that could not be
    had. ``digest`` is that of the snapshot which a pull of the same bytes would make.
    """

    verdict: Verdict | None
    refusal: tuple[str, str] | None
    digest: str | None


def check(
    address: str,
    registration: Registration,
    banks: Mapping[str, Instrument],
    now: datetime,
    scratch: Path,
    *,
    progress: Progress = quiet,
) -> Checked:
    """Judge the feed at ``address`` (absolute path or web address) as the pipeline would.

    A folder and a plain file are judged where they lie; what comes packed or over the web is unpacked into ``scratch``,
    which also takes the Parquet files of judged tables. OSError may come from the disk.
    """
    try:
        feed, digest = _taken(address, registration, scratch, progress)
    except PullFailed as failure:
        return Checked(None, (failure.code, failure.told(registration)), None)
    folder = Path(tempfile.mkdtemp(dir=scratch))
    rows = 0

    def on_rows(more: int) -> None:
        nonlocal rows
        rows += more
        progress("rows judged", rows, None)

    return Checked(judge(feed, registration, banks, now.date(), folder, on_rows=on_rows), None, digest)


def _taken(address: str, registration: Registration, scratch: Path, progress: Progress) -> tuple[Feed, str]:
    """The feed, each of its bytes read once, and its digest. Raises PullFailed."""
    files: list[SnapshotFile] = []
    paths: dict[str, Path] = {}
    remaining = MAX_FEED_BYTES
    folder = Path(tempfile.mkdtemp(dir=scratch))
    # Whoever checks has typed the address on this machine, and may go where this machine may.
    visitor = registration.model_copy(update={"private_address": True})
    with Network() as network, closing(entries(visit := Visit(address, visitor, network, Nothing()))) as found:
        for entry in found:
            # Names of the feed are never names here: what one disk can hold, another cannot.
            paths[entry.name] = entry.path or folder / str(len(files))
            file = _read(entry, paths[entry.name], remaining)
            remaining -= file.bytes
            files.append(file)
            progress("files fetched", len(files), None)
    confirm(registration, files, lambda file: paths[file.path])
    return _Watched(paths, visit.dates, progress), digest_of_files(files)


def _read(entry: Entry, path: Path, limit_bytes: int) -> SnapshotFile:
    """Read the whole file, so that what is wrong with it shows now, and keep it at ``path`` unless it lies there."""
    with Path("/dev/null" if entry.path else path).open("wb") as kept:
        try:
            sha256, size = copy_hashed(entry.source, kept, limit_bytes)
        except OverflowError as error:
            raise PullFailed("too_large", f"more than {MAX_FEED_BYTES:,} bytes, at {entry.name}") from error
    return SnapshotFile(entry.name, sha256, size)
