"""Taking checkpoints and pruning them, under the lease of the place."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipelines.checkpoints.capture import TRIES, Capture
from pipelines.checkpoints.manifests import HEAD, MANIFESTS, OBJECTS, Checkpoint, Head, Manifest, Progress, manifest_of
from pipelines.checkpoints.objects import Sender, epoch_of
from pipelines.places import Lease, LeaseLost, Place, PlaceRefused, knows_conditions

DELETED_AT_ONCE = 1_000


@dataclass(frozen=True)
class Taken:
    """What taking a checkpoint has done. Nothing is new when nothing has changed since the one before."""

    checkpoint: Checkpoint
    is_new: bool
    sent: int
    sent_bytes: int
    seconds: float


@dataclass(frozen=True)
class Pruned:
    """What pruning has removed."""

    checkpoints: int
    objects: int
    bytes: int


@contextlib.contextmanager
def writing(place: Place, what: str) -> Iterator[Writer]:
    """The right to take checkpoints in ``place`` while the block runs.

    Raises files.Busy when somebody else has it, PlaceRefused and what places raise.
    """
    if place.read(HEAD) is None and not knows_conditions(place):
        raise PlaceRefused(
            f"{place.address}: the store puts an object although it was told not to when there is one (If-None-Match), "
            "so two machines could undo each other's work: take a store that knows conditional writes"
        )
    lease = Lease(place, what)
    try:
        yield Writer(place, lease)
    finally:
        lease.give_back()


class Writer:
    """Takes checkpoints in a place, one after the other, and prunes. Whoever has it holds the lease.

    Only what the checkpoints in the head name is taken to be there. What was sent and came into none, because its
    writer was killed, is sent again under the number of this lease: a pruner that sleeps may still delete the old one.
    """

    def __init__(self, place: Place, lease: Lease) -> None:
        self._place, self._lease = place, lease
        self.head, self._mark = self._stamped()
        self._manifests: dict[str, Manifest] = {}
        self._kept: dict[str, int] | None = None

    @property
    def newest(self) -> Manifest | None:
        """The manifest of the newest checkpoint."""
        return self._manifest(self.head.newest) if self.head.newest else None

    def checkpoint(
        self,
        store: Path,
        public: Path,
        now: datetime,
        *,
        has_keys: bool = True,
        showing: str | None = None,
        progress: Progress = lambda _what, _done, _total: None,
    ) -> Taken:
        """Take a checkpoint. ``showing`` is a release that is whole but not in its place yet, and that readers will see
        next: in the checkpoint it is in its place.

        Raises Unsettled, LeaseLost, OSError and what places raise. Whatever goes wrong, the one before stays.
        """
        started = time.monotonic()
        capture = Capture(store, public, self._sender(progress), self.newest, has_keys=has_keys, showing=showing)
        manifest = capture.manifest()
        sent = capture.sent
        newest = self.head.newest
        if newest is not None and manifest.says_as(self.newest):
            return Taken(newest, False, sent.files, sent.bytes, round(time.monotonic() - started, 1))
        data = manifest.to_bytes()
        sha256 = hashlib.sha256(data).hexdigest()
        checkpoint = Checkpoint(
            id=f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{self._lease.epoch}-{sha256[:8]}",
            at=now,
            sha256=sha256,
            release=manifest.release,
            files=len(manifest.files),
            bytes=sum(entry.bytes for entry in manifest.files),
            has_keys=manifest.has_keys,
            code=manifest.code,
        )
        self._place.put(checkpoint.key, data, len(data), sha256)
        self._place.sync()
        self._swap(Head(self._lease.epoch, (*self.head.checkpoints, checkpoint)))
        self._manifests[checkpoint.id] = manifest
        self._objects.update((entry.sha256, entry.epoch) for entry in manifest.files)
        return Taken(checkpoint, True, sent.files, sent.bytes, round(time.monotonic() - started, 1))

    def prune(self, keep: int) -> Pruned:
        """Forget all but the newest ``keep`` checkpoints, and delete what none of the others names.

        Killed at any moment, every checkpoint in the head is whole. Raises LeaseLost and what places raise.
        """
        gone = self.head.checkpoints[:-keep]
        if gone:
            self._swap(Head(self._lease.epoch, self.head.checkpoints[-keep:]))
        named = {checkpoint.key for checkpoint in self.head.checkpoints}
        for checkpoint in self.head.checkpoints:
            named |= {entry.key for entry in self._manifest(checkpoint).files}
        there = self._place.listed(OBJECTS) | self._place.listed(MANIFESTS)
        surplus = sorted(key for key in there if key not in named and epoch_of(key) <= self._lease.epoch)
        for start in range(0, len(surplus), DELETED_AT_ONCE):
            self._lease.check()
            self._place.delete(surplus[start : start + DELETED_AT_ONCE])
        self._kept = None
        objects = [key for key in surplus if key.startswith(f"{OBJECTS}/")]
        return Pruned(len(gone), len(objects), sum(there[key] for key in objects))

    def _stamped(self) -> tuple[Head, str]:
        """The head, with the number of this lease: whoever had the lease before, and wakes up, finds another head than
        it knows from here on.
        """
        for _ in range(TRIES):
            there = self._place.read(HEAD)
            head = Head.from_bytes(there[0], self._place) if there else Head()
            if head.epoch > self._lease.epoch:
                break
            head = Head(self._lease.epoch, head.checkpoints)
            if (mark := self._place.swap(HEAD, head.to_bytes(), there[1] if there else None)) is not None:
                return head, mark
        raise LeaseLost(f"{self._place.address}: another run has taken over: run again")

    def _swap(self, head: Head) -> None:
        self._lease.check()
        stamped = Head(self._lease.epoch, head.checkpoints)
        mark = self._place.swap(HEAD, stamped.to_bytes(), self._mark)
        if mark is None:
            raise LeaseLost(
                f"{self._place.address}: another run has taken over meanwhile: what this one did since its last "
                "checkpoint is not kept; run again"
            )
        self._mark, self.head = mark, stamped

    def _manifest(self, checkpoint: Checkpoint) -> Manifest:
        if checkpoint.id not in self._manifests:
            self._manifests[checkpoint.id] = manifest_of(self._place, checkpoint)
        return self._manifests[checkpoint.id]

    @property
    def _objects(self) -> dict[str, int]:
        """The numbers in the names of the objects that checkpoints in the head name and that are there, by digest."""
        if self._kept is None:
            there = self._place.listed(OBJECTS)
            every = (entry for one in self.head.checkpoints for entry in self._manifest(one).files)
            self._kept = {entry.sha256: entry.epoch for entry in every if there.get(entry.key) == entry.bytes}
        return self._kept

    def _sender(self, progress: Progress) -> Sender:
        return Sender(self._place, self._lease, dict(self._objects), progress)
