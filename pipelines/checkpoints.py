"""Checkpoints: complete, consistent copies of the store and the public folder in another place, and the way back.

What a file means is for ``store`` and ``publish``; how a place keeps bytes, and who may write there, for ``places``. A
place of checkpoints has

``objects/ab/<sha256>-<epoch>``   the bytes of a file, once each, never rewritten
``checkpoints/<id>.json.gz``      a manifest: every path, its digest, size, mode and time; links; unusual folders. The
                                  id has the time, the lease's number (epoch), and the beginning of its own digest
``head.json``                     which checkpoints there are, the newest last; the one object that is swapped
``lease.json``                    who may write now (``places.Lease``)

**Consistent without a lock.** The locks of the store refuse and do not wait, so a backup that took them would make a
run fail. Instead files are read in the opposite order of that in which the line writes them: what tells of a thing
before the thing itself. All that a copied file names was there when it was copied, is copied after it, and is never
removed; so a copy is a state that a run which was killed could have left, and the line goes on from each of these.
Files that belong together are read again until none of them has changed meanwhile. ``_Capture`` has the order,
docs/adr/0042 the reasons.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import os
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

from pipelines import publish
from pipelines.buckets import BucketRefused, BucketUnavailable, Changed
from pipelines.files import CHUNK_BYTES, exchange, json_of, sha256_of, sync_folder
from pipelines.places import Lease, LeaseLost, Place, PlaceRefused, knows_conditions
from pipelines.store import Store
from pipelines.version import code_version

FORMAT = 1
"""Of manifests and heads. What a later version wrote is refused."""
HEAD = "head.json"
OBJECTS, MANIFESTS = "objects", "checkpoints"
AT_ONCE = 8
SMALL_BYTES = 8 << 20
"""Up to this size a file is read once, and what was read is kept: it may be written to meanwhile."""
TRIES, PAUSE_SECONDS = 200, 0.1
"""Until files that belong together have not changed while they were read."""
DELETED_AT_ONCE = 1_000

STORE, PUBLIC = "store", "public"
PRIVATE_KEYS = ("store/keys/signing.pem", "store/keys/next.pem")
UNFINISHED = ".restoring"
"""In a folder that is being restored. Nothing works on such a folder (``layout``)."""

_NOT_COPIED = {"locks", "staging", "texts"}
"""Of the store: what belongs to the machine, and what only saves time."""
_LASTING = ("blobs", "snapshots", "verdicts", "levels")
"""Of the store: written once, never changed, never removed."""
_OF_HUBS = ("events", "hubs", "ids", "pulls", "quarantine", "registrations", "same", "validators")
"""Of the store: a file a hub in each, which belong together."""
_TOLD_OF_RELEASES = ("slugs.json", "withdrawals.jsonl")
_USUAL_FOLDER = 0o755
_ASIDE = (".candidate-", ".building-")

Progress = Callable[[str, int, int | None], None]


class Unsettled(RuntimeError):
    """The store changed all the time while it was read."""


class NotRestored(RuntimeError):
    """Nothing was restored, or not all of it. The message says why and what to do."""


PROBLEMS = (BucketRefused, BucketUnavailable, PlaceRefused, LeaseLost, Unsettled, NotRestored)
"""All that may be wrong with a place. Each has a message for the operator."""


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


@dataclass(frozen=True)
class Restored:
    """What was brought back, and what is wrong with it; nothing ought to be."""

    checkpoint: Checkpoint
    files: int
    bytes: int
    problems: tuple[str, ...]
    seconds: float


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


# Taking.


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
        capture = _Capture(store, public, self._sender(progress), self.newest, has_keys=has_keys, showing=showing)
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
        surplus = sorted(key for key in there if key not in named and _epoch_of(key) <= self._lease.epoch)
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

    def _sender(self, progress: Progress) -> _Sender:
        return _Sender(self._place, self._lease, dict(self._objects), progress)


def _epoch_of(key: str) -> int:
    """The number of the lease in the name of an object or a manifest; of what is none, one that nobody ever has."""
    parts = key.split("-")
    return int(parts[1]) if len(parts) > 1 and parts[1].isdecimal() else sys.maxsize


class _Sender:
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


class _Changing(Exception):
    """Something was written while it was read."""


class _Capture:
    """Reads a store and a public folder, and sends what is not there.

    The order, from what tells to what is told of: what the last release and candidates are noted to be; the pointers;
    the releases; what was withdrawn, the ledger (its heads before its rows), addresses and keys; how hubs stand; the
    inbox; last, all that is written once.
    """

    def __init__(
        self,
        store: Path,
        public: Path,
        sender: _Sender,
        before: Manifest | None,
        *,
        has_keys: bool,
        showing: str | None,
    ) -> None:
        self._store, self._public, self.sent = store, public, sender
        self._known = {entry.path: entry for entry in before.files} if before else {}
        self._has_keys, self._showing = has_keys, showing
        self._files: dict[str, Entry] = {}
        self._links: dict[str, str] = {}
        self._folders: dict[str, int] = {}

    def manifest(self) -> Manifest:
        """All of it. Raises Unsettled."""
        for _ in range(TRIES):
            try:
                self._files, self._links, self._folders = {}, {}, {}
                before = self._pulse()
                self._tell()
                if self._pulse() == before:
                    break
            except _Changing:
                pass
            time.sleep(PAUSE_SECONDS)
        else:
            raise Unsettled(
                f"{self._store}: it changed all the time while it was read: run again when less is going on"
            )
        self._hubs()
        self._settled(lambda: self._walk(self._store / "inbox", f"{STORE}/inbox"))
        for room in _LASTING:
            self._settled(partial(self._walk, self._store / room, f"{STORE}/{room}", is_lasting=True))
        newest = publish.latest(self._public)
        return Manifest(
            files=tuple(sorted(self._files.values())),
            links=tuple(sorted(self._links.items())),
            folders=tuple(sorted(self._folders.items())),
            release=newest.id if newest else None,
            has_keys=any(name in self._files for name in PRIVATE_KEYS),
            code=code_version(),
        )

    def _pulse(self) -> list[Any]:
        """What changes when anything is written that all of ``_tell`` hangs together by."""
        releases = self._public / "releases"
        first = (self._below(path) if path.is_dir() else [path] for path in self._told_first())
        names = [*chain.from_iterable(first), *(self._store / name for name in _TOLD_OF_RELEASES)]
        names += [*_listed(self._store / "made-of"), *_listed(self._store / "keys")]
        names += [self._store / "ledger" / "heads.json", self._public / ".current", self._public / ".gone.map"]
        names += [path for path in _listed(releases) if not self._is_left_out(path)]
        return [[str(path), *_state(path)] for path in names]

    def _tell(self) -> None:
        for path in self._told_first():
            self._walk(path, f"{STORE}/{path.name}")
        self._walk(self._store / "made-of", f"{STORE}/made-of")
        self._pointers()
        self._releases()
        self._file(self._public / ".gone.map", f"{PUBLIC}/.gone.map")
        self._file(self._store / "withdrawals.jsonl", f"{STORE}/withdrawals.jsonl")
        ledger = self._store / "ledger"
        self._file(ledger / "heads.json", f"{STORE}/ledger/heads.json")
        for path in _listed(ledger):
            if path.name not in ("heads.json", "members"):
                self._walk(path, f"{STORE}/ledger/{path.name}")
        self._walk(ledger / "members", f"{STORE}/ledger/members", is_lasting=True)
        self._file(self._store / "slugs.json", f"{STORE}/slugs.json")
        self._walk(self._store / "keys", f"{STORE}/keys")

    def _told_first(self) -> list[Path]:
        """What stands at the top of the store and is not named otherwise, also what later versions put there."""
        later = {*_NOT_COPIED, *_LASTING, *_OF_HUBS, *_TOLD_OF_RELEASES, "inbox", "keys", "ledger", "made-of"}
        return [path for path in _listed(self._store) if path.name not in later]

    def _pointers(self) -> None:
        current = self._public / ".current"
        for path in _listed(self._public, with_dots=True):
            if path.is_symlink() and not path.name.endswith(".new"):
                self._link(path, f"{PUBLIC}/{path.name}")
        if current.is_symlink():
            self._walk(current.resolve(), f"{PUBLIC}/{current.readlink()}", is_lasting=True)

    def _releases(self) -> None:
        for folder in _listed(self._public / "releases", with_dots=True):
            if folder.name.startswith("."):
                prefix = next((prefix for prefix in _ASIDE if folder.name.startswith(prefix)), None)
                id = folder.name.removeprefix(prefix or "")
                if prefix and id == self._showing and not (folder.parent / id).exists():
                    self._walk(folder, f"{PUBLIC}/releases/{id}", is_lasting=True)
                if prefix != _ASIDE[0]:
                    continue
            self._walk(folder, f"{PUBLIC}/releases/{folder.name}", is_lasting=True)

    def _hubs(self) -> None:
        """Each hub by itself: what belongs together is of one hub."""
        names = {path.name for room in _OF_HUBS for path in _listed(self._store / room)}
        by_hub: dict[str, set[str]] = {}
        for name in names:
            by_hub.setdefault(name.partition(".")[0], set()).add(name)
        for _, of_hub in sorted(by_hub.items()):
            paths = [self._store / room / name for room in _OF_HUBS for name in sorted(of_hub)]

            def read(paths: list[Path] = paths) -> None:
                before = [_state(path) for path in paths]
                for path in paths:
                    self._file(path, f"{STORE}/{path.parent.name}/{path.name}")
                if [_state(path) for path in paths] != before:
                    raise _Changing

            self._settled(read)

    def _settled(self, read: Callable[[], None]) -> None:
        for _ in range(TRIES):
            try:
                return read()
            except _Changing:
                time.sleep(PAUSE_SECONDS)
        raise Unsettled(f"{self._store}: it changed all the time while it was read: run again when less is going on")

    @staticmethod
    def _below(folder: Path) -> list[Path]:
        """All files below a folder."""
        return sorted(Path(at, name) for at, _, names in os.walk(folder) for name in names)

    @staticmethod
    def _is_left_out(path: Path) -> bool:
        return path.name.startswith(".") and not path.name.startswith(_ASIDE[0])

    def _walk(self, root: Path, name: str, is_lasting: bool = False) -> None:
        """A file, or all files below a folder."""
        if not root.is_dir():
            return self._file(root, name)
        found: list[tuple[Path, str]] = []
        is_public = name.startswith(PUBLIC)  # in the store, a dot means a lock, or a file that is being written
        for folder, folders, names in os.walk(root):
            at = Path(folder)
            within = name if at == root else f"{name}/{at.relative_to(root).as_posix()}"
            folders[:] = sorted(one for one in folders if is_public or not one.startswith("."))
            with contextlib.suppress(FileNotFoundError):
                if (mode := stat.S_IMODE(at.stat().st_mode)) != _USUAL_FOLDER:
                    self._folders[within] = mode
            found += [(at / one, f"{within}/{one}") for one in names if is_public or not one.startswith(".")]
        # Most are known by their times, and need no thread.
        unknown = [(path, within) for path, within in found if not (is_lasting and self._is_known(path, within))]
        if not unknown:
            return None
        with ThreadPoolExecutor(AT_ONCE) as pool:
            try:
                work = [pool.submit(self._file, path, within, is_lasting) for path, within in unknown]
                for done in wait(work, return_when=FIRST_EXCEPTION).done:
                    done.result()
            finally:
                pool.shutdown(cancel_futures=True)
        return None

    def _is_known(self, path: Path, name: str) -> bool:
        """Whether a file that is written once is as the checkpoint before has it."""
        known = self._known.get(name)
        if known is None:
            return False
        try:
            about = path.lstat()
        except FileNotFoundError:
            return False
        epoch = self.sent.has(known.sha256)
        if epoch is None or (known.bytes, known.mtime) != (about.st_size, about.st_mtime_ns):
            return False
        self._files[name] = known._replace(mode=stat.S_IMODE(about.st_mode), epoch=epoch)
        return True

    def _file(self, path: Path, name: str, is_lasting: bool = False) -> None:
        """A file, or nothing when there is none."""
        try:
            about = path.lstat()
            if stat.S_ISLNK(about.st_mode):
                return self._link(path, name)
            if not stat.S_ISREG(about.st_mode):
                return None
            if not self._has_keys and name in PRIVATE_KEYS:
                return None
            source: Path | bytes = path
            if about.st_size <= SMALL_BYTES:
                source = path.read_bytes()
                size, sha256 = len(source), hashlib.sha256(source).hexdigest()
            else:
                size, sha256 = about.st_size, sha256_of(path)
            epoch = self.sent.keep(source, size, sha256)
        except FileNotFoundError:
            if is_lasting:
                raise _Changing from None
            return None
        except Changed as error:
            raise _Changing from error
        entry = Entry(name, sha256, size, stat.S_IMODE(about.st_mode), about.st_mtime_ns, epoch)
        self._files[name] = entry
        if is_lasting:
            self._known[name] = entry  # should it all have to be read again
        return None

    def _link(self, path: Path, name: str) -> None:
        try:
            self._links[name] = str(path.readlink())
        except OSError as error:
            raise _Changing from error


def _listed(folder: Path, with_dots: bool = False) -> list[Path]:
    """What is in a folder; names with dots are locks, or files that are being written."""
    try:
        found = sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [path for path in found if with_dots or not path.name.startswith(".")]


def _state(path: Path) -> tuple[int, ...]:
    try:
        about = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return ()
    if stat.S_ISDIR(about.st_mode):  # entries within may change; that it is another one tells
        return (about.st_ino,)
    return about.st_ino, about.st_size, about.st_mtime_ns


# The way back.


def chosen(place: Place, id: str | None) -> Checkpoint:
    """The checkpoint whose id begins with ``id``, the newest when that is None. Raises NotRestored."""
    listed = head_of(place).checkpoints
    if not listed:
        raise NotRestored(f"{place.address}: there is no checkpoint here")
    if id is None:
        return listed[-1]
    found = [one for one in listed if one.id == id] or [one for one in listed if one.id.startswith(id)]
    if len(found) != 1:
        why = f"{len(found)} checkpoints begin with {id}" if found else f"no checkpoint {id}"
        raise NotRestored(f"{place.address}: {why}; hubpacks backup --list shows them")
    return found[0]


def restore(
    place: Place,
    checkpoint: Checkpoint,
    store: Path,
    public: Path,
    progress: Progress = lambda _what, _done, _total: None,
) -> Restored:
    """Bring ``checkpoint`` back into two folders that hold nothing, and look at what came: every digest, the chain of
    the ledger, the newest release. Killed, it goes on when it is called again.

    Raises NotRestored, PlaceRefused, OSError, and what places raise.
    """
    started = time.monotonic()
    manifest = manifest_of(place, checkpoint)
    for folder in (store, public):
        if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
            raise NotRestored(f"{folder}: not a folder: name a new one")
        marked = folder / UNFINISHED
        if folder.exists() and any(folder.iterdir()) and not _reads(marked, checkpoint.id):
            raise NotRestored(f"{folder}: there is something in it, and nothing is ever overwritten: name a new folder")
    for folder in (store, public):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / UNFINISHED).write_text(checkpoint.id, encoding="ascii")
    bring(place, manifest, store, public, progress)
    problems = tuple(_wrong(store, public))
    for folder in (public, store):
        (folder / UNFINISHED).unlink()
        sync_folder(folder)
    size = sum(entry.bytes for entry in manifest.files)
    return Restored(checkpoint, len(manifest.files), size, problems, round(time.monotonic() - started, 1))


def _reads(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8", errors="replace") == text


def bring(
    place: Place,
    manifest: Manifest,
    store: Path,
    public: Path,
    progress: Progress = lambda _what, _done, _total: None,
) -> int:
    """Let two folders hold what ``manifest`` says; files that do already, by size and time, stay. How many came.

    What readers of ``public`` may see changes in one step a release, and their pointers come last. What is there and
    not in the manifest stays: see ``tidy``. Raises PlaceRefused when an object is not there, or damaged.
    """
    roots = {STORE: store, PUBLIC: public}
    missing = [entry for entry in manifest.files if not _is_there(_at(roots, entry.path), entry)]
    total, done, lock = len(missing), 0, Lock()
    anew = _releases_changed(roots, missing)
    for name, mode in manifest.folders:
        folder = _at(roots, name)
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(mode)

    def come(entry: Entry, path: Path) -> None:
        nonlocal done
        _come(place, entry, path)
        with lock:
            done += 1
            progress("files brought", done, total)

    lasting = [entry for entry in missing if _is_of_releases(entry.path) and _release_of(entry.path) not in anew]
    first = [entry for entry in missing if entry.path.startswith(f"{STORE}/")]
    last = [e for e in missing if e.path.startswith(f"{PUBLIC}/") and not _is_of_releases(e.path)]
    for group in (first, lasting):
        _at_once(group, lambda entry: come(entry, _at(roots, entry.path)))
    for release in sorted(anew):
        _bring_anew(public / "releases" / release, [e for e in manifest.files if _release_of(e.path) == release], come)
    _at_once(last, lambda entry: come(entry, _at(roots, entry.path)))
    os.sync()  # thousands of files: one flush of the disk instead of one each
    for name, target in sorted(manifest.links, key=lambda link: link[0] != f"{PUBLIC}/.current"):
        _point(_at(roots, name), target)
    return total


def _bring_anew(folder: Path, entries: Iterable[Entry], come: Callable[[Entry, Path], None]) -> None:
    """A release that was issued anew elsewhere: as a whole, since somebody may be reading it."""
    aside = folder.with_name(f"{_ASIDE[1]}{folder.name}")
    shutil.rmtree(aside, ignore_errors=True)
    for entry in entries:
        within = entry.path.split("/", 3)[3]
        source, target = folder / within, aside / within
        target.parent.mkdir(parents=True, exist_ok=True)
        if _is_there(source, entry):
            shutil.copy2(source, target)
        else:
            come(entry, target)
    exchange(folder, aside)
    shutil.rmtree(aside)


def tidy(manifest: Manifest, store: Path, public: Path) -> int:
    """Remove what of the line's own is in the folders and not in ``manifest``; how many files."""
    roots = {STORE: store, PUBLIC: public}
    kept = {_at(roots, name) for name in (*(e.path for e in manifest.files), *(name for name, _ in manifest.links))}
    rooms = [path for path in _listed(store) if path.name not in {"locks", "texts"}]
    rooms += [public / name for name in (".pointers", ".gone.map")]
    rooms += [
        path
        for path in _listed(public / "releases", with_dots=True)
        if publish.RELEASE_ID.fullmatch(path.name) or path.name.startswith(_ASIDE)
    ]
    removed = 0
    for room in rooms:
        paths = [room] if not room.is_dir() else [Path(at, name) for at, _, names in os.walk(room) for name in names]
        for path in paths:
            if path not in kept and path.exists():
                path.unlink()
                removed += 1
        for at, _, _ in os.walk(room, topdown=False):
            with contextlib.suppress(OSError):
                Path(at).rmdir()  # only when it is empty
    return removed


def _at(roots: Mapping[str, Path], name: str) -> Path:
    """Where a path of a manifest lies. Raises PlaceRefused for one that leads out of the folders."""
    root, _, within = name.partition("/")
    parts = within.split("/")
    if root not in roots or {"", ".", ".."} & {*parts} or "\0" in within:
        raise PlaceRefused(f"the manifest names {name!r}, which no checkpoint has: take another one")
    return roots[root].joinpath(*parts)


def _is_there(path: Path, entry: Entry) -> bool:
    try:
        about = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return stat.S_ISREG(about.st_mode) and (about.st_size, about.st_mtime_ns) == (entry.bytes, entry.mtime)


def _come(place: Place, entry: Entry, path: Path) -> None:
    """Bring one file, and look at its digest before it is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:80]}.")
    try:
        with os.fdopen(handle, "w+b") as file:
            is_there = place.fetch(entry.key, file)
            file.flush()
            file.seek(0)
            digest = hashlib.sha256()
            while chunk := file.read(CHUNK_BYTES):
                digest.update(chunk)
            if not is_there or digest.hexdigest() != entry.sha256:
                why = "is damaged" if is_there else "is not there any more"
                raise PlaceRefused(
                    f"{place.address}: {entry.key} {why}, which is {entry.path}: take another checkpoint (--at)"
                )
        Path(name).chmod(entry.mode)
        os.utime(name, ns=(entry.mtime, entry.mtime))
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)


def _at_once(entries: Sequence[Entry], work: Callable[[Entry], None]) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            under_way = [pool.submit(work, entry) for entry in entries]
            for done in wait(under_way, return_when=FIRST_EXCEPTION).done:
                done.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _point(path: Path, target: str) -> None:
    if path.is_symlink() and path.readlink() == Path(target):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name.lstrip('.')}.new")
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    new.rename(path)


def _is_of_releases(name: str) -> bool:
    return name.startswith(f"{PUBLIC}/releases/")


def _release_of(name: str) -> str | None:
    return name.split("/", 3)[2] if _is_of_releases(name) else None


def _releases_changed(roots: Mapping[str, Path], missing: Iterable[Entry]) -> set[str]:
    """Releases that are there already, and are other than they should be."""
    ids = {release for entry in missing if (release := _release_of(entry.path)) is not None}
    return {id for id in ids if (roots[PUBLIC] / "releases" / id).is_dir() and publish.RELEASE_ID.fullmatch(id)}


def _wrong(store: Path, public: Path) -> Iterator[str]:
    """What is wrong with a store and a public folder that were brought back."""
    from pipelines.ledger import Broken  # it brings numpy and pyarrow

    try:
        Store(store).ledger.verify()
    except Broken as error:
        yield str(error)
    newest = publish.latest(public)
    if newest is not None:
        folder = public / newest.address
        yield from publish.verify_release(folder)
        yield from publish.wrong_signatures(folder)
