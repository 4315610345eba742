"""What a pull remembers of the one before: when it may be relied on, and when everything is fetched again."""

import hashlib
import json
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines.pull import pull
from pipelines.pull.known import Nothing, Remembered
from pipelines.pull.network import Limits, Network
from pipelines.store import Store
from tests.faults import Request, reply, scripted
from tests.feeds import NOW, registration

QUICK = Limits(attempts=1, connect_seconds=5, read_seconds=5, retry_after_seconds=0.1)
UNCHANGED = b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\nConnection: close\r\n\r\n'
MODIFIED = "Last-Modified: Thu, 01 Oct 2026 08:00:00 GMT"
FILE = b"# A\n"


def manifest(**resource: Any) -> bytes:
    return json.dumps({"resources": [{"name": "a", "path": "a.md"} | resource]}).encode()


def tagged(body: bytes, tag: str = '"1"') -> bytes:
    return reply(body, f"ETag: {tag}", MODIFIED)


def attempt(folder: Path, address: str, days: float = 0, **changes: Any) -> dict[str, Any]:
    """Pull once; the newest entry in the log."""
    store = Store(folder / "store")
    with Network(QUICK) as network:
        hub = registration(**{"private_address": True} | changes)
        pull(store, hub, address, NOW + timedelta(days=days), network)
    entry = store.last_pull("one")
    assert entry is not None
    return entry


def content(folder: Path, entry: dict[str, Any]) -> dict[str, bytes]:
    store = Store(folder / "store")
    snapshot = store.snapshot("one", entry["digest"])
    return {file.path: store.blob(file.sha256).read_bytes() for file in snapshot.files}


def conditions(asked: list[Request]) -> list[str | None]:
    return [request.headers.get("if-none-match") for request in asked]


def test_the_next_visit_asks_by_what_the_last_one_was_told(tmp_path) -> None:
    answers = {"datapackage_json": [tagged(manifest()), UNCHANGED], "a_md": [tagged(FILE, 'W/"é"'), tagged(b"# B\n")]}
    with scripted(**answers) as (address, asked):
        first = attempt(tmp_path, f"{address}/datapackage.json")
        second = attempt(tmp_path, f"{address}/datapackage.json", days=1)
    assert conditions(asked)[:2] == [None, None]
    assert asked[2].headers["if-none-match"] == '"1"'
    assert asked[2].headers["if-modified-since"] == MODIFIED.partition(": ")[2]
    assert asked[3].headers["if-none-match"].encode("latin-1").decode() == 'W/"é"'
    assert content(tmp_path, first) == {"datapackage.json": manifest(), "a.md": FILE}
    assert content(tmp_path, second) == {"datapackage.json": manifest(), "a.md": b"# B\n"}


def test_a_single_file_and_a_zip_are_not_had_twice(tmp_path) -> None:
    with zipfile.ZipFile(tmp_path / "feed.zip", "w") as archive:
        archive.writestr("a.md", "# A\n")
    for name, body in (("feed.zip", (tmp_path / "feed.zip").read_bytes()), ("feed.csv", b"a,b\n1,2\n")):
        with scripted(**{name.replace(".", "_"): [tagged(body), UNCHANGED]}) as (address, asked):
            first = attempt(tmp_path / f"of {name}", f"{address}/{name}")
            for day in (1, 2):
                again = attempt(tmp_path / f"of {name}", f"{address}/{name}", days=day)
                assert (again["digest"], again["unchanged"]) == (first["digest"], True)
        assert conditions(asked) == [None, '"1"', '"1"']


def test_a_server_that_never_tells_of_a_change_is_believed_for_a_week(tmp_path) -> None:
    """Counted from when everything was last fetched, not from the last visit."""
    answers = {
        "datapackage_json": [tagged(manifest()), *[UNCHANGED] * 3, tagged(manifest())],
        "a_md": [tagged(FILE), *[UNCHANGED] * 3, tagged(b"# B\n")],
    }
    with scripted(**answers) as (address, asked):
        digests = [attempt(tmp_path, f"{address}/datapackage.json", days=day)["digest"] for day in (0, 3, 6, 6.9, 7)]
    assert len(set(digests[:4])) == 1
    assert digests[4] != digests[0]
    assert conditions(asked) == [None, None, *['"1"'] * 6, None, None]


def test_a_fetch_in_the_future_is_not_believed(tmp_path) -> None:
    with scripted(a_csv=tagged(b"a,b\n")) as (address, asked):
        attempt(tmp_path, f"{address}/a.csv", days=400)
        attempt(tmp_path, f"{address}/a.csv")
    assert conditions(asked) == [None, None]


@pytest.mark.parametrize(
    ("changes", "is_known"),
    [
        ({}, True),
        ({"cadence": "weekly"}, True),
        ({"skip": [{"glob": "*.txt", "reason": "not content"}]}, True),
        ({"secret": "HUB_TOKEN"}, False),
        ({"endpoint": "https://elsewhere.example"}, False),
        ({"public_key": "ed25519:" + "A" * 43 + "="}, False),
    ],
)
def test_another_way_of_reading_makes_everything_new(tmp_path, monkeypatch, changes, is_known) -> None:
    monkeypatch.setenv("HUB_TOKEN", "s3cret")
    with scripted(a_csv=tagged(b"a,b\n")) as (address, asked):
        attempt(tmp_path, f"{address}/a.csv")
        attempt(tmp_path, f"{address}/a.csv", days=1, **changes)
    assert conditions(asked) == [None, '"1"' if is_known else None]


def test_another_address_is_asked_as_if_for_the_first_time(tmp_path) -> None:
    with scripted(a_csv=tagged(b"a,b\n"), b_csv=tagged(b"a,b\n")) as (address, asked):
        for name in ("a.csv", "b.csv", "b.csv?key=s3cret", "a.csv"):
            attempt(tmp_path, f"{address}/{name}", days=1)
    assert conditions(asked) == [None] * 4
    assert "s3cret" not in (tmp_path / "store/validators/one.json").read_text()


@pytest.mark.parametrize("harm", ["lost", "cut"])
def test_a_snapshot_that_is_not_whole_any_more_is_fetched_again(tmp_path, harm) -> None:
    answers = {"datapackage_json": tagged(manifest()), "a_md": tagged(FILE)}
    with scripted(**answers) as (address, asked):
        first = attempt(tmp_path, f"{address}/datapackage.json")
        blob = Store(tmp_path / "store").blob(hashlib.sha256(FILE).hexdigest())
        blob.chmod(0o600)
        if harm == "lost":
            blob.unlink()
        else:
            blob.write_bytes(FILE[:1])
        attempt(tmp_path, f"{address}/datapackage.json", days=1)
    assert conditions(asked) == [None] * 4
    assert "digest" in first


@pytest.mark.parametrize(
    "change",
    [
        lambda _data: "no JSON",
        lambda _data: "[]",
        lambda data: json.dumps(data | {"fetched": "yesterday"}),
        lambda data: json.dumps(data | {"fetched": None}),
        lambda data: json.dumps(data | {"fetched": "2026-10-01"}),
        lambda data: json.dumps(data | {"digest": 1}),
        lambda data: json.dumps(data | {"digest": "0" * 64}),
        lambda data: json.dumps(data | {"places": []}),
        lambda data: json.dumps(data | {"places": dict.fromkeys(data["places"], "x")}),
        lambda data: json.dumps({name: data[name] for name in ("key", "fetched")}),
    ],
)
def test_what_is_damaged_is_as_if_it_were_not_there(tmp_path, change) -> None:
    path = tmp_path / "store/validators/one.json"
    with scripted(a_csv=tagged(b"a,b\n")) as (address, asked):
        attempt(tmp_path, f"{address}/a.csv")
        path.write_text(change(json.loads(path.read_text())))
        assert "digest" in attempt(tmp_path, f"{address}/a.csv", days=1)
        attempt(tmp_path, f"{address}/a.csv", days=2)
    assert conditions(asked) == [None, None, '"1"']


def test_a_pull_that_fails_leaves_what_was_known(tmp_path) -> None:
    answers = {
        "datapackage_json": [tagged(manifest()), tagged(manifest(title="New"), '"2"'), UNCHANGED],
        "a_md": [tagged(FILE), reply(status="500 No"), UNCHANGED],
    }
    with scripted(**answers) as (address, asked):
        first = attempt(tmp_path, f"{address}/datapackage.json")
        assert attempt(tmp_path, f"{address}/datapackage.json", days=1)["code"] == "unreachable_feed"
        again = attempt(tmp_path, f"{address}/datapackage.json", days=2)
    assert again["digest"] == first["digest"]
    assert conditions(asked) == [None, None, *['"1"'] * 4]


def test_a_validator_without_measure_is_not_kept(tmp_path) -> None:
    with scripted(a_csv=tagged(b"a,b\n", f'"{"e" * 1_000}"')) as (address, asked):
        attempt(tmp_path, f"{address}/a.csv")
        attempt(tmp_path, f"{address}/a.csv", days=1)
    assert conditions(asked) == [None, None]
    assert not (tmp_path / "store/validators/one.json").exists()


# Servers that call other bytes by the same name.


def moved(to: str) -> bytes:
    return reply(b"", f"Location: /{to}", status="302 Found")


def test_a_validator_counts_only_at_the_address_that_gave_it(tmp_path) -> None:
    """A server that knows dates alone says of every older file that it has not changed."""
    answers = {
        "latest_csv": [moved("new.csv"), moved("new.csv"), moved("old.csv")],
        "new_csv": [tagged(b"a\nnew\n"), UNCHANGED],
        "old_csv": [UNCHANGED, tagged(b"a\nold\n")],
    }
    with scripted(**answers) as (address, asked):
        first, same, back = (attempt(tmp_path, f"{address}/latest.csv", days=day) for day in (0, 1, 2))
    assert (same["digest"], same["unchanged"]) == (first["digest"], True)
    assert content(tmp_path, back) == {"latest.csv": b"a\nold\n"}
    assert conditions(asked) == [None, None, '"1"', '"1"', '"1"', '"1"', None, None]


@pytest.mark.parametrize(
    "declare",
    [
        lambda body: {"hash": f"sha256:{hashlib.sha256(body).hexdigest()}"},
        lambda body: {"hash": hashlib.md5(body, usedforsecurity=False).hexdigest()},
        lambda body: {"bytes": len(body)},
    ],
    ids=["sha256", "md5", "bytes"],
)
def test_declared_bytes_are_asked_for_whatever_the_etag_says(tmp_path, declare) -> None:
    new = b"# Another\n"
    answers = {
        "datapackage_json": [tagged(manifest(**declare(FILE))), tagged(manifest(**declare(new)), '"2"')],
        "a_md": [tagged(FILE), UNCHANGED, tagged(new)],
    }
    with scripted(**answers) as (address, asked):
        attempt(tmp_path, f"{address}/datapackage.json")
        second = attempt(tmp_path, f"{address}/datapackage.json", days=1)
    assert content(tmp_path, second)["a.md"] == new
    assert conditions(asked) == [None, None, '"1"', '"1"', None]


@pytest.mark.parametrize("stale", [UNCHANGED, tagged(FILE)], ids=["304 for everything", "old body under a new date"])
def test_a_cache_that_keeps_the_old_file_beside_the_new_manifest_is_no_feed(tmp_path, stale) -> None:
    declared = {"hash": f"sha256:{hashlib.sha256(b'# New').hexdigest()}"}
    answers = {
        "datapackage_json": [tagged(manifest()), tagged(manifest(**declared), '"2"')],
        "a_md": [tagged(FILE), stale],
    }
    with scripted(**answers) as (address, _):
        first = attempt(tmp_path, f"{address}/datapackage.json")
        assert attempt(tmp_path, f"{address}/datapackage.json", days=1)["code"] == "partial_feed"
    assert [path.stem for path in (tmp_path / "store/snapshots/one").iterdir()] == [first["digest"]]


def test_a_hash_of_a_kind_that_is_not_known_does_not_stand_for_an_end(tmp_path) -> None:
    without_end = b"HTTP/1.0 200 OK\r\n\r\n" + FILE
    for number, (declared, code) in enumerate(
        [({"hash": "crc32:00"}, "partial_feed"), ({}, "partial_feed"), ({"bytes": len(FILE)}, None)]
    ):
        with scripted(datapackage_json=reply(manifest(**declared)), a_md=without_end) as (address, _):
            assert attempt(tmp_path / str(number), f"{address}/datapackage.json").get("code") == code


def test_nothing_is_known_without_a_snapshot(tmp_path) -> None:
    known = Remembered(Store(tmp_path), registration(), "https://hub.example/a.csv", NOW)
    for unknown in (known, Nothing()):
        assert unknown.validator("https://hub.example/a.csv") == {}
        with pytest.raises(KeyError):
            unknown.open("a.csv")
    with pytest.raises(KeyError):
        known.snapshot()
