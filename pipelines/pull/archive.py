"""Feeds in a zip."""

from __future__ import annotations

import lzma
import stat
import struct
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO

from hubs.feed import NOT_CONTENT
from pipelines.pull.base import MAX_FEED_BYTES, MAX_RATIO, Files, PullFailed, Source

DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, OSError, NotImplementedError, RuntimeError, ValueError, IndexError),
)
"""What reading a damaged zip raises, at opening or later."""
_NOT_CONTENT = {"__MACOSX", *NOT_CONTENT}
_WORKBOOK_MEMBERS = ("xl/workbook.xml", "mimetype")


def is_archive(source: Path | IO[bytes]) -> bool:
    """Whether this is a zip of files, and not a workbook (which is a zip too). An open file is at its beginning
    afterwards. Raises PullFailed for a damaged one.
    """
    try:
        if not zipfile.is_zipfile(source):
            return False
        with zipfile.ZipFile(source) as archive:
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
        with zipfile.ZipFile(source) as archive:
            members = sorted((m for m in archive.infolist() if _is_content(m)), key=lambda m: m.filename)
            for member in members:
                _refuse_harm(member)
            if sum(member.file_size for member in members) > MAX_FEED_BYTES:
                raise PullFailed("too_large", f"unpacks to more than {MAX_FEED_BYTES:,} bytes")
            top = _common_top([member.filename for member in members])
            for member in members:
                yield member.filename.removeprefix(top), Source(member.filename, archive.open(member), DAMAGE)
    except DAMAGE as error:
        raise PullFailed("not_a_feed", f"the zip is damaged: {error}") from error


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
    if member.file_size > 1 << 20 and member.file_size > MAX_RATIO * max(member.compress_size, 1):
        raise PullFailed("too_large", f"{member.filename} unpacks to over {MAX_RATIO} times its size")


def _common_top(names: list[str]) -> str:
    tops = {name.split("/", 1)[0] for name in names}
    return f"{tops.pop()}/" if len(tops) == 1 and all("/" in name for name in names) else ""
