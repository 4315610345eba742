"""Which release readers see: building aside, verifying, moving into place, and one swap of all pointers.

**Why a symlink.** Some files point at the newest release (``POINTERS``) and must change together, but a file system
renames one name at a time. So all are written into a new folder ``.pointers/<n>/``, and one symlink, ``.current``, is
renamed over the old one: the only step that readers can see, and atomic. The files at the root are relative symlinks
through ``.current`` that never change again. A reader, a copy (``rsync``, ``tar``) and every static web server that
follows links inside its own root see the same. A kill before the rename leaves the old release in place; after it, the
new one; nothing has to be repaired.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pipelines.crew import Crew
from pipelines.edition import Edition, Published
from pipelines.files import json_of, only_one, put_back, read_json, sync_folder, write_bytes
from pipelines.publish import errata, feeds, gone, reissue, site, sitemap, writers
from pipelines.publish.changes import CHANGES
from pipelines.publish.reissue import Reissued
from pipelines.publish.release import ReleaseRefused, build_release, seal, workers
from pipelines.publish.signed import MANIFEST, UNLISTED, sign_release, wrong_signatures
from pipelines.publish.verification import verify_release, wrong_files
from pipelines.signatures import ReleaseKey
from pipelines.withdrawals import Decision

POINTERS = ("index.html", "latest.json", "releases.json", "feed.xml", "feed.json", "sitemap.xml", "robots.txt")
RELEASE_ID = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\.[0-9]{2,}")
"""The day of publication and a number of two digits within it: ids sort by time as plain text."""

_BUILDING = ".building-"
_CANDIDATE = ".candidate-"
_PREVIEW = ".preview-"
_CURRENT = ".current"
_FOLDER = ".pointers"
_LOCK = ".publishing.lock"
_LAST_OF_DAY = 99


def latest(public: Path) -> Published | None:
    """The release that readers now see, None when there has been none."""
    pointer = read_json(public / "latest.json")
    return _read(public, pointer["release"]) if pointer else None


def next_id(public: Path, now: datetime, used: Iterable[str] = ()) -> str:
    """An id for a release made at ``now``: above every id there has been, even one that was only begun, and above all
    that are ``used`` otherwise.

    Raises ReleaseRefused when the clock stands before the newest release, or the day's numbers are used up.
    """
    day = now.astimezone(UTC).date().isoformat()
    newest = max([*_ids(public), *used], default="")
    number = int(newest.partition(".")[2]) + 1 if newest.startswith(f"{day}.") else 1
    candidate = f"{day}.{number:02d}"
    if candidate <= newest or number > _LAST_OF_DAY:
        raise ReleaseRefused(f"no release id of {day} is left above {newest}: check the clock")
    return candidate


def publish(
    edition: Edition,
    public: Path,
    key: Ed25519PrivateKey,
    *,
    about_to_show: Callable[[], object] = lambda: None,
) -> None:
    """Build ``edition`` as a candidate and let readers see it at once, approved by nobody.

    Raises what ``build_candidate`` and ``show_candidate`` raise.
    """
    build_candidate(edition, public, key)
    show_candidate(public, edition.id, key, edition.keys, about_to_show=about_to_show, is_verified=True)


def build_candidate(edition: Edition, public: Path, key: Ed25519PrivateKey) -> None:
    """Build ``edition`` aside, sign it with ``key``, the private half of the last of its keys, verify it, and leave it
    where no reader looks (``candidate_folder``).

    Raises ReleaseRefused when the id was used before or is not above all others, or when verification finds a problem;
    OSError and files.Damaged when the release before it cannot be read; files.Busy when another publication is at work.
    """
    with _only_builder(public) as releases:
        _check_id(public, edition.id)
        aside = releases / f"{_BUILDING}{edition.id}"
        previous = releases / edition.previous if edition.previous else None
        with Crew(workers(edition), __package__) as crew:
            build_release(edition, aside, previous, key, crew)
            sign_release(aside, key)
            problems = verify_release(aside, previous, crew)
        _refuse([*problems, *wrong_signatures(aside, edition.keys)])
        candidate = candidate_folder(public, edition.id)
        shutil.rmtree(candidate, ignore_errors=True)  # of a publication that was killed before readers saw it
        aside.rename(candidate)


def candidate_folder(public: Path, release_id: str) -> Path:
    """Where the candidate of that id is, or would be."""
    return public / "releases" / f"{_CANDIDATE}{release_id}"


def show_candidate(
    public: Path,
    release_id: str,
    key: Ed25519PrivateKey,
    keys: Sequence[ReleaseKey],
    *,
    approved_by: str | None = None,
    about_to_show: Callable[[], object] = lambda: None,
    is_verified: bool = False,
) -> None:
    """Move the candidate to ``releases/<id>`` and let readers see it. Unless that was done a moment ago
    (``is_verified``), it is verified again: time has passed, and what is published has to be what was looked at.
    ``approved_by`` are names that its manifest then tells; it is signed again with ``key``, the last of ``keys``.
    ``about_to_show`` is called when nothing is left to do but the move; what it raises stops it.

    Raises ReleaseRefused when it is not as it was built, or its id is not above all others; OSError; files.Busy.
    Whatever goes wrong, and whenever it is killed, the candidate and the old release stay as they are.
    """
    with _only_builder(public) as releases:
        _check_id(public, release_id)
        candidate = candidate_folder(public, release_id)
        aside = releases / f"{_BUILDING}{release_id}"
        if approved_by is None:
            aside = candidate
        else:
            # Not in the candidate itself: what is killed half-way would leave one that nobody can approve any more.
            shutil.copytree(candidate, aside, copy_function=_link_file)
            _refuse([*wrong_files(aside), *wrong_signatures(aside, keys)])  # nothing that was changed is signed again
            _name_approvers(aside, approved_by)
            sign_release(aside, key)
        if not is_verified:
            _refuse([*verify_release(aside), *wrong_signatures(aside, keys)])
        about_to_show()
        os.sync()  # thousands of files: one flush of the disk instead of one each
        aside.rename(releases / release_id)
        sync_folder(releases)
        swap(public, release_id)
    discard_candidate(public, release_id)


def show_again(public: Path, release_id: str) -> None:
    """Let readers see ``releases/<id>``, where a kill came before they did. Raises OSError and files.Busy."""
    with _only_builder(public):
        if not _is_pointing(public, release_id):
            swap(public, release_id)


def discard_candidate(public: Path, release_id: str) -> None:
    """Remove the candidate of that id, if there is one."""
    shutil.rmtree(candidate_folder(public, release_id), ignore_errors=True)


def discard_candidates(public: Path, but: str | None = None) -> None:
    """Remove all candidates, or all ``but`` one: those of which nobody knows."""
    for folder in (public / "releases").glob(f"{_CANDIDATE}*"):
        if folder.name != f"{_CANDIDATE}{but}":
            shutil.rmtree(folder)


@contextlib.contextmanager
def previewed(public: Path, release_id: str) -> Iterator[Path]:
    """A folder like ``public`` in which the candidate of that id is what readers see, for as long as the block runs.

    Raises FileNotFoundError without the candidate.
    """
    with tempfile.TemporaryDirectory(prefix=_PREVIEW, dir=public) as folder:
        preview = Path(folder)
        shutil.copytree(
            candidate_folder(public, release_id), preview / "releases" / release_id, copy_function=_link_file
        )
        swap(preview, release_id)
        yield preview


def _link_file(source: str, target: str) -> None:
    """The file under another name, without its bytes being copied where the file system can do that."""
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EMLINK):
            raise
        shutil.copy2(source, target)


def _name_approvers(folder: Path, names: str) -> None:
    manifest = json_of((folder / MANIFEST).read_bytes())
    for name in (*UNLISTED, MANIFEST):
        (folder / name).unlink()  # links to the candidate's, which stay as they are
    seal(folder, manifest | {"approved_by": names})


def _refuse(problems: Sequence[str]) -> None:
    if problems:
        raise ReleaseRefused("\n".join(problems))


@contextlib.contextmanager
def _only_builder(public: Path) -> Iterator[Path]:
    """Let nobody else publish into ``public`` while the block runs; gives the folder of its releases, in which whatever
    was killed has left nothing. Raises files.Busy.
    """
    releases = public / "releases"
    releases.mkdir(parents=True, exist_ok=True)
    with only_one(public / _LOCK):
        put_back(releases)
        for leftover in releases.glob(f"{_BUILDING}*"):  # we hold the lock, so their builders are dead
            shutil.rmtree(leftover)
        yield releases


def reissue_all(
    public: Path,
    due: Mapping[str, Sequence[Decision]],
    key: Ed25519PrivateKey,
    keys: Sequence[ReleaseKey],
    done: Callable[[str, Reissued | ReleaseRefused | None], object],
) -> None:
    """Let each release in ``public`` follow the decisions that are ``due`` for it, the newest first, and then the
    pointers. ``key`` signs, the last of ``keys``. ``done`` is told of each release what became of it: None when it says
    nothing of what is withdrawn; why not, when it cannot be reissued, and stays as it is. Killed at any point, readers
    see each release whole, before or after; call it again.

    Raises OSError, and files.Busy when somebody else is publishing.
    """
    with _only_builder(public) as releases:
        for id in sorted(due, reverse=True):
            aside = releases / f"{_BUILDING}{id}"
            outcome: Reissued | ReleaseRefused | None
            try:
                outcome = reissue.reissue(releases / id, aside, due[id], key, keys)
            except ReleaseRefused as refused:
                shutil.rmtree(aside, ignore_errors=True)
                outcome = refused
            if isinstance(outcome, Reissued):
                if outcome.gone:
                    gone.add(public, outcome.gone)  # first: what is away is not missing for a moment, it is gone
                reissue.put_in_place(releases / id, aside)
            done(id, outcome)
        newest = latest(public)
        if newest is not None and not _is_pointing(public, newest.id):
            swap(public, newest.id)


def released(public: Path) -> list[str]:
    """The ids of all releases that are in ``public``, oldest first, also of one that no pointer has named yet."""
    return [id for id in _ids(public) if (public / "releases" / id).is_dir()]


def _is_pointing(public: Path, release_id: str) -> bool:
    """Whether the pointers say what they would say if they were written now."""
    files = _pointer_files(_listed(public, release_id))
    # A folder that an older version wrote lacks some.
    return all((public / name).is_file() and (public / name).read_bytes() == data for name, data in files.items())


def _listed(public: Path, release_id: str) -> list[Published]:
    return [_read(public, id) for id in released(public) if id <= release_id]


def swap(public: Path, release_id: str) -> None:
    """Let readers see ``releases/<release_id>``: write the pointers aside, then move one symlink.

    ``releases.json`` and the feed list this release and all before it. Raises FileNotFoundError without the release.
    """
    listed = _listed(public, release_id)
    newest = listed[-1] if listed else None
    if newest is None or newest.id != release_id:
        raise FileNotFoundError(public / "releases" / release_id)
    folder = _next_folder(public / _FOLDER)
    for name, data in _pointer_files(listed).items():
        write_bytes(folder / name, data)
    sync_folder(folder)
    _link(public / _CURRENT, f"{_FOLDER}/{folder.name}")
    for name in POINTERS:
        target = f"{_CURRENT}/{name}"
        if not (public / name).is_symlink() or (public / name).readlink() != Path(target):
            _link(public / name, target)
    for old in (public / _FOLDER).iterdir():
        # The folder before stays: somebody may be reading through it.
        if int(old.name) < int(folder.name) - 1:
            shutil.rmtree(old)


def _pointer_files(listed: list[Published]) -> dict[str, bytes]:
    newest = listed[-1]
    entries = [_entry(release) for release in reversed(listed)]
    return {
        "index.html": site.render_pointer_page(listed[::-1]).encode(),
        "latest.json": writers.json_bytes(_entry(newest)),
        "releases.json": writers.json_bytes({"releases": entries}),
        "feed.xml": site.render_feed(listed[::-1]).encode(),
        "feed.json": writers.json_bytes(feeds.json_feed(listed[::-1])),
        "sitemap.xml": sitemap.index(newest).encode(),
        "robots.txt": sitemap.robots(newest).encode(),
    }


def _entry(release: Published) -> dict[str, Any]:
    return {
        "release": release.id,
        "address": release.address,
        "published": release.published,
        "period": release.period,
        "previous": release.previous,
        "issue": release.issue,
        "reissued": release.reissued,
    }


def _read(public: Path, release_id: str) -> Published:
    folder = public / "releases" / release_id
    manifest = read_json(folder / MANIFEST)
    if manifest is None:
        raise FileNotFoundError(folder / MANIFEST)
    told = {name: manifest[name] for name in ("id", "published", "previous", "build_key", "period")}
    # The first releases were not signed, did not say what has changed, nor where they stand.
    told |= {"site": manifest["address"]} if "address" in manifest else {}
    return Published(
        **told,
        signed_by=manifest.get("signed_by"),
        tells_changes=(folder / CHANGES).is_file(),
        issue=manifest.get("issue", errata.FIRST_ISSUE),
        reissued=manifest.get("reissued"),
        sitemaps=sitemap.sitemaps_of(folder),
    )


def _ids(public: Path) -> list[str]:
    """Every id that was used, oldest first, also those only begun."""
    folder = public / "releases"
    found = folder.iterdir() if folder.is_dir() else ()
    names = (path.name.removeprefix(_BUILDING).removeprefix(_CANDIDATE) for path in found)
    return sorted({name for name in names if RELEASE_ID.fullmatch(name)})


def _check_id(public: Path, release_id: str) -> None:
    if not RELEASE_ID.fullmatch(release_id):
        raise ReleaseRefused(f"not a release id: {release_id}")
    used = [path.name for path in (public / "releases").iterdir() if RELEASE_ID.fullmatch(path.name)]
    if used and release_id <= max(used):
        raise ReleaseRefused(f"the release id {release_id} is used or below {max(used)}: ids are never used again")


def _next_folder(root: Path) -> Path:
    root.mkdir(exist_ok=True)
    number = max((int(path.name) for path in root.iterdir()), default=0) + 1
    folder = root / str(number)
    folder.mkdir()
    return folder


def _link(path: Path, target: str) -> None:
    """Make ``path`` a symlink to ``target`` in one step, whatever it was before."""
    new = path.with_name(f".{path.name.lstrip('.')}.new")
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    new.rename(path)
    sync_folder(path.parent)
