"""Bringing what is published in the folder to an object store: what goes there, in which order, and what goes away.

Readers of the store may come at any moment, and the command may be killed at any moment. So a release is whole there
before anything names it, and ``latest.json``, by which programs find it, is put last of all. How a store is talked to
is in ``buckets``; how objects are answered, in ``serve.rules``.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from pipelines.buckets import Bucket, Changed, Stored, mark_of
from pipelines.files import json_of, only_one, sha256_of, write_bytes
from pipelines.publish import RELEASE_ID, wrong_signatures
from pipelines.publish.pointers import POINTERS
from pipelines.publish.signed import KEYS, SUMS, UNLISTED, read_sums
from pipelines.serve import rules

AT_ONCE = 8
"""Requests. Of small files, each waits for the store and not for us."""
FOLDER = ".mirrors"
"""In the public folder, hidden from readers: for each store, what was put there and the mark that it was given."""
LATEST = "latest.json"
RELEASES = "releases.json"
MAX_POINTER_BYTES = 16 << 20

Progress = Callable[[str, int, int | None], None]


class MirrorRefused(RuntimeError):
    """Nothing was done, or nothing more: what is published, or what is in the store, is not as it should be."""


@dataclass(frozen=True)
class Mirrored:
    """What was done: files sent (with their bytes) and deleted, and how many were there already."""

    target: str
    release: str
    releases: int
    uploaded: int
    uploaded_bytes: int
    unchanged: int
    deleted: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return asdict(self)


@dataclass(frozen=True)
class _Item:
    """One object as it should be: its bytes or the file that has them, their number and digest, its headers."""

    key: str
    source: Path | bytes = field(repr=False)
    bytes: int
    sha256: str
    headers: dict[str, str]


@dataclass(frozen=True)
class _Published:
    """All that is published: each release as its files but the signed list, then the list and what is made from it in
    the order in which they are sent; and the pointers, the last of which is ``latest.json``. ``folder`` has the
    releases; ``issues`` says which issue of each it is.
    """

    folder: Path
    latest: str
    issues: dict[str, int]
    releases: dict[str, tuple[list[_Item], list[_Item]]]
    pointers: list[_Item]

    def keys(self) -> set[str]:
        return {item.key for group in self.releases.values() for items in group for item in items}


def mirror(public: Path, bucket: Bucket, progress: Progress = lambda _what, _done, _total: None) -> Mirrored:
    """Make ``bucket`` hold what readers see of ``public``: all releases that its pointers name, and the pointers.

    Only what is not there, or is otherwise there, is sent; in the store, files of releases that are not published are
    deleted, and nothing else is. Safe to be killed, and to be run again. Raises MirrorRefused,
    buckets.BucketRefused and BucketUnavailable, files.Busy, OSError.
    """
    started = time.monotonic()
    _refuse_nothing(public)
    with only_one(public / FOLDER / ".lock"):
        memory = _Memory(public / FOLDER, bucket)
        work = _Work(bucket, memory, progress)
        for is_last in (False, True):
            published = _read(public)
            try:
                work.bring(published)
                break
            except Changed as error:
                # A release may be issued anew under our hands. What is damaged stays so.
                if is_last:
                    raise MirrorRefused(
                        f"{error} is not as {SUMS} lists it: run hubpacks verify, and restore the release from a copy"
                    ) from error
        memory.tidy(published.keys() | set(POINTERS))
    return Mirrored(
        bucket.address,
        published.latest,
        len(published.releases),
        work.uploaded,
        work.uploaded_bytes,
        work.unchanged,
        work.deleted,
        round(time.monotonic() - started, 1),
    )


def is_behind(public: Path, target: str, endpoint: str | None = None) -> bool:
    """Whether readers of the place ``target`` (at ``endpoint``) were last given other pointers than those of
    ``public``, as far as is remembered here. Nobody is asked.
    """
    path = _memory_path(public / FOLDER, target.rstrip("/"), (endpoint or "").rstrip("/"))
    known = {key: told["sha256"] for key, told in _lines(path)}
    present = {name: public / name for name in POINTERS if (public / name).exists()}
    return any(known.get(name) != sha256_of(path) for name, path in present.items())


class _Work:
    """One run against one store."""

    def __init__(self, bucket: Bucket, memory: _Memory, progress: Progress) -> None:
        self._bucket, self._memory, self._progress = bucket, memory, progress
        self._lock = Lock()
        self._total = 0
        self.uploaded = self.uploaded_bytes = self.unchanged = self.deleted = 0

    def bring(self, published: _Published) -> None:
        """Do what is missing, in the order in which readers may see it."""
        there = self._bucket.listed()
        self._refuse_older(published, there)
        wanted = published.keys()
        self.unchanged = 0
        changed = {
            id: (self._changed(files, there), self._changed(seals, there))
            for id, (files, seals) in published.releases.items()
        }
        pointers = self._changed(published.pointers, there)
        self._total = sum(map(len, [*(items for groups in changed.values() for items in groups), pointers]))
        surplus = [key for key in there if _release_of(key) in published.releases and key not in wanted]
        for id in {id for id, groups in changed.items() if any(groups)} | {str(_release_of(key)) for key in surplus}:
            _refuse_unsigned(published.folder / id, published.releases[id])
        # What was taken down goes at once, before anything else takes time.
        self._delete(surplus)
        # Releases that readers know come next: where they differ, something was taken out of them, or is damaged.
        known = {id: f"releases/{id}/{SUMS}" in there for id in changed}
        for id in sorted(changed, key=lambda release: (not known[release], release)):
            files, seals = changed[id]
            self._send_at_once(files)
            for item in seals:
                self._send(item)
        self._refuse_unless_whole(published, [id for id, groups in changed.items() if any(groups)])
        for item in pointers:
            self._send(item)
        self._delete([key for key in there if _release_of(key) not in (None, *published.releases)])

    def _refuse_older(self, published: _Published, there: dict[str, Stored]) -> None:
        """A folder that was restored from an old copy, or that of another installation, must not take the place of
        what readers have seen. An older issue of a release would bring back what was taken out of it.
        """
        instead = "name the folder that it came from, or empty that place in the store first"
        seen = self._told(LATEST, there).get("release")
        if seen is not None and seen not in published.releases:
            raise MirrorRefused(
                f"{self._bucket.address} shows release {seen}, which is not in the public folder: {instead}"
            )
        for id, issue in _issues(self._told(RELEASES, there)).items():
            if issue > published.issues.get(id, issue):
                raise MirrorRefused(
                    f"{self._bucket.address} shows issue {issue} of release {id}, and the public folder has issue "
                    f"{published.issues[id]}: {instead}"
                )

    def _told(self, key: str, there: dict[str, Stored]) -> dict[str, Any]:
        """What a pointer in the store says; nothing when it is not there, or is damaged and about to be mended."""
        if key not in there:
            return {}
        try:
            told = json_of(self._bucket.read(key, MAX_POINTER_BYTES) or b"")
        except ValueError:
            return {}
        return told if isinstance(told, dict) else {}

    def _changed(self, items: Sequence[_Item], there: dict[str, Stored]) -> list[_Item]:
        """Those that have to be sent."""
        found = [item for item in items if not self._is_there(item, there.get(item.key))]
        self.unchanged += len(items) - len(found)
        return found

    def _is_there(self, item: _Item, stored: Stored | None) -> bool:
        if stored is None or stored.bytes != item.bytes:
            return False
        known = self._memory.known(item.key)
        if known is not None and known.get("mark") == stored.mark:
            return (known.get("sha256"), known.get("headers")) == (item.sha256, item.headers)
        # Killed before it was written down, put there by another machine, or changed by somebody.
        if stored.mark != mark_of(item.source, item.bytes) or self._bucket.headers(item.key) != item.headers:
            return False
        self._memory.keep(item, stored.mark)
        return True

    def _send_at_once(self, items: Sequence[_Item]) -> None:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            try:
                sent = [pool.submit(self._send, item) for item in items]
                for done in wait(sent, return_when=FIRST_EXCEPTION).done:
                    done.result()
            finally:
                pool.shutdown(cancel_futures=True)

    def _send(self, item: _Item) -> None:
        try:
            mark = self._bucket.put(item.key, item.source, item.bytes, item.sha256, item.headers)
        except FileNotFoundError as error:
            raise Changed(str(item.source)) from error
        self._memory.keep(item, mark)
        with self._lock:
            self.uploaded += 1
            self.uploaded_bytes += item.bytes
            self._progress("files sent", self.uploaded, max(self._total, self.uploaded))

    def _delete(self, keys: Sequence[str]) -> None:
        self._bucket.delete(keys)
        self.deleted += len(keys)

    def _refuse_unless_whole(self, published: _Published, ids: Sequence[str]) -> None:
        """Look once more, before anything names a release: another program may be at work in the same place."""
        for id in ids:
            there = self._bucket.listed(f"releases/{id}")
            for item in (item for items in published.releases[id] for item in items):
                known, stored = self._memory.known(item.key), there.get(item.key)
                if known is None or stored is None or (known["mark"], item.bytes) != (stored.mark, stored.bytes):
                    raise MirrorRefused(
                        f"{self._bucket.address}: {item.key} is not there as it was sent: let no other program write "
                        "there, and run again"
                    )


class _Memory:
    """What was put into one store: a JSON object a line, the last of a key counts. A line that was cut short, and a
    file that is lost, cost time and nothing else.
    """

    def __init__(self, folder: Path, bucket: Bucket) -> None:
        self._path = _memory_path(folder, bucket.address, bucket.endpoint or "")
        self._lock = Lock()
        self._known = dict(_lines(self._path))

    def known(self, key: str) -> dict[str, Any] | None:
        return self._known.get(key)

    def keep(self, item: _Item, mark: str) -> None:
        told = {"key": item.key, "sha256": item.sha256, "mark": mark, "headers": item.headers}
        with self._lock, self._path.open("a", encoding="utf-8") as file:
            self._known[item.key] = told
            # Before it, the line that a kill may have cut short is ended.
            file.write(f"\n{json.dumps(told, ensure_ascii=False)}\n")

    def tidy(self, keys: set[str]) -> None:
        """Forget all but ``keys``."""
        kept = [told for key, told in sorted(self._known.items()) if key in keys]
        write_bytes(self._path, "".join(json.dumps(told, ensure_ascii=False) + "\n" for told in kept).encode())


def _memory_path(folder: Path, address: str, endpoint: str) -> Path:
    name = hashlib.sha256(f"{endpoint} {address}".encode()).hexdigest()[:16]
    return folder / f"{name}.jsonl"


def _lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        try:
            told = json_of(line)
        except ValueError:
            continue
        if isinstance(told, dict) and told.keys() == {"key", "sha256", "mark", "headers"}:
            yield told["key"], told


def _refuse_nothing(public: Path) -> None:
    if not (public / LATEST).exists():
        raise MirrorRefused(f"{public}: nothing is published here yet; run hubpacks run first")


def _read(public: Path) -> _Published:
    """What readers of ``public`` see now. Raises MirrorRefused."""
    try:
        # All of one moment: links to them may be swapped meanwhile, and the folder behind the links stays.
        folder = (public / LATEST).resolve(strict=True).parent
        data = {name: (folder / name).read_bytes() for name in POINTERS}
        latest = json_of(data[LATEST])["release"]
        told = json_of(data[RELEASES])
        ids = [entry["release"] for entry in told["releases"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MirrorRefused(f"{public}: the pointers cannot be read: restore them from a copy") from error
    if latest not in ids or not all(isinstance(id, str) and RELEASE_ID.fullmatch(id) for id in ids):
        raise MirrorRefused(f"{public}: latest.json and releases.json do not fit: restore them from a copy")
    order = sorted(POINTERS, key=lambda name: (name == LATEST, name))
    pointers = [_item(name, data[name]) for name in order]
    releases = public / "releases"
    return _Published(releases, latest, _issues(told), {id: _release(releases / id) for id in ids}, pointers)


def _issues(told: dict[str, Any]) -> dict[str, int]:
    """The issue of each release that ``releases.json`` lists. Before there were any, it named none."""
    listed = told.get("releases")
    entries = [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
    return {str(one.get("release")): one["issue"] for one in entries if isinstance(one.get("issue"), int)}


def _release(folder: Path) -> tuple[list[_Item], list[_Item]]:
    """The files of a release that its list names, and what is not in the list, the list last. Nothing else in the
    folder goes anywhere. Raises MirrorRefused.
    """
    at = f"releases/{folder.name}"
    try:
        listed = read_sums(folder)
        if hidden := [path for path in listed if rules.is_hidden(f"/{path}") or path.startswith("/")]:
            raise MirrorRefused(f"{folder}: {SUMS} lists {hidden[0]}, which no release has: restore it from a copy")
        files = [_file(f"{at}/{path}", folder / path, sha256) for path, sha256 in sorted(listed.items())]
        order = sorted(UNLISTED, key=lambda name: (name == SUMS, name))
        unlisted = [(name, (folder / name).read_bytes()) for name in order if (folder / name).is_file()]
    except OSError as error:
        raise MirrorRefused(f"{error.filename}: {error.strerror}: restore the release from a copy") from error
    except ValueError as error:
        raise MirrorRefused(f"{folder}: {error}: restore the release from a copy") from error
    seals = [_file(f"{at}/{name}", folder / name, hashlib.sha256(data).hexdigest()) for name, data in unlisted]
    return files, seals


def _refuse_unsigned(folder: Path, items: tuple[list[_Item], list[_Item]]) -> None:
    """What is sent and what is deleted follows from the list of a release, so the list has to be the one that was
    signed. The first releases had no keys.
    """
    seals = [item.key for item in items[1]]
    if seals == [f"releases/{folder.name}/{SUMS}"] and not (folder / KEYS).exists():
        return
    if problems := wrong_signatures(folder):
        raise MirrorRefused(f"{folder}: {problems[0]}: run hubpacks verify, and restore the release from a copy")


def _file(key: str, path: Path, sha256: str) -> _Item:
    return _Item(key, path, path.stat().st_size, sha256, _headers(key))


def _item(key: str, data: bytes) -> _Item:
    return _Item(key, data, len(data), hashlib.sha256(data).hexdigest(), _headers(key))


def _headers(key: str) -> dict[str, str]:
    """What the store is to answer with: of ``serve.rules`` what an object can carry."""
    return {
        "Content-Type": rules.content_type(f"/{key}"),
        "Cache-Control": rules.headers(f"/{key}", rules.LASTING_STATUSES[0])["Cache-Control"],
    }


def _release_of(key: str) -> str | None:
    """The release that an object belongs to, None when it is none of ours to delete."""
    parts = key.split("/")
    is_ours = len(parts) > 2 and parts[0] == "releases" and RELEASE_ID.fullmatch(parts[1])  # noqa: PLR2004
    return parts[1] if is_ours else None
