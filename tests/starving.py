"""File systems of a few megabytes, which may be filled, run out of inodes, or become read-only."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FILLER = ".filler"


@dataclass
class Disk:
    """A file system of its own at ``root``."""

    root: Path

    def fill(self) -> None:
        """Leave no room."""
        with (self.root / FILLER).open("ab", buffering=0) as file:
            for size in (1 << 20, 1 << 12, 1):
                try:
                    while True:
                        file.write(b"\0" * size)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise

    def use_inodes_up(self) -> None:
        """Leave no inode: room there is, and no file can be made."""
        number = 0
        with contextlib.suppress(OSError):
            while True:
                (self.root / f"{FILLER}-{number}").touch()
                number += 1

    def make_room(self) -> None:
        """Take away what was filled in."""
        for path in self.root.glob(f"{FILLER}*"):
            path.unlink()

    def set_read_only(self, is_read_only: bool) -> None:
        """Let nobody write, or everybody again."""
        options = f"remount,{'ro' if is_read_only else 'rw'}"
        subprocess.run(["mount", "-o", options, str(self.root)], check=True)


@contextlib.contextmanager
def a_disk(root: Path, megabytes: int = 64, inodes: int = 100_000) -> Iterator[Disk]:
    """A file system in memory, mounted at ``root``; needs leave to mount."""
    root.mkdir(parents=True, exist_ok=True)
    options = f"size={megabytes}m,nr_inodes={inodes},mode=755"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(root)], check=True)
    try:
        yield Disk(root)
    finally:
        os.sync()
        subprocess.run(["umount", "-l", str(root)], check=True)
