"""Feeds in a folder on this machine, or in one file of it."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from pathlib import Path
from typing import IO, NoReturn

from hubs.feed import NOT_CONTENT
from pipelines.pull.base import Files, PullFailed, Unreachable
from pipelines.pull.processes import git_environment


def files(root: Path) -> Files:
    """Every file under ``root``, in order of path. A link is refused: it may lead anywhere."""
    for parent, folders, names in os.walk(root, onerror=_refuse):
        folders[:] = sorted(name for name in folders if name not in NOT_CONTENT)
        for name in sorted(set(names) - NOT_CONTENT):
            path = Path(parent, name)
            if not stat.S_ISREG(_mode(path)):
                raise PullFailed("unsafe_path", f"{path.relative_to(root)} is a link or no plain file")
            yield path.relative_to(root).as_posix(), _open(path)
        for name in folders:
            path = Path(parent, name)
            if stat.S_ISLNK(_mode(path)):
                raise PullFailed("unsafe_path", f"{path.relative_to(root)} is a link")


def single_file(path: Path) -> Files:
    """A feed that is one file, such as a workbook."""
    yield path.name, _open(path)


def _mode(path: Path) -> int:
    """What lies there, a link not followed."""
    try:
        return path.lstat().st_mode
    except OSError as error:
        _refuse(error)


def _open(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        _refuse(error)


def _refuse(error: OSError) -> NoReturn:
    """A part of the feed cannot be read. What is left of it would be no feed."""
    raise PullFailed("address_refused", f"{error.strerror}: {error.filename}") from error


COMMIT_DATES = ("-z", "--name-only", "--format=%x00%cs")
"""What to ask ``git log`` for, so that ``commit_dates`` understands the answer."""
GIT_SECONDS = 60
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SETTINGS = {
    # No program that the folder's own settings name.
    "core.fsmonitor": "false",
    "log.showSignature": "false",
    # Whoever owns the folder; git asks because of such programs.
    "safe.directory": "*",
}


def git_dates(root: Path) -> dict[str, str]:
    """ISO date of the last commit that touched each file under ``root``; empty outside a git checkout.

    Raises Unreachable when git is there and does not say: without its date, a record would be another one.
    """
    command = ["git", "-C", str(root), "log", "--relative", *COMMIT_DATES, "--", "."]
    environment = git_environment(_SETTINGS, "none")
    try:
        log = subprocess.run(  # noqa: S603 - the machine's own, on the folder that is named
            command, capture_output=True, check=True, timeout=GIT_SECONDS, env=environment
        )
    except subprocess.TimeoutExpired as error:
        raise Unreachable(f"git took over {GIT_SECONDS} seconds to tell dates") from error
    except (FileNotFoundError, PermissionError, subprocess.CalledProcessError):
        return {}
    except OSError as error:
        raise Unreachable(f"git cannot be started now: {error.strerror}") from error
    return commit_dates(log.stdout)


def commit_dates(log: bytes) -> dict[str, str]:
    """ISO date of the newest commit in ``log`` that names a file, by the file's path."""
    dates: dict[str, str] = {}
    day = ""
    parts = iter(log.split(b"\0"))
    for part in parts:
        if not part:  # a commit begins, and what follows is its day
            day = next(parts, b"").decode("ascii", "replace")
        elif _DAY.fullmatch(day):  # whoever makes a commit may write anything there
            dates.setdefault(os.fsdecode(part.removeprefix(b"\n")), day)
    return dates
