"""Feeds in a folder on this machine, or in one file of it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import IO, NoReturn

from pipelines.pull.base import Files, PullFailed

_NOT_CONTENT = {".git", ".svn", ".hg", "__pycache__", ".DS_Store", "Thumbs.db"}


def files(root: Path) -> Files:
    """Every file under ``root``, in order of path. A link is refused: it may lead anywhere."""
    for parent, folders, names in os.walk(root, onerror=_refuse):
        folders[:] = sorted(name for name in folders if name not in _NOT_CONTENT)
        for name in sorted(set(names) - _NOT_CONTENT):
            path = Path(parent, name)
            if path.is_symlink() or not path.is_file():
                raise PullFailed("unsafe_path", f"{path.relative_to(root)} is a link or no plain file")
            yield path.relative_to(root).as_posix(), _open(path)
        for name in folders:
            if Path(parent, name).is_symlink():
                raise PullFailed("unsafe_path", f"{Path(parent, name).relative_to(root)} is a link")


def single_file(path: Path) -> Files:
    """A feed that is one file, such as a workbook."""
    yield path.name, _open(path)


def _open(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        _refuse(error)


def _refuse(error: OSError) -> NoReturn:
    """A part of the feed cannot be read. What is left of it would be no feed."""
    raise PullFailed("address_refused", f"{error.filename}: {error.strerror}") from error


def git_dates(root: Path) -> dict[str, str]:
    """ISO date of the last commit that touched each file under ``root``; empty outside a git checkout."""
    # Names as they are, and no program that the folder's own settings name.
    settings = ("core.quotePath=false", "core.fsmonitor=false", "log.showSignature=false")
    options = [part for setting in settings for part in ("-c", setting)]
    log_options = ["--relative", "--name-only", "--format=%x00%cs", "--", "."]
    command = ["git", "-C", str(root), *options, "log", *log_options]
    try:
        log = subprocess.run(  # noqa: S603
            command, capture_output=True, encoding="utf-8", errors="replace", check=True, timeout=60
        )
    except (OSError, subprocess.SubprocessError):
        return {}
    dates: dict[str, str] = {}
    for commit in log.stdout.split("\0")[1:]:
        day, *names = commit.split("\n")
        for name in filter(None, names):
            dates.setdefault(name, day)
    return dates
