"""Feeds in a zip."""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import IO

from hubs.feed import NOT_CONTENT
from pipelines.pull.base import MAX_FEED_BYTES, MAX_FILES, MAX_RATIO, Files, PullFailed, Source

DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, NotImplementedError),
    *(RuntimeError, ValueError, IndexError, OverflowError, MemoryError),
)
"""What reading a damaged zip raises, at opening or later."""
MAX_DIRECTORY_BYTES = 64 << 20
"""Of a zip's list of its files, which is held in memory as a whole."""
MAX_ENTRIES = 2 * MAX_FILES
"""In that list, since folders stand there too."""
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_SMALL_BYTES = 1 << 20
"""What may be packed as tightly as it likes."""
_HEADER_BYTES = 30
"""In front of each file at the least."""
_ENTRY = b"PK\x01\x02"
_NOT_CONTENT = {"__MACOSX", *NOT_CONTENT}
_WORKBOOK_MEMBERS = ("xl/workbook.xml", "mimetype")


def is_archive(source: Path | IO[bytes]) -> bool:
    """Whether this is a zip of files, and not a workbook (which is a zip too). An open file is at its beginning
    afterwards. Raises PullFailed for a damaged one.
    """
    try:
        if not zipfile.is_zipfile(source):
            return False
        with _opened(source) as archive:
            return not any(name in _WORKBOOK_MEMBERS for name in archive.namelist())
    except DAMAGE as error:
        raise PullFailed("not_a_feed", f"the zip is damaged: {error}") from error
    finally:
        if not isinstance(source, Path):
            source.seek(0)


def files(source: Path | IO[bytes]) -> Files:
    """Every file of the zip, in order of path. A single top folder that holds all is left out of the paths.

    Refuses what could do harm before anything is unpacked: paths that lead out, links, passwords, bombs.
    """
    try:
        with _opened(source) as archive:
            _refuse_overlap(archive)
            members = sorted((m for m in archive.infolist() if _is_content(m)), key=lambda m: m.filename)
            for member in members:
                _refuse_harm(member)
            if sum(member.file_size for member in members) > MAX_FEED_BYTES:
                raise PullFailed("too_large", f"unpacks to more than {MAX_FEED_BYTES:,} bytes")
            _refuse_tight("the zip", sum(m.file_size for m in members), sum(m.compress_size for m in members))
            top = _common_top([member.filename for member in members])
            for member in members:
                yield member.filename.removeprefix(top), Source(member.filename, archive.open(member), DAMAGE)
    except DAMAGE as error:
        raise PullFailed("not_a_feed", f"the zip is damaged: {error}") from error


class _Bounded:
    """An open zip of which no more is read at once than a list of files may have. ``zipfile`` finds and reads that list
    in one piece, however long it says to be; looking for it before would be to find it in the same way twice.
    """

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self.seek, self.tell, self.seekable = source.seek, source.tell, source.seekable

    def read(self, size: int = -1, /) -> bytes:
        if size > MAX_DIRECTORY_BYTES:
            raise PullFailed("too_large", f"the zip's list of files has more than {MAX_DIRECTORY_BYTES:,} bytes")
        data = self._source.read(size)
        if data.count(_ENTRY) > MAX_ENTRIES:
            raise PullFailed("too_large", f"the zip lists more than {MAX_ENTRIES:,} files and folders")
        return data


@contextmanager
def _opened(source: Path | IO[bytes]) -> Iterator[zipfile.ZipFile]:
    opened = source.open("rb") if isinstance(source, Path) else nullcontext(source)
    with opened as file, zipfile.ZipFile(_Bounded(file)) as archive:
        yield archive


def _refuse_overlap(archive: zipfile.ZipFile) -> None:
    """Raise PullFailed when the same packed bytes belong to several files: then little unpacks to much."""
    spans = sorted((m.header_offset, m.header_offset + _HEADER_BYTES + m.compress_size) for m in archive.infolist())
    if any(end > start for (_, end), (start, _) in pairwise([*spans, (archive.start_dir, 0)])):
        raise PullFailed("not_a_feed", "files lie over one another in the zip")


def _is_content(member: zipfile.ZipInfo) -> bool:
    return not member.is_dir() and _NOT_CONTENT.isdisjoint(member.filename.split("/"))


def _refuse_harm(member: zipfile.ZipInfo) -> None:
    path = PurePosixPath(member.filename)
    if path.is_absolute() or ".." in path.parts or "\\" in member.filename or ":" in member.filename:
        raise PullFailed("unsafe_path", member.filename)
    if stat.S_ISLNK(member.external_attr >> 16):
        raise PullFailed("unsafe_path", f"{member.filename} is a link")
    if member.flag_bits & 0x1:
        raise PullFailed("not_a_feed", f"{member.filename} needs a password")
    if member.compress_type not in _METHODS:
        # What unpacks the others takes what it needs, and not what it is told to.
        raise PullFailed("not_a_feed", f"{member.filename} is packed in a way that is not read here: use deflate")
    _refuse_tight(member.filename, member.file_size, member.compress_size)


def _refuse_tight(what: str, size_bytes: int, packed_bytes: int) -> None:
    if size_bytes > _SMALL_BYTES and size_bytes > MAX_RATIO * max(packed_bytes, 1):
        raise PullFailed("too_large", f"{what} unpacks to over {MAX_RATIO} times its size")


def _common_top(names: list[str]) -> str:
    tops = {name.split("/", 1)[0] for name in names}
    return f"{tops.pop()}/" if len(tops) == 1 and all("/" in name for name in names) else ""
