"""Checkpoints: whole, consistent, incremental; what a kill, a pruner, damage and a changing store do to them."""

from __future__ import annotations

import json
import random
import shutil
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipelines import publish
from pipelines.checkpoints import (
    HEAD,
    OBJECTS,
    Checkpoint,
    Manifest,
    NotRestored,
    Restored,
    Taken,
    Unsettled,
    Writer,
    bring,
    capture,
    chosen,
    head_of,
    manifest_of,
    restore,
    restoring,
    tidy,
    writing,
)
from pipelines.files import write_json
from pipelines.layout import UNFINISHED
from pipelines.ledger import Ledger
from pipelines.places import LEASE, Lease, LeaseLost, Place, PlaceRefused, open_place
from tests.builders import KEY, a_small_edition, an_edition_before
from tests.mirrors import FIRST, SECOND, SECRET, Door, a_door
from tests.publishing_kills import take_down
from tests.servers import BUCKET
from tests.unit.pipelines.test_ledger import a_row

NOW = datetime(2026, 11, 29, 7, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A public folder with one release."""
    public = tmp_path_factory.mktemp("releases") / "public"
    publish.publish(an_edition_before(), public, KEY)
    return public


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with a_door(tmp_path_factory.mktemp("door")) as opened:
        yield opened


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A folder with a small ``store``, and a ``public`` folder that points to a release nobody has."""
    store = tmp_path / "store"
    for name in ("one", "two"):
        write(store / "hubs" / f"{name}.json", f"{name} stands")
        write(store / "pulls" / f"{name}.jsonl", '{"at": "now"}\n')
    write(store / "blobs" / "ab" / "abcd", "bytes", 0o444)
    write(store / "keys" / "signing.pem", "a-secret-key", 0o600)
    (store / "keys").chmod(0o700)
    write(store / "keys" / "keys.json", "{}")
    write(store / "published.json", json.dumps({"release": FIRST}))
    Ledger(store / "ledger").add([a_row(n) for n in range(3)])
    for left_out in ("locks/run", "staging/1/half", "hubs/.two.json.tmp", "ledger/.lock"):
        write(store / left_out, "not copied")
    write_json(tmp_path / "public/.pointers/1/latest.json", {"release": FIRST})
    (tmp_path / "public/.current").symlink_to(".pointers/1")
    return tmp_path


@pytest.fixture
def folder(small: Path, original: Path) -> Path:
    """The same with a real release."""
    shutil.rmtree(small / "public")
    shutil.copytree(original, small / "public", symlinks=True)
    return small


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, door: Door, tmp_path: Path) -> Place:
    if request.param == "folder":
        return open_place(str(tmp_path / "place"))
    return open_place(f"s3://{BUCKET}/{tmp_path.name}", door.address, SECRET)


@pytest.fixture
def here(tmp_path: Path) -> Place:
    return open_place(str(tmp_path / "place"))


def write(path: Path, text: str, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def take(place: Place, folder: Path, **changes: Any) -> Taken:
    with writing(place, "test") as writer:
        return writer.checkpoint(folder / "store", folder / "public", NOW, **changes)


def bring_back(place: Place, to: Path, at: str | None = None) -> Restored:
    return restore(place, chosen(place, at), to / "store", to / "public")


def told(root: Path) -> dict[str, Any]:
    """All that is in a folder: bytes, modes and times of files, targets of links."""
    found: dict[str, Any] = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        about = path.lstat()
        if path.is_symlink():
            found[name] = str(path.readlink())
        elif path.is_file():
            found[name] = (path.read_bytes(), stat.S_IMODE(about.st_mode), about.st_mtime_ns)
    return found


NOT_COPIED = (
    "store/locks",
    "store/staging",
    "store/hubs/.two",
    "store/ledger/.lock",
    "public/.publishing",
)


def copied(folder: Path) -> dict[str, Any]:
    every = {f"{room}/{name}": one for room in ("store", "public") for name, one in told(folder / room).items()}
    return {name: one for name, one in every.items() if not name.startswith(NOT_COPIED)}


def test_what_comes_back_is_what_was_there(place: Place, folder: Path, tmp_path: Path) -> None:
    taken = take(place, folder)
    assert (taken.is_new, taken.checkpoint.release, taken.checkpoint.has_keys) == (True, FIRST, True)
    restored = bring_back(place, tmp_path / "new")
    assert restored.problems == ()
    assert copied(tmp_path / "new") == copied(folder)
    assert restored.files == taken.checkpoint.files == sum(isinstance(one, tuple) for one in copied(folder).values())
    assert stat.S_IMODE((tmp_path / "new/store/keys").stat().st_mode) == 0o700
    assert publish.latest(tmp_path / "new/public") == publish.latest(folder / "public")


def test_only_what_is_new_is_sent(place: Place, folder: Path) -> None:
    first = take(place, folder)
    again = take(place, folder)
    assert (again.is_new, again.sent, again.checkpoint) == (False, 0, first.checkpoint)
    write(folder / "store/hubs/one.json", "one stands otherwise")
    write(folder / "store/blobs/cd/cdef", "bytes")  # under another name: they are there
    second = take(place, folder)
    assert (second.is_new, second.sent) == (True, 1)
    assert [one.id for one in head_of(place).checkpoints] == [first.checkpoint.id, second.checkpoint.id]
    assert bring_back(place, folder / "old", first.checkpoint.id[:20]).checkpoint == first.checkpoint
    assert (folder / "old/store/hubs/one.json").read_text() == "one stands"


def test_a_restored_folder_is_known_by_its_times(here: Place, small: Path) -> None:
    first = take(here, small)
    bring_back(here, small / "new")
    again = take(here, small / "new")
    assert (again.is_new, again.checkpoint) == (False, first.checkpoint)


def test_the_private_key_may_be_left_out(here: Place, small: Path) -> None:
    taken = take(here, small, has_keys=False)
    assert not taken.checkpoint.has_keys
    bring_back(here, small / "new")
    assert [path.name for path in (small / "new/store/keys").iterdir()] == ["keys.json"]
    assert not any(b"a-secret-key" in path.read_bytes() for path in (small / "place").rglob("*") if path.is_file())


def test_nothing_is_ever_overwritten(here: Place, small: Path) -> None:
    take(here, small)
    for occupied in ("store", "public"):
        target = small / f"taken-{occupied}"
        write(target / occupied / "something", "else")
        with pytest.raises(NotRestored, match=f"taken-{occupied}/{occupied}: there is something in it"):
            bring_back(here, target)
        assert len(told(target)) == 1


def test_a_restore_that_was_killed_goes_on(here: Place, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    take(here, folder)
    come, came = restoring._come, []

    def killed(*arguments: Any) -> None:
        if len(came) == 8:
            raise KeyboardInterrupt
        came.append(1)
        come(*arguments)

    monkeypatch.setattr(restoring, "_come", killed)
    with pytest.raises(KeyboardInterrupt):
        bring_back(here, folder / "new")
    assert (folder / "new/store" / UNFINISHED).exists()
    monkeypatch.setattr(restoring, "_come", come)
    assert bring_back(here, folder / "new").problems == ()
    assert copied(folder / "new") == copied(folder)
    assert not (folder / "new/store" / UNFINISHED).exists()


def test_damage_is_named_and_an_older_checkpoint_helps(here: Place, small: Path) -> None:
    first = take(here, small)
    write(small / "store/hubs/one.json", "one stands otherwise")
    second = take(here, small)
    entry = next(e for e in manifest_of(here, second.checkpoint).files if e.path == "store/hubs/one.json")
    (small / "place" / entry.key).write_bytes(b"one stands otherwisE")
    with pytest.raises(PlaceRefused, match=r"is damaged, which is store/hubs/one\.json: take another checkpoint"):
        bring_back(here, small / "new")
    (small / "place" / entry.key).unlink()
    shutil.rmtree(small / "new")
    with pytest.raises(PlaceRefused, match="is not there any more"):
        bring_back(here, small / "new")
    assert bring_back(here, small / "other", first.checkpoint.id).problems == ()
    # What has gone from the place is sent again.
    third = take(here, small)
    assert (third.is_new, third.sent) == (True, 1)
    assert bring_back(here, small / "third").problems == ()
    (small / "place" / second.checkpoint.key).write_bytes(b"")
    with pytest.raises(PlaceRefused, match=rf"{second.checkpoint.id}\.json\.gz is damaged"):
        bring_back(here, small / "fourth", second.checkpoint.id)


def test_what_is_wrong_with_the_copied_store_is_said(here: Place, folder: Path) -> None:
    heads = folder / "store/ledger/heads.json"
    heads.write_text(heads.read_text().replace('"lines": 3', '"lines": 2'))
    next((folder / f"public/releases/{FIRST}/en").glob("*.html")).write_text("meddled with")
    take(here, folder)
    problems = "\n".join(bring_back(here, folder / "new").problems)
    assert "it should have 2 lines" in problems
    assert "en/" in problems


@pytest.mark.parametrize("id", ["2030", "2026", "x"])
def test_a_checkpoint_that_is_not_there_is_named(here: Place, small: Path, id: str) -> None:
    with pytest.raises(NotRestored, match="there is no checkpoint here"):
        chosen(here, None)
    take(here, small)
    write(small / "store/hubs/one.json", "otherwise")
    take(here, small)
    with pytest.raises(NotRestored, match="2 checkpoints begin with 2026" if id == "2026" else f"no checkpoint {id}"):
        chosen(here, id)


def test_a_path_that_leads_out_is_refused(here: Place, small: Path) -> None:
    taken = take(here, small)
    manifest = manifest_of(here, taken.checkpoint)
    for name in ("store/../../x", "elsewhere/x", "store//x", "store"):
        forged = Manifest(
            (manifest.files[0]._replace(path=name),), (), (), manifest.release, manifest.has_keys, manifest.code
        )
        with pytest.raises(PlaceRefused, match="which no checkpoint has"):
            bring(here, forged, small / "new/store", small / "new/public")
    assert not (small / "x").exists()


def test_a_head_of_a_later_version_and_a_damaged_one_are_refused(here: Place, small: Path) -> None:
    take(here, small)
    head = small / "place" / HEAD
    head.write_text(head.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(PlaceRefused, match="made by a later version of hubpacks"):
        head_of(here)
    head.write_text("{}")
    with pytest.raises(PlaceRefused, match="is damaged, or not one of ours"):
        take(here, small)


# Kills.


class Killed(BaseException):
    """What a kill -9 is in these tests: nothing is put in order after it."""


class Dying:
    """A place that dies after so many writes."""

    def __init__(self, place: Place, writes: int) -> None:
        self.address, self._place, self._left = place.address, place, writes

    def __getattr__(self, name: str) -> Any:
        method: Callable[..., Any] = getattr(self._place, name)

        def counted(*arguments: Any) -> Any:
            if name in ("put", "swap", "delete"):
                if self._left == 0:
                    raise Killed
                self._left -= 1
            return method(*arguments)

        return counted


def dead(place: Place) -> None:
    """The holder of the lease is dead, and that is known at once."""
    there = place.read(LEASE)
    if there is not None:
        place.swap(LEASE, json.dumps(json.loads(there[0]) | {"renewed": 0.0}).encode(), there[1])


def test_whenever_a_checkpoint_is_killed_the_one_before_is_there(
    here: Place, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = take(here, small).checkpoint
    before = copied(small)
    for number in range(6):
        write(small / "store/blobs" / f"{number}0" / f"{number}", f"blob {number}")
    write(small / "store/hubs/one.json", "one stands otherwise")
    monkeypatch.setattr(capture, "AT_ONCE", 1)
    writes, is_done = 0, False
    while not is_done:
        try:
            take(Dying(here, writes), small)  # type: ignore[arg-type]
            is_done = True
        except Killed:
            dead(here)
        newest = head_of(here).newest
        assert newest is not None
        bring_back(here, small / f"new-{writes}")
        brought = copied(small / f"new-{writes}")
        assert brought == (before if newest == first else copied(small)), writes
        writes += 1
    assert writes > 10
    with writing(here, "prune") as writer:
        pruned = writer.prune(1)
    assert pruned.objects > 6  # what was sent and named by none
    assert bring_back(here, small / "last").problems == ()


def test_whenever_pruning_is_killed_what_is_listed_is_whole(here: Place, small: Path) -> None:
    for number in range(4):
        write(small / "store/hubs/one.json", f"the {number}th")
        take(here, small)
    writes, is_done = 0, False
    while not is_done:
        try:
            with writing(Dying(here, writes), "prune") as writer:  # type: ignore[arg-type]
                writer.prune(2)
            is_done = True
        except Killed:
            dead(here)
        for checkpoint in head_of(here).checkpoints:
            restored = restore(
                here, checkpoint, small / f"{writes}/{checkpoint.id}/s", small / f"{writes}/{checkpoint.id}/p"
            )
            assert restored.problems == ()
        writes += 1
    assert writes > 4
    assert len(head_of(here).checkpoints) == 2
    manifests = [manifest_of(here, checkpoint) for checkpoint in head_of(here).checkpoints]
    named = {entry.key for manifest in manifests for entry in manifest.files}
    assert set(here.listed(OBJECTS)) == named, "what no checkpoint names is gone"
    assert len(here.listed("checkpoints")) == 2


def test_a_writer_that_was_taken_for_dead_cannot_swap_the_head(here: Place, small: Path) -> None:
    with writing(here, "sleeper") as sleeper:
        sleeper.checkpoint(small / "store", small / "public", NOW)
        dead(here)
        write(small / "store/hubs/one.json", "of the other")
        other = take(here, small).checkpoint
        write(small / "store/hubs/one.json", "of the sleeper")
        with pytest.raises(LeaseLost, match="another run has taken over meanwhile"):
            sleeper.checkpoint(small / "store", small / "public", NOW)
    assert head_of(here).newest == other


def test_a_pruner_that_was_taken_for_dead_deletes_nothing_that_is_needed(here: Place, small: Path) -> None:
    """It wakes up in the middle, when another has sent again what it means to delete."""
    take(here, small)
    with pytest.raises(Killed):
        take(Dying(here, 8), with_more(small))  # type: ignore[arg-type]  # leaves objects that none names
    dead(here)
    orphans = set(here.listed(OBJECTS))
    with writing(here, "sleeper") as sleeper:
        listed = sleeper._place.listed

        def while_it_sleeps(under: str) -> dict[str, int]:
            found = listed(under)
            if under == "checkpoints":
                dead(here)
                take(here, small)
            return found | listed(under)  # whenever it looks

        sleeper._place.listed = while_it_sleeps  # type: ignore[method-assign]
        pruned = sleeper.prune(1)
        sleeper._place.listed = listed  # type: ignore[method-assign]
    assert pruned.objects > 0
    assert orphans - set(here.listed(OBJECTS))
    assert len(head_of(here).checkpoints) == 2
    assert bring_back(here, small / "new").problems == ()
    assert copied(small / "new") == copied(small)


def with_more(folder: Path) -> Path:
    for number in range(6):
        write(folder / "store/blobs" / f"{number}0" / f"{number}", f"blob {number}")
    return folder


# While others write.


def interleaved(monkeypatch: pytest.MonkeyPatch, steps: Iterator[object], chance: random.Random, every: float) -> None:
    """Let a writer do its next steps between any two looks of a capture at a file."""
    read = capture.Capture._file

    def and_meanwhile(self: Any, *arguments: Any, **named: Any) -> None:
        while chance.random() < every:
            next(steps, None)
        read(self, *arguments, **named)
        while chance.random() < every:
            next(steps, None)

    monkeypatch.setattr(capture.Capture, "_file", and_meanwhile)
    monkeypatch.setattr(capture, "AT_ONCE", 1)
    monkeypatch.setattr(capture, "PAUSE_SECONDS", 0)


def releases(folder: Path) -> Iterator[object]:
    """What the line writes when it publishes, in its order, without end: each release with its rows in the ledger."""
    store, public, number = folder / "store", folder / "public", 0
    while True:
        number += 1
        id = f"2026-12-01.{number:02d}"
        yield write(store / f"blobs/ff/{number}", f"blob {number}")
        yield write(store / f"snapshots/one/{number}.json", f"names {number}")
        yield write_json(store / "hubs/one.json", {"snapshot": number})
        yield write_json(store / "slugs.json", {"slugs": number})
        aside = public / f"releases/.building-{id}"
        for file in ("a", "b"):
            yield write(aside / file, f"{file} of {number}")
        digest = Ledger(store / "ledger").add([a_row(n, value=1000 * number + 5 * n) for n in range(3)])
        yield digest
        yield aside.rename(public / f"releases/{id}")
        pointers = public / f".pointers/{number + 1}"
        yield write_json(pointers / "latest.json", {"release": id})
        new = public / ".current.new"
        new.unlink(missing_ok=True)
        new.symlink_to(f".pointers/{number + 1}")
        yield new.rename(public / ".current")
        yield shutil.rmtree(public / f".pointers/{number - 1}", ignore_errors=True)
        yield write_json(store / "published.json", {"release": id})


def inconsistent(folder: Path) -> Iterator[str]:
    """What no state that the line leaves can have."""
    store, public = folder / "store", folder / "public"
    rows = Ledger(store / "ledger").rows("2026-Q1")
    entered = max(row.value for row in rows) // 1000
    pointed = json.loads((public / ".current/latest.json").read_text())["release"]
    seen = int(pointed.partition(".")[2]) if pointed > FIRST else 0
    noted = json.loads((store / "published.json").read_text())["release"]
    there = [path.name for path in (public / "releases").glob("2026-12*")]
    for id in there:
        if {path.name for path in (public / "releases" / id).iterdir()} != {"a", "b"}:
            yield f"{id} is not whole"
    if seen and pointed not in there:
        yield f"readers are sent to {pointed}, which is not there"
    if entered < max([seen, *(int(id.partition(".")[2]) for id in there)]):
        yield f"releases {there} are there, {seen} was seen, and the ledger ends with {entered}"
    if noted > pointed:
        yield f"{noted} is noted as published, and readers are sent to {pointed}"
    standing = json.loads((store / "hubs/one.json").read_text() if seen else '{"snapshot": 0}')["snapshot"]
    if standing and not (store / f"snapshots/one/{standing}.json").exists():
        yield f"hub one uses snapshot {standing}, which is not there"
    for snapshot in (store / "snapshots/one").glob("*.json"):
        if not (store / f"blobs/ff/{snapshot.stem}").exists():
            yield f"snapshot {snapshot.stem} has no blob"
    if seen and json.loads((store / "slugs.json").read_text())["slugs"] < seen:
        yield "addresses that readers know are lost"


@pytest.mark.parametrize("seed", range(12))
def test_a_checkpoint_is_consistent_whatever_is_written_meanwhile(
    here: Place, small: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    chance = random.Random(seed)
    steps = releases(small)
    for _ in range(chance.randrange(30)):
        next(steps)
    interleaved(monkeypatch, steps, chance, every=0.05)
    taken = take(here, small)
    restored = small / "new"
    bring(here, manifest_of(here, taken.checkpoint), restored / "store", restored / "public")
    assert list(inconsistent(restored)) == []


def test_that_would_show_if_files_were_read_in_the_order_in_which_they_are_written(
    here: Place, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same without the order and without looking again."""

    def manifest(self: Any) -> Any:
        self._hubs()
        for room in ("snapshots", "blobs", "ledger"):
            self._walk(self._store / room, f"store/{room}")
        self._file(self._store / "slugs.json", "store/slugs.json")
        self._releases()
        self._pointers()
        self._file(self._store / "published.json", "store/published.json")
        files = tuple(sorted(self._files.values()))
        return Manifest(files, tuple(sorted(self._links.items())), (), None, False, "")

    monkeypatch.setattr(capture.Capture, "manifest", manifest)
    found: list[str] = []
    for seed in range(12):
        chance = random.Random(seed)
        steps = releases(small)
        shutil.rmtree(small / "public/releases", ignore_errors=True)
        shutil.rmtree(small / "store/ledger", ignore_errors=True)
        Ledger(small / "store/ledger").add([a_row()])
        with monkeypatch.context() as patch:
            interleaved(patch, steps, chance, every=0.05)
            taken = take(here, small)
        restored = small / f"new-{seed}"
        bring(here, manifest_of(here, taken.checkpoint), restored / "store", restored / "public")
        found += inconsistent(restored)
    assert found


def test_a_store_that_never_rests_is_given_up(here: Place, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "TRIES", 3)
    interleaved(monkeypatch, releases(small), random.Random(1), every=0.5)
    with pytest.raises(Unsettled, match="it changed all the time while it was read: run again when less is going on"):
        take(here, small)
    assert head_of(here).checkpoints == ()


# Catching up.


def test_a_folder_that_catches_up_ends_as_the_other(here: Place, folder: Path) -> None:
    first = take(here, folder).checkpoint
    behind = folder / "behind"
    bring_back(here, behind)
    write(behind / "store/hubs/three.json", "what was never kept")
    write(behind / f"public/releases/.building-{SECOND}/half", "what nobody saw")
    write(behind / "public/robots-of-mine.txt", "not ours")
    take_down(folder / "public", 1)  # issues the release anew
    write(folder / "store/hubs/one.json", "one stands otherwise")
    (folder / "store/hubs/two.json").unlink()
    second = take(here, folder).checkpoint
    assert second != first
    manifest = manifest_of(here, second)
    bring(here, manifest, behind / "store", behind / "public")
    tidy(manifest, behind / "store", behind / "public")
    assert (behind / "public/robots-of-mine.txt").read_text() == "not ours"
    (behind / "public/robots-of-mine.txt").unlink()
    shutil.rmtree(folder / "public/.pointers/1")  # that of before, for who was reading through it
    assert copied(behind) == copied(folder)
    release = behind / f"public/releases/{FIRST}"
    assert [*publish.verify_release(release), *publish.wrong_signatures(release)] == []


def test_a_release_that_is_about_to_be_shown_is_in_its_place(here: Place, folder: Path) -> None:
    aside = folder / f"public/releases/.building-{SECOND}"
    publish.publish(
        a_small_edition(previous=FIRST),
        folder / "public",
        KEY,
        about_to_show=lambda: take(here, folder, showing=SECOND),
    )
    assert not aside.exists()
    bring_back(here, folder / "new")
    newest = publish.latest(folder / "new/public")
    assert newest is not None
    assert newest.id == FIRST
    assert publish.verify_release(folder / f"new/public/releases/{SECOND}") == []


def test_a_candidate_that_is_about_to_be_shown_names_who_approved_it(here: Place, folder: Path) -> None:
    public, edition = folder / "public", a_small_edition(previous=FIRST)
    publish.build_candidate(edition, public, KEY)
    publish.show_candidate(
        public,
        SECOND,
        KEY,
        edition.keys,
        approved_by="Sample operator",
        about_to_show=lambda: take(here, folder, showing=SECOND),
    )
    bring_back(here, folder / "new")
    release = folder / f"new/public/releases/{SECOND}"
    assert json.loads((release / "release.json").read_text())["approved_by"] == "Sample operator"
    assert [*publish.verify_release(release), *publish.wrong_signatures(release)] == []


def test_a_lease_is_given_back_whatever_happens(here: Place, small: Path) -> None:
    with pytest.raises(Killed), writing(here, "test"):
        raise Killed
    lease = Lease(here, "next")
    lease.give_back()
    assert isinstance(Writer(here, Lease(here, "last")).head.checkpoints, tuple)
    assert Checkpoint.__doc__
