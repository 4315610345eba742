"""Feeds in a folder on this machine, or in one file of it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from pipelines.pull.base import Files, PullFailed

_NOT_CONTENT = {".git", ".svn", ".hg", "__pycache__", ".DS_Store", "Thumbs.db"}


def files(root: Path) -> Files:
    """Every file under ``root``, in order of path. A link is refused: it may lead anywhere."""
    for parent, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in _NOT_CONTENT)
        for name in sorted(set(names) - _NOT_CONTENT):
            path = Path(parent, name)
            if path.is_symlink() or not path.is_file():
                raise PullFailed("unsafe_path", f"{path.relative_to(root)} is a link or no plain file")
            yield path.relative_to(root).as_posix(), path.open("rb")
        for name in folders:
            if Path(parent, name).is_symlink():
                raise PullFailed("unsafe_path", f"{Path(parent, name).relative_to(root)} is a link")


def single_file(path: Path) -> Files:
    """A feed that is one file, such as a workbook."""
    yield path.name, path.open("rb")


def git_dates(root: Path) -> dict[str, str]:
    """ISO date of the last commit that touched each file under ``root``; empty outside a git checkout."""
    command = ["git", "-C", str(root), "log", "--relative", "--name-only", "--format=%x00%cs", "--", "."]
    try:
        log = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return {}
    dates: dict[str, str] = {}
    for commit in log.stdout.split("\0")[1:]:
        day, *names = commit.split("\n")
        for name in filter(None, names):
            dates.setdefault(name, day)
    return dates
