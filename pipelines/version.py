"""Which code made this: a digest of the project's own files, so that a change of code is a change of version."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[1]
_SUFFIXES = {
    *(".py", ".yaml", ".html", ".css", ".js", ".svg", ".xml", ".json", ".typ"),
    *(".po", ".pot", ".md", ".txt", ".conf"),
}
_DATA = {"samples", "registry", "schemas"}
"""Rooms of ``hubs`` that hold input or generated files, not code."""


@cache
def digest_of(*rooms: str) -> str:
    """SHA-256 (16 hexadecimal digits) over the code, data files and templates of the given top-level rooms."""
    digest = hashlib.sha256()
    for room in rooms:
        for path in sorted((ROOT / room).rglob("*")):
            relative = path.relative_to(ROOT)
            if path.suffix in _SUFFIXES and not (room == "hubs" and relative.parts[1] in _DATA):
                digest.update(f"{relative.as_posix()}\n".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def code_version() -> str:
    """The project's version and the digest of everything that decides what a release says."""
    return f"{version('hubpacks')}+{digest_of('hubs', 'pipelines', 'templates')}"
