"""A store that lasts in an object store, worked on in a folder of this machine.

The folder is brought to the newest checkpoint of the place (``checkpoints``) when a command opens it, and becomes a new
one whenever something must last. ``store`` and the line know nothing of it but that they are told to keep (``Keeper``).
Who may work is settled by the lease of the place (``places``), so one run is at work over all machines.

**What lasts before readers see it.** A release is shown when the place has its bytes, its rows in the ledger and the
key that signed it. If a machine dies after showing it, the next one shows the same. The other way round, its id would
be used for another release, and late returns could be told one by one. A withdrawal lasts before any release is
reissued, or the next machine would bring back what was taken down.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

from pipelines import publish
from pipelines.checkpoints import (
    Checkpoint,
    Manifest,
    Progress,
    Writer,
    bring,
    head_of,
    manifest_of,
    tidy,
    told_in_a_line,
    writing,
)
from pipelines.files import Busy, only_one, read_json, write_json
from pipelines.line import Keeper
from pipelines.places import Place, PlaceRefused

KEPT = 10
"""Checkpoints that stay when there are twice as many."""
SECONDS_APART = 60.0
"""What need not last at once is kept so often at most."""


@dataclass(frozen=True)
class Copy:
    """The folders to work in, and what makes last what is done there."""

    store: Path
    public: Path
    keeper: Keeper


def folder_of(cache: Path, address: str, endpoint: str | None) -> Path:
    """The folder of this machine for the store at ``address``: one for each place."""
    digest = hashlib.sha256(f"{endpoint or ''} {address}".encode()).hexdigest()[:8]
    return cache / f"{re.sub('[^a-z0-9]+', '-', address.removeprefix('s3://').lower()).strip('-')}-{digest}"


@contextlib.contextmanager
def working_copy(
    place: Place, folder: Path, public: Path, what: str, progress: Progress = lambda _what, _done, _total: None
) -> Iterator[Copy]:
    """The store in ``place``, to work on in ``folder`` and ``public`` while the block runs. What was done is kept at
    its end, however it ends.

    Raises files.Busy when somebody works on it, here or on another machine; UnusableSettings when the place cannot be
    used, or something is not kept.
    """
    with told_in_a_line(), only_one(folder / ".lock"), writing(place, what) as writer:
        _catch_up(writer.head.newest, place, folder, public, progress)
        keeper = _InPlace(writer, folder, public)
        try:
            yield Copy(folder / "store", public, keeper)
        finally:
            keeper.must_last()
            if len(writer.head.checkpoints) > 2 * KEPT:
                writer.prune(KEPT)


@contextlib.contextmanager
def reading_copy(
    place: Place, folder: Path, public: Path, progress: Progress = lambda _what, _done, _total: None
) -> Iterator[Copy]:
    """The same to read from. Somebody may be at work on it: here, and then what he has done so far is read; on another
    machine, and then what he has kept.
    """
    with told_in_a_line(), contextlib.ExitStack() as stack:
        with contextlib.suppress(Busy):
            stack.enter_context(only_one(folder / ".lock"))
            _catch_up(head_of(place).newest, place, folder, public, progress)
        stack.close()
        yield Copy(folder / "store", public, Keeper())


class _InPlace(Keeper):
    """Keeps by taking checkpoints."""

    def __init__(self, writer: Writer, folder: Path, public: Path) -> None:
        self._writer, self._folder, self._public = writer, folder, public
        self._lock, self._last = Lock(), time.monotonic()

    def must_last(self, showing: str | None = None) -> None:
        with told_in_a_line(), self._lock:
            store = self._folder / "store"
            if store.is_dir():
                taken = self._writer.checkpoint(store, self._public, datetime.now(UTC), showing=showing)
                _note(self._folder, taken.checkpoint, self._public)
            self._last = time.monotonic()

    def may_last(self) -> None:
        if time.monotonic() - self._last > SECONDS_APART:
            self.must_last()


def _catch_up(newest: Checkpoint | None, place: Place, folder: Path, public: Path, progress: Progress) -> None:
    """Bring the folders to the newest checkpoint, unless they began with it: then they have it, and perhaps what a run
    that was killed has done since, which is good to go on from.
    """
    store, base = folder / "store", read_json(folder / "base.json")
    if newest is None:
        if base is not None:
            raise PlaceRefused(
                f"{place.address} is empty, and {folder} is a copy of what was there: bring that back, or, to begin "
                f"anew, remove {folder}"
            )
        return
    if base == _base(newest, public) and store.is_dir():
        return
    manifest = manifest_of(place, newest)
    _refuse_foreign(manifest, place, public, is_first=base is None or base["public"] != str(public.absolute()))
    bring(place, manifest, store, public, progress)
    tidy(manifest, store, public)
    _note(folder, newest, public)


def _refuse_foreign(manifest: Manifest, place: Place, public: Path, *, is_first: bool) -> None:
    """A public folder that belongs to another store must not be tidied up."""
    known = {entry.path.split("/")[2] for entry in manifest.files if entry.path.startswith("public/releases/")}
    foreign = [id for id in publish.released(public) if id not in known]
    if is_first and foreign:
        raise PlaceRefused(
            f"{public} has release {foreign[-1]}, of which the store at {place.address} knows nothing: name a new "
            "folder with --publish"
        )


def _note(folder: Path, checkpoint: Checkpoint, public: Path) -> None:
    base = _base(checkpoint, public)
    if read_json(folder / "base.json") != base:
        write_json(folder / "base.json", base)


def _base(checkpoint: Checkpoint, public: Path) -> dict[str, str]:
    return {"checkpoint": checkpoint.id, "sha256": checkpoint.sha256, "public": str(public.absolute())}
