"""The addresses at which something was taken down, so that servers can answer that it is gone, not that it was never
there: one file in the folder that readers see, hidden from them, written as a map of nginx reads it. As patterns, since
plain names of this length would need another setting of nginx, which stands once in its configuration and is not ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from pipelines.files import write_bytes

GONE = ".gone.map"
_DOT = r"\."
_LINE = re.compile(r'"~\^/((?:[A-Za-z0-9_/-]|\\\.)+)\$" 1;')


def add(public: Path, addresses: Iterable[str]) -> None:
    """Add addresses, each from the root of ``public``, in one step."""
    every = sorted({*read(public), *addresses})
    write_bytes(public / GONE, "".join(f'"~^/{address.replace(".", _DOT)}$" 1;\n' for address in every).encode())


def read(public: Path) -> frozenset[str]:
    """All addresses, each from the root of ``public``. What is no line of this kind says nothing."""
    try:
        lines = (public / GONE).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return frozenset()
    return frozenset(match[1].replace(_DOT, ".") for line in lines if (match := _LINE.fullmatch(line)))
