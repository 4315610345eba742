"""``python -m hubs.samples.generate [--check]``: writes what is built of the sample feeds, or says what is out of date.

Writing and comparing only; what the files hold is decided in ``feeds``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from hubs.samples.feeds import FOLDER, feeds
from hubs.samples.packing import is_same


def stale(files: Mapping[str, bytes], folder: Path) -> list[str]:
    """Those of ``files`` (content by path) that are not so in ``folder``, sorted."""
    return sorted(name for name, content in files.items() if not _is_current(folder / name, content))


def write(files: Mapping[str, bytes], folder: Path) -> list[str]:
    """Bring ``folder`` up to date. Gives the files that were written, sorted; the others are not touched."""
    names = stale(files, folder)
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(files[name])
    return names


def _is_current(path: Path, content: bytes) -> bool:
    return path.is_file() and is_same(path.name, path.read_bytes(), content)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0, or 1 when ``--check`` finds a file out of date."""
    parser = argparse.ArgumentParser(prog="python -m hubs.samples.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file is out of date")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the samples are (default: %(default)s)")
    options = parser.parse_args(arguments)
    if not options.check:
        print(f"{len(write(feeds(), options.folder))} files written")
        return 0
    names = stale(feeds(), options.folder)
    for name in names:
        print(f"out of date: {name}; run python -m hubs.samples.generate", file=sys.stderr)
    return 1 if names else 0


if __name__ == "__main__":
    sys.exit(main())
