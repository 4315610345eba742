"""A store in an object store: several machines, one at a time, and each may die."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from pipelines import publish
from pipelines.places import LEASE, Lease, open_place
from tests.mirrors import SECRET, Door, a_door
from tests.servers import BUCKET
from tests.stores_in_buckets import Machines, survive
from tests.websites import answer


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    with a_door(tmp_path / "door") as opened:
        yield opened


@pytest.fixture
def machines(tmp_path: Path, door: Door) -> Machines:
    made = Machines(tmp_path, door)
    made.change(0)
    return made


def body(door: Door, key: str) -> bytes:
    return bytes(door.client.get_object(Bucket=BUCKET, Key=f"store/{key}")["Body"].read())


def test_one_machine_goes_on_where_another_has_ended(machines: Machines, door: Door) -> None:
    first = json.loads(machines.do("a", "run", "--json").stdout)
    again = json.loads(machines.do("b", "run", "--json").stdout)
    assert (again["release"], again["is_new"]) == (first["release"], False)
    assert machines.seen("b") == first["release"]
    machines.change(1)
    second = json.loads(machines.do("b", "run", "--json").stdout)
    assert second["is_new"]
    status = machines.do("a", "status", "one", "--json")
    assert status.returncode == 0, status.stderr
    assert machines.seen("a") == second["release"]
    # A takedown on one machine takes down what the other has shown.
    done = machines.do("a", "withdraw", "two/shared-schedule", "--takedown", "--reason", "It named somebody")
    assert done.returncode == 0, done.stderr
    assert machines.do("b", "status").returncode == 0
    for release in publish.released(machines.folder / "b/public"):
        assert not list((machines.folder / "b/public/releases" / release).glob("en/records/*two*"))
    machines.look("a", "b")
    # The key is never changed by moving.
    keys = {machine: machines.do(machine, "key", "show").stdout for machine in ("a", "b", "c")}
    assert len(set(keys.values())) == 1


def test_whenever_a_run_is_killed_another_machine_goes_on(machines: Machines) -> None:
    survive(machines, 2, random.Random(42))


def test_another_machine_at_work_is_named_and_nothing_is_done(machines: Machines, door: Door) -> None:
    place = open_place(f"s3://{BUCKET}/store", door.address, SECRET)
    lease = Lease(place, "hubpacks run")
    done = machines.do("a", "run")
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert done.stderr.startswith(f"hubpacks: another run is at work here (s3://{BUCKET}/store: hubpacks run on ")
    assert not (machines.folder / "a/public").exists()
    assert machines.do("a", "status").returncode == 0  # to read, nobody has to wait
    lease.give_back()
    assert machines.do("a", "run").returncode == 0


def stolen(door: Door) -> None:
    """Another machine takes the lease over and stamps the head, as it does when this one was not heard of."""
    place = open_place(f"s3://{BUCKET}/store", door.store, SECRET)
    there = place.read(LEASE)
    assert there is not None
    place.swap(LEASE, json.dumps(json.loads(there[0]) | {"renewed": 0.0}).encode(), there[1])
    from pipelines.checkpoints import writing

    with writing(place, "another"):
        pass


def test_a_run_that_was_taken_for_dead_shows_nothing(machines: Machines, door: Door) -> None:
    first = json.loads(machines.do("a", "run", "--json").stdout)["release"]
    machines.change(1)
    asked = []

    def take_over(request: BaseHTTPRequestHandler, data: bytes) -> bytes | None:
        if request.command == "PUT" and "/store/objects/" in request.path and not asked:
            asked.append(1)
            stolen(door)
        return data

    door.way = take_over
    done = machines.do("a", "run")
    assert (done.returncode, len(asked)) == (2, 1)
    assert (
        "another run has taken over meanwhile: what this one did since its last checkpoint is not kept"
        in (done.stderr.splitlines()[-1])
    )
    assert machines.seen("a") == first
    door.way = lambda _request, data: data
    assert machines.do("a", "run").returncode == 0
    assert machines.seen("a") != first


def test_a_store_that_fails_before_readers_see_a_release_leaves_the_old_one(machines: Machines, door: Door) -> None:
    first = json.loads(machines.do("a", "run", "--json").stdout)["release"]
    machines.change(1)
    heads = []

    def forbid(request: BaseHTTPRequestHandler, data: bytes) -> bytes | None:
        if request.command == "PUT" and request.path.endswith("/head.json"):
            heads.append(1)
            if len(heads) > 2:  # the stamp, and what was gathered
                answer(request, 403, b"<Error><Code>AccessDenied</Code></Error>")
                return None
        return data

    door.way = forbid
    done = machines.do("a", "run")
    assert done.returncode == 2
    assert "the access key may not do this (AccessDenied)" in done.stderr.splitlines()[-1]
    assert machines.seen("a") == first
    door.way = lambda _request, data: data
    done = machines.do("b", "run")
    assert done.returncode == 0, done.stderr
    machines.look("a", "b")


@pytest.mark.parametrize("command", [["intake"], ["backup", "x"]])
def test_what_needs_a_folder_says_so(machines: Machines, command: list[str]) -> None:
    done = machines.do("a", *command)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"hubpacks: s3://{BUCKET}/store: this cannot work on a store in an object store: name a folder with --store\n"
    )


def test_dagster_says_so_as_well(machines: Machines, monkeypatch: pytest.MonkeyPatch) -> None:
    from assets.resources import LineResource
    from pipelines.settings import UnusableSettings

    with pytest.raises(UnusableSettings, match="cannot work on a store in an object store"):
        LineResource(store=f"s3://{BUCKET}/store").open()


def test_a_folder_that_is_anothers_is_not_tidied_up(machines: Machines, tmp_path: Path) -> None:
    assert machines.do("a", "run").returncode == 0
    (tmp_path / "c/public/releases/2020-01-01.01").mkdir(parents=True)
    done = machines.do("c", "run")
    assert (done.returncode, "has release 2020-01-01.01, of which the store at" in done.stderr) == (2, True)
    assert (tmp_path / "c/public/releases/2020-01-01.01").exists()


def test_a_place_that_was_emptied_is_not_begun_anew_by_itself(machines: Machines, door: Door) -> None:
    assert machines.do("a", "token", "create", "one").returncode == 0
    for key in door.held("store"):
        door.client.delete_object(Bucket=BUCKET, Key=f"store/{key}")
    done = machines.do("a", "run")
    assert (done.returncode, "s3://feeds/store is empty, and" in done.stderr) == (2, True)


def test_old_checkpoints_go(machines: Machines, door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines import working_copies
    from pipelines.checkpoints import head_of
    from pipelines.places import Place

    monkeypatch.setattr(working_copies, "KEPT", 2)
    place: Place = open_place(f"s3://{BUCKET}/store", door.address, SECRET)
    for number in range(6):
        with working_copies.working_copy(place, machines.folder / "cache", machines.folder / "public", "test") as copy:
            copy.store.mkdir(exist_ok=True)
            (copy.store / "x.json").write_text(f"{number}")
            copy.keeper.may_last()  # not yet: it is too soon
    assert len(head_of(place).checkpoints) in (2, 3, 4)
    assert len(place.listed("objects")) == len(head_of(place).checkpoints)
