"""What stands in a release as it stood in the one before: files whose content has not changed are taken over, as they
are, and not made again. What a file is made of is for who makes it; here is what both releases must have in common, and
that only bytes are taken which are still those that were published. That our key has signed their checksums is looked
at before: a key that signs what somebody else has put there would vouch for it.

They are copied, not linked: a release that is reissued, or removed, touches no other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pipelines.files import json_of
from pipelines.publish.bill import BILL
from pipelines.publish.signed import published_bytes, read_sums


@dataclass(frozen=True)
class Earlier:
    """The release in ``folder``, which is ours by its signatures, before the one that is made by the code and the
    libraries which ``bill`` lists.
    """

    folder: Path
    bill: bytes

    @cached_property
    def is_alike(self) -> bool:
        """Whether the same code and libraries made it, so that the same content makes the same files. Its checksums say
        so, which are signed. Raises OSError and ValueError.
        """
        return self._sums.get(BILL) == hashlib.sha256(self.bill).hexdigest()

    @cached_property
    def digests(self) -> Mapping[str, str]:
        """The SHA-256 of each of its files by path, as published; none when it was made otherwise. Raises OSError and
        ValueError.
        """
        return self._sums if self.is_alike else {}

    def read(self, name: str) -> bytes | None:
        """The bytes of its file ``name``; None when it has none, or was made otherwise. Raises OSError, and
        files.Damaged when they are not those that were published.
        """
        if not self.is_alike or name not in self._sums:
            return None
        return published_bytes(self.folder, name, self._sums)

    def told(self, name: str) -> Any:
        """The same, as the data that its JSON stands for."""
        data = self.read(name)
        return None if data is None else json_of(data)

    def take(self, names: Iterable[str], into: Path) -> bool:
        """Copy these of its files into the release ``into``; False, and nothing is copied, when it lacks one. Raises as
        ``read``.
        """
        wanted = list(names)
        if not self.is_alike or not self._sums.keys() >= {*wanted}:
            return False
        for name in wanted:
            (into / name).write_bytes(published_bytes(self.folder, name, self._sums))
        return True

    @cached_property
    def _sums(self) -> dict[str, str]:
        return read_sums(self.folder)
