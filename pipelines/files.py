"""Writing files so that a reader, or a kill -9, never meets half of one. Nothing here knows what the files mean."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import hashlib
import json
import os
import secrets
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, Protocol

from hubs.contract.records import canonical_json

CHUNK_BYTES = 1 << 20
OWNER_ONLY, OWNER_ONLY_FOLDER = 0o600, 0o700
"""Modes of what nobody but its owner may read."""

_HERE, _EXCHANGE = -100, 2
"""AT_FDCWD and RENAME_EXCHANGE of renameat2(2), which Python does not offer."""
_AWAY = ".away-"
_LOCK = ".lock"


class Stream(Protocol):
    """Bytes that are read once, from the beginning to the end."""

    def read(self, size: int = -1, /) -> bytes: ...

    def close(self) -> None: ...


class Busy(RuntimeError):
    """Another run holds the lock."""


class Damaged(RuntimeError):
    """A file that only this project writes is not as it was written."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)  # what it is made from, so that another process can raise it as it was

    def __str__(self) -> str:
        return f"{self.args[0]} is damaged, or was written by another version: restore it from a copy"


def write_bytes(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Put ``data`` at ``path`` in one step: the old file or the new one, whole, even after a crash. Within ``together``
    that is at the end of the block.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    staged = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        staged.chmod(mode)
        if _waiting.files is None:
            _put([(staged, path)])
    except BaseException:
        staged.unlink(missing_ok=True)
        raise
    if _waiting.files is not None:
        _waiting.files.append((staged, path))


class _Waiting(threading.local):
    """What a thread has written within ``together``, and where it belongs; None outside of it."""

    files: list[tuple[Path, Path]] | None = None


_waiting = _Waiting()


@contextlib.contextmanager
def together() -> Iterator[None]:
    """Have what this thread writes in the block reach the disk at once, which for ten files takes hardly longer than
    for one, and then take its place, in order. Until the block ends readers find what was there before, also those in
    it; when it fails, nothing was written.
    """
    if _waiting.files is not None:
        raise RuntimeError("together() within together(): the inner block could not promise anything")
    files: list[tuple[Path, Path]] = []
    _waiting.files = files
    try:
        try:
            yield
        finally:
            _waiting.files = None
        _put(files)
    finally:
        for staged, _ in files:
            staged.unlink(missing_ok=True)


def _put(files: Sequence[tuple[Path, Path]]) -> None:
    """Rename each of ``files`` when all of them are on the disk."""
    if len(files) == 1:
        _sync(files[0][0])
    elif files:
        # The file system waits for its journal once for all who ask at the same time.
        with ThreadPoolExecutor(len(files)) as pool:
            list(pool.map(_sync, (staged for staged, _ in files)))
    for staged, path in files:
        staged.replace(path)


def _sync(path: Path) -> None:
    """Wait until the file, or the names in the folder, ``path`` are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_json(path: Path, data: Any, mode: int = 0o644) -> None:
    """``data`` as readable JSON with sorted keys, in one step."""
    write_bytes(path, (json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode(), mode)


def write_lines(path: Path, entries: Iterable[Mapping[str, Any]], mode: int = 0o644) -> None:
    """``entries`` as JSON, one a line, in one step. Their order is kept, that of their keys is not."""
    write_bytes(path, "".join(canonical_json(entry) + "\n" for entry in entries).encode(), mode)


def read_lines(path: Path) -> list[dict[str, Any]]:
    """What ``write_lines`` wrote. Raises FileNotFoundError and Damaged."""
    try:
        with path.open(encoding="utf-8") as file:
            return [json_of(line) for line in file]
    except ValueError as error:
        raise Damaged(path) from error


def json_of(data: bytes | str) -> Any:
    """The data that the JSON text ``data`` stands for. Raises ValueError, also when it is nested without end."""
    try:
        return json.loads(data)
    except RecursionError as error:
        raise ValueError("JSON nested too deeply") from error


def read_json(path: Path) -> Any:
    """The data in ``path``; None when there is no such file. Raises Damaged."""
    try:
        return json_of(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise Damaged(path) from error


def append_line(path: Path, entry: Mapping[str, Any]) -> None:
    """Append ``entry`` to the log at ``path``, a JSON object a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            is_whole = file.read(1) == b"\n"  # a full disk may have cut the last line short
            file.write(b"" if is_whole else b"\n")
        file.write((json.dumps(entry, sort_keys=True, ensure_ascii=False) + "\n").encode())


def read_log(path: Path) -> list[dict[str, Any]]:
    """The entries of the log at ``path``, oldest first; none when there is none. A line that was cut short counts for
    nothing.
    """
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    return [entry for line in lines if (entry := _entry(line)) is not None]


def _entry(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json_of(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and "at" in entry else None


@contextlib.contextmanager
def reading(path: Path, read: Callable[[bytes], Any] = json_of) -> Iterator[Any]:
    """The data in ``path``, as ``read`` takes them from its bytes, for a block that takes them apart. Raises
    FileNotFoundError, and Damaged when the data are not such as the block expects.
    """
    try:
        yield read(path.read_bytes())
    except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        raise Damaged(path) from error


def copy_hashed(source: Stream, target: IO[bytes], limit_bytes: int) -> tuple[str, int]:
    """Copy ``source`` to ``target``; give its SHA-256 and size. Raises OverflowError past ``limit_bytes``."""
    digest, size = hashlib.sha256(), 0
    while chunk := source.read(CHUNK_BYTES):
        size += len(chunk)
        if size > limit_bytes:
            raise OverflowError(f"over {limit_bytes:,} bytes")
        digest.update(chunk)
        target.write(chunk)
    return digest.hexdigest(), size


def sha256_of(path: Path) -> str:
    """The SHA-256 of the file at ``path``, in hexadecimal digits. It is not held in memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def files_in(folder: Path) -> dict[str, Path]:
    """Every file under ``folder`` by its path from there, in order of that path."""
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return dict(sorted(found.items()))


def largest_first(folder: Path, names: Iterable[str]) -> list[str]:
    """The files ``names`` of ``folder``, those of most bytes first. One that is missing has none."""

    def size(name: str) -> int:
        path = folder / name
        return path.stat().st_size if path.is_file() else 0

    return sorted(names, key=lambda name: (-size(name), name))


def digests_in(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file under ``folder`` by its path from there."""
    return {name: sha256_of(path) for name, path in files_in(folder).items()}


@contextlib.contextmanager
def only_one(path: Path, wait: bool = False) -> Iterator[None]:
    """Hold the lock file at ``path`` while the block runs. When another has it, ``wait``, or raise Busy at once.

    The system frees the lock when its holder dies, however it dies.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError as error:
            raise Busy(f"another run is at work here ({path})") from error
        try:
            yield
        finally:
            # Closing alone would leave it to any program that another thread has forked and not yet begun.
            fcntl.flock(file, fcntl.LOCK_UN)


@contextlib.contextmanager
def staging(area: Path) -> Iterator[Path]:
    """A new folder in ``area`` for what is not complete yet; it goes when the block ends.

    Whoever shares ``area``, also from another machine or container, leaves it alone until then: a lock beside it is
    held, which the system frees when its holder ends, however it ends. A process id would say nothing to others.
    """
    area.mkdir(parents=True, exist_ok=True)
    handle, lock = _held_lock(area)
    folder = lock.with_suffix("")
    try:
        folder.mkdir()
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.unlink(missing_ok=True)
        os.close(handle)


def _held_lock(area: Path) -> tuple[int, Path]:
    while True:
        lock = area / f"{secrets.token_hex(8)}{_LOCK}"
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        fcntl.flock(handle, fcntl.LOCK_EX)
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), lock.stat()):
                return handle, lock
        os.close(handle)  # somebody cleared it between the two steps: nothing was lost


def clear_staging(area: Path) -> None:
    """Remove from ``area`` what those have left who were killed within ``staging``, and earlier versions."""
    names = {path.name.removesuffix(_LOCK) for path in area.glob("*")}
    for name in names:
        try:
            handle = os.open(area / f"{name}{_LOCK}", os.O_RDWR)
        except FileNotFoundError:  # its holder has just ended, or never held a lock
            shutil.rmtree(area / name, ignore_errors=True)
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            shutil.rmtree(area / name, ignore_errors=True)
            (area / f"{name}{_LOCK}").unlink(missing_ok=True)
        finally:
            os.close(handle)


def sync_folder(path: Path) -> None:
    """Wait until the names in the folder ``path`` are on the disk."""
    _sync(path)


def exchange(one: Path, other: Path) -> None:
    """Let two folders that stand in the same one change places, in one step. Where the file system has no such step
    (NFS), in three: a kill in between leaves ``one`` away, and ``put_back`` mends that.
    """
    renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    if renameat2(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE):
        number = ctypes.get_errno()
        if number not in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
            raise OSError(number, os.strerror(number), str(one))
        away = _away(one)
        one.rename(away)
        other.rename(one)
        away.rename(other)
    sync_folder(one.parent)


def put_back(folder: Path) -> None:
    """Mend what ``exchange`` left when it was killed among the folders in ``folder``."""
    for away in folder.glob(f"{_AWAY}*"):
        one = away.with_name(away.name.removeprefix(_AWAY))
        if one.exists():
            shutil.rmtree(away)
        else:
            away.rename(one)


def _away(path: Path) -> Path:
    return path.with_name(f"{_AWAY}{path.name}")


def nearest(path: Path) -> Path:
    """The path itself, or the nearest folder above it that there is."""
    whole = path.absolute()
    return next(one for one in (whole, *whole.parents) if one.exists())
