"""What a place of checkpoints says it has: manifests, checkpoints, and the head that lists them; written and read."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, NamedTuple

from pipelines.files import json_of
from pipelines.places import Place, PlaceRefused

FORMAT = 1
"""Of manifests and heads. What a later version wrote is refused."""
HEAD = "head.json"
OBJECTS, MANIFESTS = "objects", "checkpoints"
AT_ONCE = 8
STORE, PUBLIC = "store", "public"
ASIDE = (".candidate-", ".building-")
Progress = Callable[[str, int, int | None], None]


class Entry(NamedTuple):
    """A file of a checkpoint: its path (below ``store`` or ``public``), digest, bytes, mode, time in nanoseconds; and
    the number of the lease under which its object was put.
    """

    path: str
    sha256: str
    bytes: int
    mode: int
    mtime: int
    epoch: int

    @property
    def key(self) -> str:
        """The object with its bytes."""
        return f"{OBJECTS}/{self.sha256[:2]}/{self.sha256}-{self.epoch}"


@dataclass(frozen=True)
class Manifest:
    """All that a checkpoint holds. ``links`` are symbolic ones with their targets, ``folders`` those with unusual
    modes. ``release`` is the one that readers saw.
    """

    files: tuple[Entry, ...]
    links: tuple[tuple[str, str], ...]
    folders: tuple[tuple[str, int], ...]
    release: str | None
    has_keys: bool
    code: str

    def says_as(self, other: Manifest | None) -> bool:
        """Whether ``other`` is of the same files."""
        return other is not None and (self.files, self.links, self.folders) == (
            other.files,
            other.links,
            other.folders,
        )

    def to_bytes(self) -> bytes:
        """As it is kept: the same content, the same bytes."""
        text = json.dumps({"format": FORMAT} | asdict(self), sort_keys=True, separators=(",", ":"))
        return gzip.compress(text.encode(), 6, mtime=0)

    @classmethod
    def from_bytes(cls, data: bytes) -> Manifest:
        """What ``to_bytes`` made. Raises ValueError, TypeError, KeyError and OSError when it is something else."""
        told = json_of(gzip.decompress(data))
        return cls(
            files=tuple(Entry(*entry) for entry in told["files"]),
            links=tuple((path, target) for path, target in told["links"]),
            folders=tuple((path, mode) for path, mode in told["folders"]),
            release=told["release"],
            has_keys=told["has_keys"],
            code=told["code"],
        )


@dataclass(frozen=True)
class Checkpoint:
    """What the head says of one: its ``id``, which sorts by time, when it was taken, its manifest's digest, the release
    that readers saw, the number of files and bytes, and whether the private key of releases is in it.
    """

    id: str
    at: datetime
    sha256: str
    release: str | None
    files: int
    bytes: int
    has_keys: bool
    code: str

    @property
    def key(self) -> str:
        """The object with its manifest."""
        return f"{MANIFESTS}/{self.id}.json.gz"

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for the head and for ``--json``."""
        return asdict(self) | {"at": self.at.isoformat()}


@dataclass(frozen=True)
class Head:
    """The head of a place: its checkpoints, the newest last, and the number of the lease that swapped it last."""

    epoch: int = 0
    checkpoints: tuple[Checkpoint, ...] = ()

    @property
    def newest(self) -> Checkpoint | None:
        """The newest checkpoint."""
        return self.checkpoints[-1] if self.checkpoints else None

    def to_bytes(self) -> bytes:
        """As it is kept; never the same bytes twice, so that its mark tells every swap."""
        told = {"format": FORMAT, "epoch": self.epoch, "nonce": os.urandom(8).hex()}
        listed = [checkpoint.to_dict() for checkpoint in self.checkpoints]
        return (json.dumps(told | {"checkpoints": listed}, indent=1, sort_keys=True) + "\n").encode()

    @classmethod
    def from_bytes(cls, data: bytes, place: Place) -> Head:
        """What ``to_bytes`` made. Raises PlaceRefused."""
        try:
            told = json_of(data)
            if told["format"] > FORMAT:
                raise PlaceRefused(
                    f"{place.address}: its checkpoints were made by a later version of hubpacks: use that one"
                )
            listed = [Checkpoint(**one | {"at": datetime.fromisoformat(one["at"])}) for one in told["checkpoints"]]
            return cls(told["epoch"], tuple(listed))
        except (ValueError, TypeError, KeyError) as error:
            raise PlaceRefused(f"{place.address}: {HEAD} is damaged, or not one of ours: name another place") from error


def head_of(place: Place) -> Head:
    """The head of ``place``; an empty one when it has none. Raises PlaceRefused and what places raise."""
    there = place.read(HEAD)
    return Head.from_bytes(there[0], place) if there else Head()


def manifest_of(place: Place, checkpoint: Checkpoint) -> Manifest:
    """The manifest of ``checkpoint``. Raises PlaceRefused when it is not there, or not as it was written."""
    there = place.read(checkpoint.key)
    if there is None or hashlib.sha256(there[0]).hexdigest() != checkpoint.sha256:
        why = "is damaged" if there else "is not there any more"
        raise PlaceRefused(f"{place.address}: {checkpoint.key} {why}: take another checkpoint (--at)")
    return Manifest.from_bytes(there[0])
