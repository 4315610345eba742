"""Places of checkpoints: both kinds do the same, one swap wins, and a lease has one holder."""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines import places
from pipelines.buckets import Changed
from pipelines.files import Busy
from pipelines.places import LEASE, Lease, LeaseLost, Place, PlaceRefused, knows_conditions, open_place
from tests.mirrors import SECRET, Door, a_door
from tests.servers import BUCKET
from tests.websites import answer


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with a_door(tmp_path_factory.mktemp("door")) as opened:
        yield opened


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, door: Door, tmp_path: Path) -> Place:
    if request.param == "folder":
        return open_place(str(tmp_path / "place"))
    return open_place(f"s3://{BUCKET}/{tmp_path.name}", door.address, SECRET)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def put(place: Place, key: str, data: bytes) -> None:
    place.put(key, data, len(data), sha256(data))


def test_what_is_put_is_there_as_a_whole_until_it_is_deleted(place: Place, tmp_path: Path) -> None:
    large = bytes(range(256)) * 40_000  # goes up in parts
    path = tmp_path / "large"
    path.write_bytes(large)
    put(place, "objects/ab/small", b"small")
    place.put("objects/cd/large", path, len(large), sha256(large))
    place.sync()
    assert place.listed("objects") == {"objects/ab/small": 5, "objects/cd/large": len(large)}
    target = io.BytesIO()
    assert place.fetch("objects/cd/large", target)
    assert target.getvalue() == large
    assert not place.fetch("objects/ef/none", io.BytesIO())
    assert place.read("objects/ef/none") is None
    place.delete(["objects/ab/small", "objects/ef/none"])
    assert set(place.listed("objects")) == {"objects/cd/large"}


def test_what_is_another_by_now_is_not_put(place: Place, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"after")
    with pytest.raises(Changed):
        place.put("objects/x", path, 5, sha256(b"befor"))
    assert place.listed("objects") == {}


def test_of_two_swaps_one_wins(place: Place) -> None:
    first = place.swap("head.json", b"1", None)
    assert first is not None
    assert place.swap("head.json", b"2", None) is None
    second = place.swap("head.json", b"2", first)
    assert second is not None
    assert place.swap("head.json", b"3", first) is None
    assert place.read("head.json") == (b"2", second)
    won: list[int] = []

    def try_it(number: int) -> None:
        if place.swap("head.json", f"many {number}".encode(), second) is not None:
            won.append(number)

    threads = [threading.Thread(target=try_it, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    there = place.read("head.json")
    assert there is not None
    assert there[0] == f"many {won[0]}".encode()


def test_only_the_owner_may_read_a_folder_of_checkpoints(tmp_path: Path) -> None:
    place = open_place(str(tmp_path / "place"))
    put(place, "objects/ab/secret", b"key")
    place.swap("head.json", b"1", None)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "place").rglob("*") if path.is_file()}
    assert {name: mode for name, mode in modes.items() if not name.startswith(".")} == {
        "secret": 0o600,
        "head.json": 0o600,
    }
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "place").rglob("*") if path.is_dir()} == {0o700}


def test_a_swap_whose_answer_was_lost_counts(door: Door) -> None:
    place = open_place(f"s3://{BUCKET}/lost", door.address, SECRET)
    asked: list[int] = []

    def lose_the_answer(request: Any, body: bytes) -> bytes | None:
        if request.command == "PUT" and not asked:
            asked.append(1)
            door.client.put_object(Bucket=BUCKET, Key="lost/head.json", Body=body)  # it is done …
            answer(request, 503, b"")  # … and says that it is not
            return None
        return body

    door.way = lose_the_answer
    try:
        assert place.swap("head.json", b"once", None) is not None
    finally:
        door.way = lambda _request, body: body
    assert asked


def test_a_store_that_overlooks_conditions_is_found_out(place: Place, door: Door) -> None:
    assert knows_conditions(place)

    def overlook(request: Any, body: bytes) -> bytes | None:
        if request.command == "PUT":  # as if nothing had been there
            door.client.delete_object(Bucket=BUCKET, Key=request.path.removeprefix(f"/{BUCKET}/"))
        return body

    door.way = overlook
    try:
        assert not knows_conditions(open_place(f"s3://{BUCKET}/overlooks", door.address, SECRET))
    finally:
        door.way = lambda _request, body: body


def test_a_lease_has_one_holder_and_each_a_higher_number(place: Place) -> None:
    first = Lease(place, "hubpacks run")
    with pytest.raises(Busy, match=rf"another run is at work here \(.*hubpacks run on .*, process {os.getpid()}"):
        Lease(place, "hubpacks run")
    first.give_back()
    second = Lease(place, "hubpacks run")
    assert (first.epoch, second.epoch) == (1, 2)
    second.give_back()


def of_another(place: Place, **changes: Any) -> None:
    """Let the lease be another machine's."""
    there = place.read(LEASE)
    told = json.loads(there[0]) if there else {"epoch": 0, "what": "hubpacks run", "nonce": "1", "is_over": False}
    told |= {"host": "elsewhere", "pid": 1, "boot": "1", "renewed": time.time()} | changes
    assert place.swap(LEASE, json.dumps(told).encode(), there[1] if there else None) is not None


@pytest.mark.parametrize(
    ("seconds", "is_busy"), [(0, True), (-100, True), (-130, False), (100, True), (86_400 * 365, False)]
)
def test_a_lease_of_another_machine_holds_while_it_is_renewed(place: Place, seconds: float, is_busy: bool) -> None:
    of_another(place, renewed=time.time() + seconds)
    if is_busy:
        with pytest.raises(Busy, match=r"hubpacks run on elsewhere, process 1, was heard of \d+ s ago"):
            Lease(place, "me")
    else:
        Lease(place, "me").give_back()


def test_a_lease_of_a_dead_process_here_is_nobodys(place: Place) -> None:
    lease = Lease(place, "me")
    lease.give_back()
    told = json.loads((place.read(LEASE) or (b"", ""))[0])
    of_another(place, **told | {"pid": 2**22 + 1, "is_over": False, "renewed": time.time()})
    Lease(place, "me").give_back()


def test_who_has_lost_the_lease_is_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "RENEW_SECONDS", 0.05)
    lease = Lease(place, "me")
    deadline = time.monotonic() + 20
    there = place.read(LEASE)
    while (now := place.read(LEASE)) == there and time.monotonic() < deadline:
        time.sleep(0.02)
    assert now is not None
    assert now != there, "it is renewed"
    there = now
    while b"they" not in there[0]:
        place.swap(LEASE, there[0].replace(b'"me"', b'"they"'), there[1])
        there = place.read(LEASE) or there
    while lease._thread.is_alive() and time.monotonic() < deadline:
        time.sleep(0.02)
    with pytest.raises(LeaseLost, match="another run has taken over, because nothing was heard of this one for 120 s"):
        lease.check()
    lease.give_back()
    assert b"they" in (place.read(LEASE) or (b"", ""))[0]


def test_a_lease_that_is_none_of_ours_is_refused(place: Place) -> None:
    place.swap(LEASE, b"[]", None)
    with pytest.raises(PlaceRefused, match=r"lease\.json is not one of ours"):
        Lease(place, "me")


@pytest.mark.parametrize("address", ["ftp://a/b", "s3://A/b", "gs://bucket/x"])
def test_an_address_that_is_none_is_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRET, "a:b")
    with pytest.raises(PlaceRefused):
        open_place(address, None, SECRET)
