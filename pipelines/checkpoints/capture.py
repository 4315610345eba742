"""Reading the store and the public folder in the order in which a copy is consistent, whatever is written meanwhile."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import time
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from pipelines import publish
from pipelines.buckets import Changed
from pipelines.checkpoints.manifests import ASIDE, AT_ONCE, PUBLIC, STORE, Entry, Manifest
from pipelines.checkpoints.objects import Sender
from pipelines.files import sha256_of
from pipelines.layout import OF_THE_MACHINE
from pipelines.version import code_version

SMALL_BYTES = 8 << 20
"""Up to this size a file is read once, and what was read is kept: it may be written to meanwhile."""
TRIES, PAUSE_SECONDS = 200, 0.1
"""Until files that belong together have not changed while they were read."""
PRIVATE_KEYS = ("store/keys/signing.pem", "store/keys/next.pem")
_LASTING = ("levels", "verdicts", "snapshots", "blobs")
"""Of the store: written once, never changed, never removed; a snapshot, which names blobs, before them."""
_OF_HUBS = ("events", "hubs", "ids", "pulls", "quarantine", "registrations", "same", "validators")
"""Of the store: a file a hub in each, which belong together."""
_TOLD_OF_RELEASES = ("slugs.json", "withdrawals.jsonl")
_USUAL_FOLDER = 0o755


class Unsettled(RuntimeError):
    """The store changed all the time while it was read."""


class _Changing(Exception):
    """Something was written while it was read."""


class Capture:
    """Reads a store and a public folder, and sends what is not there.

    The order, from what tells to what is told of: what the last release and candidates are noted to be; the pointers;
    the releases; what was withdrawn, the ledger (its heads before its rows), addresses and keys; how hubs stand; the
    inbox; last, all that is written once.
    """

    def __init__(
        self,
        store: Path,
        public: Path,
        sender: Sender,
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
        names += [*listed(self._store / "made-of"), *listed(self._store / "keys")]
        names += [self._store / "ledger" / "heads.json", self._public / ".current", self._public / ".gone.map"]
        names += [path for path in listed(releases) if not self._is_left_out(path)]
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
        for path in listed(ledger):
            if path.name not in ("heads.json", "members"):
                self._walk(path, f"{STORE}/ledger/{path.name}")
        self._walk(ledger / "members", f"{STORE}/ledger/members", is_lasting=True)
        self._file(self._store / "slugs.json", f"{STORE}/slugs.json")
        self._walk(self._store / "keys", f"{STORE}/keys")

    def _told_first(self) -> list[Path]:
        """What stands at the top of the store and is not named otherwise, also what later versions put there."""
        later = {*OF_THE_MACHINE, *_LASTING, *_OF_HUBS, *_TOLD_OF_RELEASES, "inbox", "keys", "ledger", "made-of"}
        return [path for path in listed(self._store) if path.name not in later]

    def _pointers(self) -> None:
        current = self._public / ".current"
        for path in listed(self._public, with_dots=True):
            if path.is_symlink() and not path.name.endswith(".new"):
                self._link(path, f"{PUBLIC}/{path.name}")
        if current.is_symlink():
            self._walk(current.resolve(), f"{PUBLIC}/{current.readlink()}", is_lasting=True)

    def _releases(self) -> None:
        releases = self._public / "releases"
        if self._showing and not (releases / self._showing).exists():
            # What is being built of a candidate names who approved it, and comes first.
            aside = (releases / f"{prefix}{self._showing}" for prefix in reversed(ASIDE))
            if shown := next((folder for folder in aside if folder.is_dir()), None):
                self._walk(shown, f"{PUBLIC}/releases/{self._showing}", is_lasting=True)
        for folder in listed(releases, with_dots=True):
            if not self._is_left_out(folder):
                self._walk(folder, f"{PUBLIC}/releases/{folder.name}", is_lasting=True)

    def _hubs(self) -> None:
        """Each hub by itself: what belongs together is of one hub."""
        names = {path.name for room in _OF_HUBS for path in listed(self._store / room)}
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
        return path.name.startswith(".") and not path.name.startswith(ASIDE[0])

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


def listed(folder: Path, with_dots: bool = False) -> list[Path]:
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
