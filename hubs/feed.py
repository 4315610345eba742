"""A feed as the judge sees it: named files, wherever their bytes lie. Read only; opens no socket."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path, PurePosixPath


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
        """Names that match ``pattern``, sorted: ``*`` stays inside a folder, ``**`` crosses folders."""
        matches = _glob_regex(pattern).fullmatch
        return sorted(name for name in self.files if matches(name))


@cache
def _glob_regex(pattern: str) -> re.Pattern[str]:
    parts = []
    for piece in re.split(r"(\*\*/|\*\*|\*|\?|\[[^\]]+\])", pattern):
        match piece:
            case "**/":
                parts.append(r"(?:.*/)?")
            case "**":
                parts.append(r".*")
            case "*":
                parts.append(r"[^/]*")
            case "?":
                parts.append(r"[^/]")
            case _ if piece.startswith("["):
                parts.append(fnmatch.translate(piece).removeprefix("(?s:").removesuffix(r")\Z"))
            case _:
                parts.append(re.escape(piece))
    return re.compile("".join(parts))
