"""A feed as the judge sees it: named files, wherever their bytes lie. Read only; opens no socket."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path, PurePosixPath

NOT_CONTENT = frozenset({".git", ".svn", ".hg", "__pycache__", ".DS_Store", "Thumbs.db"})
"""Names of files and folders that version control, Python and desktops leave behind: no part of a feed."""


@dataclass(frozen=True)
class Feed:
    """Files of one hub at one moment.

    ``files`` maps each file's path inside the feed (``/`` between folders) to where its bytes lie;
    ``dates`` gives the ISO date of a file's last change where its source knows it (git).
    """

    files: Mapping[str, Path]
    dates: Mapping[str, str] = field(default_factory=dict)

    def read(self, name: str) -> bytes:
        """The bytes of the file called ``name``. Raises KeyError if the feed has none."""
        return self.files[name].read_bytes()

    def size(self, name: str) -> int:
        """The bytes of that file, counted. Raises KeyError if the feed has none."""
        return self.files[name].stat().st_size

    @cached_property
    def folders(self) -> frozenset[str]:
        """Every folder that holds a file, however far down."""
        return frozenset(str(folder) for name in self.files for folder in PurePosixPath(name).parents)

    def glob(self, pattern: str) -> list[str]:
        """Names that match ``pattern``, sorted: ``*`` stays inside a folder, ``**`` stands for any number of folders
        (at the end for whatever they hold). The time is that of one look at each name, whatever the pattern.
        """
        parts = _parts(pattern)
        return sorted(name for name in self.files if _matches(parts, name.split("/")))


@lru_cache(maxsize=1024)
def _parts(pattern: str) -> tuple[re.Pattern[str] | None, ...]:
    """What matches each part of a path; None stands for any number of folders."""
    parts = pattern.split("/")
    parts = [*parts, "*"] if parts[-1] == "**" else parts
    return tuple(None if part == "**" else re.compile(fnmatch.translate(part)) for part in parts)


def _matches(parts: tuple[re.Pattern[str] | None, ...], names: list[str]) -> bool:
    """Whether the parts match the names. A ``**`` takes as few folders as it can and, when that fails, one more; only
    the last one needs to be tried again, so the time is at most the product of both lengths.
    """
    part = name = 0
    retry: tuple[int, int] | None = None  # the part after the last **, and the first name it has not been tried on
    while name < len(names):
        here = parts[part] if part < len(parts) else None
        if part < len(parts) and here is None:
            part += 1
            retry = part, name + 1
        elif here is not None and here.match(names[name]):
            part, name = part + 1, name + 1
        elif retry is not None:
            part, name = retry
            retry = part, name + 1
        else:
            return False
    return all(rest is None for rest in parts[part:])
