"""The bytes of files in a place of checkpoints: each object is put once, under the number of the lease that put it."""

from __future__ import annotations

import sys
from pathlib import Path
from threading import Lock

from pipelines.checkpoints.manifests import Entry, Progress
from pipelines.places import Lease, Place


def epoch_of(key: str) -> int:
    """The number of the lease in the name of an object or a manifest; of what is none, one that nobody ever has."""
    parts = key.split("-")
    return int(parts[1]) if len(parts) > 1 and parts[1].isdecimal() else sys.maxsize


class Sender:
    """Puts files that are not there, each once, and counts them. Thread-safe."""

    def __init__(self, place: Place, lease: Lease, there: dict[str, int], progress: Progress) -> None:
        self._place, self._lease, self._there, self._progress = place, lease, there, progress
        self._lock = Lock()
        self.files = self.bytes = 0

    def has(self, sha256: str) -> int | None:
        """The number in the name of the object with these bytes; None when there is none."""
        with self._lock:
            return self._there.get(sha256)

    def keep(self, source: Path | bytes, size: int, sha256: str) -> int:
        """Put the file, or its bytes, unless they are there; the number in the object's name. Raises Changed."""
        if (epoch := self.has(sha256)) is not None:
            return epoch
        self._lease.check()
        epoch = self._lease.epoch
        self._place.put(Entry("", sha256, size, 0, 0, epoch).key, source, size, sha256)
        with self._lock:
            if sha256 not in self._there:
                self.files, self.bytes = self.files + 1, self.bytes + size
            self._there[sha256] = epoch
            self._progress("files sent", self.files, None)
        return epoch
