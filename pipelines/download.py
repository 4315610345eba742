"""Bringing a release from a web address into a folder, to be verified there.

Whoever has typed an address believes nobody there yet. So everything is bounded, nothing is written but what the
release lists, and what another site answers is not taken for this one's. Whether the release is good is for ``verify``.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from urllib.parse import quote, urlsplit

from hubs.registration import unregistered
from pipelines.files import json_of
from pipelines.publish import RELEASE_ID
from pipelines.publish.signed import SUMS, UNLISTED
from pipelines.pull import guard
from pipelines.pull.base import PullFailed, Unreachable, refuse_harm
from pipelines.pull.network import Answered, Limits, Network, Trip

MAX_FILES = 50_000
MAX_BYTES = 4 << 30
"""Of all files together."""
MAX_SUMS_BYTES = 16 << 20
MAX_FILE_BYTES = 1 << 30
"""Of a file whose size ``release.json`` does not tell."""
MAX_POINTER_BYTES = 1 << 20
MAX_NAME_BYTES = 255
MINUTES = 30
AT_ONCE = 4
MAX_SHOWN = 20

MANIFEST = "release.json"
_NOT_THERE = (404, 410)
_RELEASE = re.compile(rf"/releases/({RELEASE_ID.pattern})(?:/.*)?")
_LINE = re.compile(r"[0-9a-f]{64}  (.+)")

Progress = Callable[[str, int, int | None], None]


class CannotDownload(RuntimeError):
    """No release can be had from the address. The message says why."""


@dataclass(frozen=True)
class Downloaded:
    """A release in a ``folder``, and where it came from. ``problems`` are what its site did wrong, in words; when there
    are any, the folder is not the whole release.
    """

    folder: Path
    address: str
    files: int
    bytes: int
    problems: list[str]


@dataclass
class _Got:
    """What one attempt has brought."""

    sums: bytes
    files: int = 0
    bytes: int = 0
    problems: list[str] = field(default_factory=list)


def is_address(text: str) -> bool:
    """Whether ``text`` is a web address and no path."""
    return text.lower().startswith(("http://", "https://"))


def download(
    address: str,
    scratch: Path,
    *,
    progress: Progress = lambda _what, _done, _total: None,
    limits: Limits | None = None,
) -> Downloaded:
    """Bring a release into the empty folder ``scratch``: the one that ``address`` leads into, else the latest of the
    site whose root it is. The address may lead to this machine and into private networks, but a redirect may not lead
    to another such host than the one that was typed.

    Raises CannotDownload, and OSError when the disk does not take it.
    """
    # The address is typed by the person who wants it, as that of a feed is by the operator.
    visitor = unregistered("release").model_copy(update={"private_address": True, "time_limit_minutes": MINUTES})
    with Network(limits) as network:
        try:
            site = _Site(network, network.trip(visitor, address), progress)
            base, id = _found(site, address)
            folder = scratch / id
            got = _attempt(site, base, folder)
            if site.read(base, SUMS, MAX_SUMS_BYTES) != got.sums:  # issued anew meanwhile
                shutil.rmtree(folder)
                got = _attempt(site, base, folder)
                if site.read(base, SUMS, MAX_SUMS_BYTES) != got.sums:
                    got.problems.append(f"{SUMS} has changed twice meanwhile: try again later")
        except PullFailed as failure:
            raise CannotDownload(failure.detail) from failure
    return Downloaded(folder, site.shown(base), got.files, got.bytes, got.problems)


class _Site:
    """The one origin that everything comes from."""

    def __init__(self, network: Network, trip: Trip, progress: Progress) -> None:
        self._network, self._trip, self.progress = network, trip, progress

    def shown(self, address: str) -> str:
        return self._trip.shown(address)

    def settled(self, address: str, most_bytes: int) -> tuple[str, bytes]:
        """Where ``address`` leads in the end, and what is there. Raises PullFailed."""
        with self._network.get(self._trip, address, most_bytes=most_bytes) as answer:
            return answer.address, answer.body.read()

    def read(self, base: str, name: str, most_bytes: int) -> bytes:
        """A small file. Raises PullFailed."""
        with self._network.get(self._trip, f"{base}{quote(name)}", most_bytes=most_bytes) as answer:
            _refuse_elsewhere(answer.address, base, name)
            return answer.body.read()

    def bring(self, base: str, folder: Path, name: str, most_bytes: int) -> int:
        """Write the file ``name`` into ``folder``, and give its size. Raises PullFailed and OSError."""
        with self._network.get(self._trip, f"{base}{quote(name)}", most_bytes=most_bytes) as answer:
            _refuse_elsewhere(answer.address, base, name)
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as file:
                shutil.copyfileobj(answer.body, file)
                return file.tell()


def _refuse_elsewhere(address: str, base: str, name: str) -> None:
    """Raise PullFailed unless ``address``, where ``name`` was found, is of the origin of ``base``."""
    if guard.place(address).origin != guard.place(base).origin:
        raise PullFailed("address_refused", f"{name} is redirected to another site")


def _found(site: _Site, address: str) -> tuple[str, str]:
    """The address of the release's folder, with a slash at its end, and its id. Raises as ``download`` does."""
    parts = urlsplit(address)
    root = f"{parts.scheme}://{parts.netloc}"
    if match := _RELEASE.search(parts.path):
        base = f"{root}{parts.path[: match.start()]}/releases/{match[1]}/"
        final, _ = site.settled(f"{base}{SUMS}", MAX_SUMS_BYTES)
        return _folder_of(final, SUMS), match[1]
    path = parts.path if parts.path.endswith("/") else f"{parts.path}/"
    path = re.sub(r"/(?:index\.html|latest\.json)/$", "/", path)
    final, data = site.settled(f"{root}{path}latest.json", MAX_POINTER_BYTES)
    try:
        id = json_of(data)["release"]
    except (ValueError, KeyError, TypeError) as error:
        raise CannotDownload(f"{site.shown(final)} is no pointer to a release") from error
    if not isinstance(id, str) or not RELEASE_ID.fullmatch(id):
        raise CannotDownload(f"{site.shown(final)} names something that is no release id")
    return f"{_folder_of(final, 'latest.json')}releases/{id}/", id


def _folder_of(address: str, name: str) -> str:
    """``address`` without the ``name`` at its end. Raises CannotDownload."""
    plain = address.partition("?")[0].partition("#")[0]
    if not plain.endswith(f"/{name}"):
        raise CannotDownload(f"the address of {name} leads to another file")
    return plain.removesuffix(name)


def _attempt(site: _Site, base: str, folder: Path) -> _Got:
    """Bring everything once. Raises PullFailed when the site cannot be had any more."""
    got = _Got(site.read(base, SUMS, MAX_SUMS_BYTES))
    got.files, got.bytes = 1, len(got.sums)
    folder.mkdir()
    (folder / SUMS).write_bytes(got.sums)
    names = _listed(got)
    if got.problems:
        return got
    sizes: dict[str, int] = {}
    if MANIFEST in names:
        _bring(site, (base, folder), [MANIFEST], {}, got)
        names.remove(MANIFEST)
        id, sizes = _told(folder / MANIFEST)
        if id not in (None, folder.name):
            got.problems.append(f"this is release {id}, and {folder.name} was asked for")
    if sum(sizes.values()) > MAX_BYTES:
        got.problems.append(f"{MANIFEST} lists more than {MAX_BYTES:,} bytes")
    if got.problems:
        return got
    _bring(site, (base, folder), names, sizes, got)
    unlisted = [name for name in UNLISTED if name != SUMS]
    # The first releases were not signed. What is missing and should be there, verification tells.
    _bring(site, (base, folder), unlisted, {}, got, is_optional=True)
    return got


def _listed(got: _Got) -> list[str]:
    """The paths that the release lists, each of which can be written; problems with any of them are told."""
    lines = got.sums.decode(errors="replace").splitlines()
    if len(lines) > MAX_FILES:
        got.problems.append(f"{SUMS} lists more than {MAX_FILES:,} files")
        return []
    names: dict[str, None] = {}
    for number, line in enumerate(lines, 1):
        match = _LINE.fullmatch(line)
        if match is None:
            got.problems.append(f"{SUMS}, line {number}: not a line of checksums")
        elif (problem := _unsafe(match[1])) is not None:
            got.problems.append(f"{SUMS}, line {number}: {problem}")
        elif match[1] in names or match[1] in UNLISTED:
            got.problems.append(f"{SUMS}, line {number}: {match[1]} has no place there, or is listed twice")
        else:
            names[match[1]] = None
    folders = {str(parent) for name in names for parent in PurePosixPath(name).parents}
    got.problems += [f"{SUMS}: {name} is listed as a file and as a folder" for name in names if name in folders]
    _cut(got.problems)
    return list(names)


def _unsafe(path: str) -> str | None:
    try:
        refuse_harm(path)
    except PullFailed as failure:
        return f"a path that leads out of the release, or that no file can have ({failure.detail})"
    if any(len(part.encode()) > MAX_NAME_BYTES for part in PurePosixPath(path).parts):
        return "a name that no file can have"
    return "a hidden file" if any(part.startswith(".") for part in PurePosixPath(path).parts) else None


def _told(manifest: Path) -> tuple[str | None, dict[str, int]]:
    """What ``release.json`` says: which release it is, and the size of each file; nothing where it cannot be read, as
    verification will tell.
    """
    try:
        data = json_of(manifest.read_bytes())
        sizes = {file["path"]: file["bytes"] for file in data["files"]}
    except (OSError, ValueError, KeyError, TypeError):
        return None, {}
    id = str(data["id"]) if "id" in data else None
    return id, {name: size for name, size in sizes.items() if isinstance(size, int) and size >= 0}


def _bring(
    site: _Site,
    place: tuple[str, Path],
    names: list[str],
    stated: dict[str, int],
    got: _Got,
    *,
    is_optional: bool = False,
) -> None:
    """Bring files, a few at once; what is wrong with any of them is told. Raises PullFailed when the site is gone."""

    def bring(name: str) -> int:
        most = stated.get(name, MAX_SUMS_BYTES if name in (MANIFEST, *UNLISTED) else MAX_FILE_BYTES)
        return site.bring(*place, name, min(most, MAX_BYTES - got.bytes))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            for name, sent in [(name, pool.submit(bring, name)) for name in names]:
                try:
                    size = sent.result()
                    got.bytes += size
                    got.files += 1
                    if name in stated and stated[name] != size:
                        got.problems.append(f"{name}: {size:,} bytes, and {MANIFEST} lists {stated[name]:,}")
                    site.progress("files fetched", got.files, None)
                except Unreachable:
                    raise
                except Answered as failure:
                    if not (is_optional and failure.status in _NOT_THERE):
                        got.problems.append(f"{name}: listed, and the site answers {failure.status}")
                except PullFailed as failure:
                    got.problems.append(f"{name}: {failure.detail}")
                if len(got.problems) > MAX_SHOWN:
                    break
        finally:
            pool.shutdown(cancel_futures=True)
    _cut(got.problems)


def _cut(problems: list[str]) -> None:
    if len(problems) > MAX_SHOWN:
        del problems[MAX_SHOWN:]
        problems.append("and more; nothing more was fetched")
