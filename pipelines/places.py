"""Where checkpoints are kept: a folder, or a prefix of a bucket (``buckets``), each with the same few verbs; and the
lease that says who may write there.

What is kept, and when it is whole, is for ``checkpoints``. A place may be shared by machines that know nothing of each
other, so what must not be undone is decided by one object that is swapped (compare and swap), never by a clock
(docs/adr/0042).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Protocol

from pipelines.buckets import Bucket, BucketRefused, BucketUnavailable, Changed
from pipelines.files import CHUNK_BYTES, OWNER_ONLY_FOLDER, Busy, json_of, only_one, sync_folder
from pipelines.settings import bucket_address

LEASE = "lease.json"
LEASE_SECONDS = 120.0
"""A lease that was not renewed for so long is nobody's."""
RENEW_SECONDS = 20.0


class PlaceRefused(RuntimeError):
    """The place cannot be used, or what is in it cannot. The message says why and how to mend it."""


class LeaseLost(RuntimeError):
    """Somebody else has taken the place over meanwhile: nothing more may be written there."""


class Place(Protocol):
    """Objects by key. What was put is there as a whole or not at all, and lasts after ``sync``.

    Every method raises buckets.BucketRefused, buckets.BucketUnavailable and OSError.
    """

    address: str

    def listed(self, under: str) -> dict[str, int]:
        """The objects under a folder, by key, and how many bytes they have."""

    def read(self, key: str) -> tuple[bytes, str] | None:
        """A small object, and the mark by which ``swap`` knows it; None when it is not there."""

    def fetch(self, key: str, target: IO[bytes]) -> bool:
        """Write an object into ``target``; False when it is not there."""

    def put(self, key: str, source: Path | bytes, size: int, sha256: str) -> None:
        """Keep a file, or bytes, under ``key``. Raises buckets.Changed when they have another digest by now."""

    def swap(self, key: str, data: bytes, mark: str | None) -> str | None:
        """Put ``data`` where the object has ``mark``, or where there is none; the new mark, None when it is another."""

    def delete(self, keys: Sequence[str]) -> None:
        """Remove objects, whether they are there or not."""

    def sync(self) -> None:
        """Wait until all that was put lasts."""


class Folder:
    """A place that is a folder. Only its owner may read what is in it."""

    def __init__(self, root: Path) -> None:
        self.address, self._root = str(root), root

    def listed(self, under: str) -> dict[str, int]:
        found = {}
        for folder, _, names in os.walk(self._root / under):
            for name in (name for name in names if not name.startswith(".")):
                path = Path(folder, name)
                with contextlib.suppress(FileNotFoundError):
                    found[path.relative_to(self._root).as_posix()] = path.stat().st_size
        return found

    def read(self, key: str) -> tuple[bytes, str] | None:
        try:
            data = (self._root / key).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return data, hashlib.sha256(data).hexdigest()

    def fetch(self, key: str, target: IO[bytes]) -> bool:
        try:
            with (self._root / key).open("rb") as source:
                while chunk := source.read(CHUNK_BYTES):
                    target.write(chunk)
        except FileNotFoundError:
            return False
        return True

    def put(self, key: str, source: Path | bytes, size: int, sha256: str) -> None:
        digest = hashlib.sha256()
        with self._aside(key) as file:
            if isinstance(source, bytes):
                digest.update(source)
                file.write(source)
            else:
                with source.open("rb") as read:
                    while chunk := read.read(CHUNK_BYTES):
                        digest.update(chunk)
                        file.write(chunk)
            if digest.hexdigest() != sha256 or file.tell() != size:
                raise Changed(str(source) if isinstance(source, Path) else key)

    def swap(self, key: str, data: bytes, mark: str | None) -> str | None:
        self._made(self._root)
        with only_one(self._root / ".lock", wait=True):
            there = self.read(key)
            if (there[1] if there else None) != mark:
                return None
            with self._aside(key) as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            sync_folder((self._root / key).parent)
        return hashlib.sha256(data).hexdigest()

    def delete(self, keys: Sequence[str]) -> None:
        for key in keys:
            (self._root / key).unlink(missing_ok=True)

    def sync(self) -> None:
        os.sync()  # thousands of files: one flush of the disk instead of one each

    @contextlib.contextmanager
    def _aside(self, key: str) -> Iterator[IO[bytes]]:
        """A file that becomes ``key`` when the block ends well."""
        target = self._root / key
        self._made(target.parent)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=".")  # 0600
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
            Path(name).replace(target)
        finally:
            Path(name).unlink(missing_ok=True)

    def _made(self, folder: Path) -> None:
        if not folder.is_dir():
            if folder != self._root:
                self._made(folder.parent)
            folder.mkdir(mode=OWNER_ONLY_FOLDER, parents=True, exist_ok=True)


class OfBucket:
    """A place that is a prefix of a bucket."""

    def __init__(self, bucket: Bucket) -> None:
        self.address, self._bucket = bucket.address, bucket

    def listed(self, under: str) -> dict[str, int]:
        return {key: stored.bytes for key, stored in self._bucket.listed(under).items()}

    def read(self, key: str) -> tuple[bytes, str] | None:
        return self._bucket.read_marked(key)

    def fetch(self, key: str, target: IO[bytes]) -> bool:
        return self._bucket.fetch(key, target)

    def put(self, key: str, source: Path | bytes, size: int, sha256: str) -> None:
        self._bucket.put(key, source, size, sha256, {"Content-Type": "application/octet-stream"})

    def swap(self, key: str, data: bytes, mark: str | None) -> str | None:
        made = self._bucket.swap(key, data, mark)
        if made is None and (there := self.read(key)) is not None and there[0] == data:
            return there[1]  # it was done, and the answer got lost: what is swapped is never the same twice
        return made

    def delete(self, keys: Sequence[str]) -> None:
        self._bucket.delete(keys)

    def sync(self) -> None:
        """What a store has answered lasts."""


def open_place(address: str, endpoint: str | None = None, secret: str | None = None) -> Place:
    """The place at ``address``, a folder or ``s3://bucket/prefix``. Nothing is asked yet. Raises PlaceRefused."""
    bucket = bucket_address(address)
    if bucket is None:
        if "://" in address:
            raise PlaceRefused(f"{address}: name a folder, or a place in an object store such as s3://my-bucket/store")
        return Folder(Path(address))
    try:
        return OfBucket(Bucket(bucket, endpoint, secret))
    except BucketRefused as error:
        raise PlaceRefused(str(error)) from error


@dataclass(frozen=True)
class Holder:
    """Who holds a lease: the ``epoch``-th there has been in the place. ``renewed`` is in seconds since 1970."""

    epoch: int
    what: str
    host: str
    pid: int
    boot: str
    nonce: str
    renewed: float
    is_over: bool = False

    def is_at_work(self, now: float) -> bool:
        """Whether it has to be taken for alive. A clock that is wrong may take a lease from somebody who lives: that
        loses the work of one of them, and never what was kept (``Lease``).
        """
        if self.is_over or abs(now - self.renewed) > LEASE_SECONDS:
            return False
        is_here = (self.host, self.boot) == (socket.gethostname(), _boot())
        return not is_here or Path("/proc", str(self.pid)).exists()


class Lease:
    """The right to write in a place, from when it is taken until it is given back; renewed by a thread of its own.

    Whoever takes a lease has an ``epoch`` above all before, and with it stamps the head of the place first
    (``checkpoints``). A holder that was taken for dead and wakes up finds another head than it knows, and cannot swap
    it any more; nor can it delete what later ones rely on, because names of objects have an epoch.
    """

    def __init__(self, place: Place, what: str) -> None:
        self._place, self._what = place, what
        self._lock, self._over = threading.Lock(), threading.Event()
        self._why_lost: str | None = None
        self._mark = ""
        self.holder = self._taken()
        self._thread = threading.Thread(target=self._renew, daemon=True)
        self._thread.start()

    @property
    def epoch(self) -> int:
        """The number of this lease."""
        return self.holder.epoch

    def check(self) -> None:
        """Raises LeaseLost when it is known that the lease is somebody else's."""
        if self._why_lost is not None:
            raise LeaseLost(self._why_lost)

    def give_back(self) -> None:
        """Let others in. Nothing happens when the lease is lost."""
        self._over.set()
        self._thread.join()
        with contextlib.suppress(BucketRefused, BucketUnavailable, OSError):  # then it ends by itself
            if self._why_lost is None:
                self._put(self._mark, self._said(is_over=True))

    def _taken(self) -> Holder:
        there = self._place.read(LEASE)
        before, mark = None, None
        if there is not None:
            before, mark = _holder(self._place, there[0]), there[1]
            if before.is_at_work(time.time()):
                ago = max(0, round(time.time() - before.renewed))
                raise Busy(
                    f"another run is at work here ({self._place.address}: {before.what} on {before.host}, process "
                    f"{before.pid}, was heard of {ago} s ago; if it is dead, its lease ends "
                    f"{LEASE_SECONDS:.0f} s after that)"
                )
        self.holder = Holder(
            epoch=(before.epoch if before else 0) + 1,
            what=self._what,
            host=socket.gethostname(),
            pid=os.getpid(),
            boot=_boot(),
            nonce=os.urandom(8).hex(),
            renewed=time.time(),
        )
        if not self._put(mark, self.holder):
            raise Busy(f"another run is at work here ({self._place.address}: it came at the same moment)")
        return self.holder

    def _renew(self) -> None:
        while not self._over.wait(RENEW_SECONDS):
            try:
                is_ours = self._put(self._mark, self._said())
            except (BucketUnavailable, OSError):
                continue  # the next time, or it is lost
            except BucketRefused as error:
                self._why_lost = f"the lease could not be renewed: {error}"
                return
            if not is_ours:
                self._why_lost = (
                    f"{self._place.address}: another run has taken over, because nothing was heard of this one for "
                    f"{LEASE_SECONDS:.0f} s: what it did since is not kept; run again"
                )
                return

    def _said(self, is_over: bool = False) -> Holder:
        return Holder(**asdict(self.holder) | {"renewed": time.time(), "is_over": is_over})

    def _put(self, mark: str | None, holder: Holder) -> bool:
        with self._lock:
            made = self._place.swap(LEASE, _json(asdict(holder)), mark)
            self._mark = made or self._mark
            return made is not None


def _holder(place: Place, data: bytes) -> Holder:
    try:
        return Holder(**json_of(data))
    except (ValueError, TypeError) as error:
        raise PlaceRefused(f"{place.address}: {LEASE} is not one of ours: name a place that hubpacks made") from error


def knows_conditions(place: Place) -> bool:
    """Whether the place really refuses to put an object where there is one. Some stores take the condition, and put
    it all the same: two machines would then undo each other's work.
    """
    key = f"probe-{os.urandom(8).hex()}"
    try:
        return place.swap(key, b"1", None) is not None and place.swap(key, b"2", None) is None
    finally:
        place.delete([key])


def _json(data: Any) -> bytes:
    return (json.dumps(data, indent=1, sort_keys=True) + "\n").encode()


def _boot() -> str:
    """What tells one start of this machine from another, so that a number of a process means something."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
