"""``hubpacks backup`` and ``hubpacks restore`` as their users run them, also while a run is at work."""

from __future__ import annotations

import json
import random
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines import publish
from pipelines.checkpoints import head_of, restore, writing
from pipelines.ledger import Ledger
from pipelines.line import open_line
from pipelines.places import open_place
from pipelines.releasing import run as run_line
from tests.feeds import NOW, a_case_study, a_line, answers_of, register, write_feed
from tests.intakes import COMMAND
from tests.journeys.test_run import hubpacks
from tests.kills import half_public, half_snapshots
from tests.mirrors import SECRET, Door, a_door
from tests.servers import BUCKET


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    with a_door(tmp_path / "door") as opened:
        yield opened


def a_store(folder: Path) -> str:
    """A store with a release; the release's id."""
    register(folder, id="one")
    write_feed(folder / "feeds" / "one", [a_case_study(), a_case_study(id="b", title="B", body="Another text.")])
    run_line(a_line(folder), NOW, lambda _stage, _what: None)
    newest = publish.latest(folder / "public")
    assert newest is not None
    return newest.id


def test_a_drill(tmp_path: Path, door: Door) -> None:
    release = a_store(tmp_path)
    place = [f"s3://{BUCKET}/backup", "--endpoint", door.address, "--secret", SECRET]
    done = hubpacks(tmp_path, "backup", *place)
    assert done.returncode == 0, done.stderr
    assert "the private key of releases is in it" in done.stdout
    assert "nothing has changed since it was taken" in hubpacks(tmp_path, "backup", *place).stdout
    done = hubpacks(tmp_path, "withdraw", "one/b", "--reason", "It was wrong", "--registry", "registry")
    assert done.returncode == 0, done.stderr
    told = json.loads(hubpacks(tmp_path, "backup", *place, "--json").stdout)
    assert told["is_new"]
    listed = json.loads(hubpacks(tmp_path, "backup", "--list", *place, "--json").stdout)
    assert [one["release"] for one in listed] == [release, told["release"]]
    done = hubpacks(tmp_path, "restore", *place, "--store", "new/store", "--publish", "new/public")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"ledger and release {told['release']}: good" in done.stdout
    # The restored folders are the line's: nothing is new, ids are not used again, what was withdrawn stays away.
    folders = ["--registry", "registry", "--store", "new/store", "--publish", "new/public"]
    again = json.loads(hubpacks(tmp_path, "run", *folders, "--json").stdout)
    assert (again["release"], again["is_new"]) == (told["release"], False)
    assert hubpacks(tmp_path, "verify", "new/public").returncode == 0
    # The older one is there as well, until it is pruned.
    older = hubpacks(tmp_path, "restore", *place, "--at", listed[0]["id"], "--store", "old/s", "--publish", "old/p")
    assert f"ledger and release {release}: good" in older.stdout
    assert "1 older ones forgotten" in hubpacks(tmp_path, "backup", *place, "--keep", "1").stdout
    done = hubpacks(tmp_path, "restore", *place, "--at", listed[0]["id"], "--store", "x/s", "--publish", "x/p")
    assert (done.returncode, "no checkpoint" in done.stderr) == (2, True)


def test_without_the_key_it_says_what_is_to_be_done(tmp_path: Path) -> None:
    a_store(tmp_path)
    assert "keep a copy of the key elsewhere" in hubpacks(tmp_path, "backup", "b", "--without-keys").stdout
    done = hubpacks(tmp_path, "restore", "b", "--store", "new/store", "--publish", "new/public")
    assert "put it at new/store/keys/signing.pem" in done.stdout
    write_feed(tmp_path / "feeds" / "one", [a_case_study(body="A new text.")])
    folders = ["--registry", "registry", "--store", "new/store", "--publish", "new/public"]
    refused = hubpacks(tmp_path, "run", *folders)
    assert (refused.returncode, "the private key of" in refused.stderr) == (2, True)
    key = tmp_path / "store/keys/signing.pem"
    (tmp_path / "new/store/keys/signing.pem").write_bytes(key.read_bytes())
    (tmp_path / "new/store/keys/signing.pem").chmod(0o600)
    assert hubpacks(tmp_path, "run", *folders).returncode in (0, 1)
    assert hubpacks(tmp_path, "verify", "new/public").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["backup"], "name a place for checkpoints, a folder or s3://my-bucket/backup, or set HUBPACKS_BACKUP"),
        (["backup", "b"], "store: no store here; name it with --store"),
        (["backup", "here/b", "--store", "here"], "here/b: this is a part of here: name a place outside"),
        (["backup", "ftp://a/b"], "ftp://a/b: name a folder, or a place in an object store"),
        (
            ["backup", "s3://bucket/c", "--secret", "NO_SUCH_NAME"],
            "the environment variable NO_SUCH_NAME must",
        ),
        (["restore", "b", "--store", "s", "--publish", "p"], "b: there is no checkpoint here"),
        (["restore", "b", "--store", "here", "--publish", "p"], "b: there is no checkpoint here"),
    ],
)
def test_what_cannot_be_done_is_one_line_with_its_mend(tmp_path: Path, arguments: list[str], complaint: str) -> None:
    (tmp_path / "here").mkdir()
    done = hubpacks(tmp_path, *arguments)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert done.stderr.startswith(f"hubpacks: {complaint}")


def test_checkpoints_that_are_taken_while_a_run_is_at_work_can_each_be_restored(tmp_path: Path) -> None:
    """Two runs, one after the other, and checkpoints all the time."""
    for round in range(2):
        for number, hub in enumerate(("one", "two", "three")):
            register(tmp_path, id=hub)
            study = a_case_study(body=f"Of {hub}, round {round}.")
            answers = answers_of(40 + 30 * round, 1 + 1000 * number) if number < 2 else ()
            write_feed(tmp_path / "feeds" / hub, [study], answers=answers)
        command = [*COMMAND, "run", "--registry", "registry"]
        with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
            ended = threading.Event()
            threading.Thread(target=lambda process=process, ended=ended: (process.wait(), ended.set())).start()
            place = open_place(str(tmp_path / "place"))
            while not ended.is_set():
                if (tmp_path / "store").is_dir():
                    with writing(place, "test") as writer:
                        writer.checkpoint(tmp_path / "store", tmp_path / "public", datetime.now(UTC))
                ended.wait(0.05)
            assert process.returncode == 0
    taken = head_of(place).checkpoints
    assert len(taken) > 6
    shown = {one.release for one in taken}
    assert len(shown) >= 2  # none, or the first; and the first, or the second
    for number, one in enumerate(taken):
        folder = tmp_path / "restored" / str(number)
        restored = restore(place, one, folder / "store", folder / "public")
        assert restored.problems == (), one.id
        assert list(half_snapshots(folder / "store")) == []
        assert half_public(folder / "public") == []
        ledger = Ledger(folder / "store/ledger")
        if one.release is not None:
            assert any(row.release == one.release for period in ledger.periods() for row in ledger.rows(period)), one.id
    # And the line goes on from any of them: it ends as the one that nobody has copied.
    wanted = told(tmp_path / "public")
    for number in random.Random(42).sample(range(len(taken)), 2):
        folder = tmp_path / "restored" / str(number)
        line = open_line(tmp_path / "registry", folder / "store", folder / "public")
        run_line(line, datetime.now(UTC), lambda _stage, _what: None)
        assert half_public(folder / "public") == []
        records, benchmarks = told(folder / "public")
        assert records == wanted[0]
        # Who had not told the first counts tells the second at once, and rounds otherwise.
        assert taken[number].release is None or benchmarks == wanted[1]


def told(public: Path) -> tuple[object, object]:
    """What readers learn: records and benchmarks."""
    newest = publish.latest(public)
    assert newest is not None
    release = public / newest.address
    records = [json.loads(line) for line in (release / "packs/national/records.jsonl").read_text().splitlines()]
    return [(r["id"], r["summary"], r["source"]["snapshot"]) for r in records], [
        row.rpartition(",")[0] for row in (release / "benchmarks/distributions.csv").read_text().splitlines()
    ]


def test_only_the_owner_can_read_a_backup(tmp_path: Path) -> None:
    a_store(tmp_path)
    assert hubpacks(tmp_path, "backup", "b").returncode == 0
    paths = [path for path in (tmp_path / "b").rglob("*") if not path.name.startswith(".")]
    assert {path.stat().st_mode & 0o077 for path in paths} == {0}
    assert (tmp_path / "b").stat().st_mode & 0o077 == 0
