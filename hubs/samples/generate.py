"""``python -m hubs.samples.generate [--check]``: writes what is built of the sample feeds, or says what is out of date.

Writing and comparing only; what the files hold is decided in ``feeds``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from hubs.samples.feeds import FOLDER, feeds
from hubs.samples.packing import is_same


def stale(folder: Path = FOLDER) -> list[str]:
    """Files in ``folder`` that are not as the seed and the sources make them, sorted."""
    return sorted(name for name, content in feeds().items() if not _is_current(folder / name, content))


def write(folder: Path = FOLDER) -> list[str]:
    """Bring ``folder`` up to date. Gives the files that were written, sorted; the others are not touched."""
    written = []
    for name, content in sorted(feeds().items()):
        path = folder / name
        if not _is_current(path, content):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            written.append(name)
    return written


def _is_current(path: Path, content: bytes) -> bool:
    return path.is_file() and is_same(path.name, path.read_bytes(), content)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0, or 1 when ``--check`` finds a file out of date."""
    parser = argparse.ArgumentParser(prog="python -m hubs.samples.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file is out of date")
    if not parser.parse_args(arguments).check:
        names = write()
        print(f"{len(names)} files written")
        return 0
    names = stale()
    for name in names:
        print(f"out of date: hubs/samples/{name}; run python -m hubs.samples.generate", file=sys.stderr)
    return 1 if names else 0


if __name__ == "__main__":
    sys.exit(main())
