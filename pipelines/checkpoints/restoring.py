"""From a checkpoint back to folders: brought whole, held against digests, and looked at."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from pipelines import publish
from pipelines.checkpoints.capture import listed
from pipelines.checkpoints.manifests import (
    ASIDE,
    AT_ONCE,
    PUBLIC,
    STORE,
    Checkpoint,
    Entry,
    Manifest,
    Progress,
    head_of,
    manifest_of,
)
from pipelines.files import CHUNK_BYTES, exchange, sync_folder
from pipelines.layout import UNFINISHED
from pipelines.places import Place, PlaceRefused
from pipelines.store import Store


class NotRestored(RuntimeError):
    """Nothing was restored, or not all of it. The message says why and what to do."""


@dataclass(frozen=True)
class Restored:
    """What was brought back, and what is wrong with it; nothing ought to be."""

    checkpoint: Checkpoint
    files: int
    bytes: int
    problems: tuple[str, ...]
    seconds: float


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
    aside = folder.with_name(f"{ASIDE[1]}{folder.name}")
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
    rooms = [path for path in listed(store) if path.name != "locks"]
    rooms += [public / name for name in (".pointers", ".gone.map")]
    rooms += [
        path
        for path in listed(public / "releases", with_dots=True)
        if publish.RELEASE_ID.fullmatch(path.name) or path.name.startswith(ASIDE)
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
