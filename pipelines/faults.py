"""What the system refuses, in words for the operator: which place it is, what is wrong with it, what to do.

Nothing here raises anything, or knows what the places are for.
"""

from __future__ import annotations

import errno
import os
import pwd
from collections.abc import Iterable
from pathlib import Path

from pipelines.files import nearest

FULL = (errno.ENOSPC, errno.EDQUOT)
_STAYS = "run again: it goes on where it was, and what was published stays"


def told(error: OSError, folders: Iterable[Path]) -> str:
    """``error`` in a sentence that names a place and a mend; ``folders`` are those at work, should it name none."""
    place = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else None
    if error.errno in FULL:
        return _full(error, place, folders)
    if error.errno == errno.EROFS:
        where = place or next((folder for folder in folders if not _is_writable(folder)), None)
        why = "cannot be written to: its disk is mounted read-only"
        return f"{where or 'a folder'} {why}. Mount it for writing, and {_STAYS}"
    if error.errno in (errno.EACCES, errno.EPERM) and place is not None:
        return f"{place}: {os.strerror(error.errno)}: {_owner(place)}"
    if error.errno == errno.EIO:
        return f"{place or 'a disk'}: the disk fails ({error.strerror}). Look at the machine's log; restore from a copy"
    return f"{place or 'the disk'}: {error.strerror or error}"


def _full(error: OSError, place: Path | None, folders: Iterable[Path]) -> str:
    wanted = [place] if place is not None else list(folders)
    for folder in wanted:
        there = nearest(folder)
        about = os.statvfs(there)
        if about.f_files and not about.f_favail:
            why = "has no inodes left: it holds as many files as it can"
            return f"the disk of {there} {why}. Remove files there, and {_STAYS}"
        if about.f_bavail * about.f_frsize < _LEAST_BYTES:
            return f"the disk of {there} is full. Make room, and {_STAYS}"
    where = f"the disk of {wanted[0]}" if wanted else "the disk"
    if error.errno == errno.EDQUOT:
        return f"{where}: the quota of user {_name(os.geteuid())} is used up. Raise it or make room, and {_STAYS}"
    return f"{where} was full. Make room, and {_STAYS}"


_LEAST_BYTES = 1 << 20
"""Less than this is no room: what did not fit was taken away again, so that something is left."""


def _is_writable(folder: Path) -> bool:
    return not os.statvfs(nearest(folder)).f_flag & os.ST_RDONLY


def _owner(place: Path) -> str:
    """Whose a place is, and who asks."""
    me = _name(os.geteuid())
    try:
        owner = _name(nearest(place).stat().st_uid)
    except OSError:
        return f"user {me}, who runs this, may not look there. Run it as the owner of the folder"
    if owner == me:
        return f"it is {me}'s own, but its mode, or that of a folder above, forbids it. Change it with chmod"
    return f"it belongs to {owner}, and {me} runs this. Run it as {owner}, or give the folders to {me} with chown -R"


def _name(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
