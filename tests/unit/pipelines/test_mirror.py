"""What a mirror holds, in which order it comes there, and what is done when something is not as it should be."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpx
import pytest

from pipelines.buckets import Bucket, BucketRefused, BucketUnavailable
from pipelines.files import Busy, only_one
from pipelines.mirror import Mirrored, MirrorRefused
from pipelines.mirror import mirror as mirror_to
from pipelines.publish.pointers import POINTERS
from pipelines.publish.signed import SUMS, sign_release
from tests.builders import KEY, reseal
from tests.mirrors import FIRST, SECOND, SECRET, Door, Reader, a_door, published, two_releases
from tests.servers import BUCKET
from tests.websites import answer

PAGE = f"releases/{FIRST}/en/index.html"


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return two_releases(tmp_path_factory.mktemp("mirrors"))


@pytest.fixture
def first(originals: tuple[Path, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(originals[0], tmp_path / "first", symlinks=True))


@pytest.fixture
def second(originals: tuple[Path, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(originals[1], tmp_path / "second", symlinks=True))


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    with a_door(tmp_path) as opened:
        yield opened


def mirror(public: Path, door: Door) -> Mirrored:
    door.asked.clear()
    return mirror_to(public, door.bucket())


def body(door: Door, key: str) -> bytes:
    return bytes(door.client.get_object(Bucket=BUCKET, Key=f"packs/{key}")["Body"].read())


def put(door: Door, key: str, data: bytes) -> None:
    door.client.put_object(Bucket=BUCKET, Key=f"packs/{key}", Body=data)


def sent(door: Door) -> list[str]:
    return [path.removeprefix(f"/{BUCKET}/packs/") for path in door.puts()]


def test_what_readers_see_is_mirrored_and_nothing_else(first: Path, door: Door) -> None:
    (first / ".env").write_text("not for readers")
    (first / "releases" / FIRST / "stray.html").write_text("not for readers")
    (first / "releases" / ".building-2026-11-02.01").mkdir()
    (first / "releases" / ".building-2026-11-02.01" / "index.html").write_text("not for readers")
    (first / "releases" / "2026-11-02.01").mkdir()  # moved into place, and not shown yet
    done = mirror(first, door)
    expected = published(first)
    del expected[f"releases/{FIRST}/stray.html"]
    assert door.held() == set(expected)
    assert {key: hashlib.sha256(body(door, key)).hexdigest() for key in expected} == expected
    assert (done.release, done.uploaded, done.deleted) == (FIRST, len(expected), 0)


def test_objects_are_answered_as_the_site_is(first: Path, door: Door) -> None:
    mirror(first, door)

    def head(key: str) -> tuple[str, str]:
        told = door.client.head_object(Bucket=BUCKET, Key=f"packs/{key}")
        return told["ContentType"], told["CacheControl"]

    lasting = "public, max-age=31536000, immutable"
    assert head("latest.json") == ("application/json", "no-cache")
    assert head("feed.xml") == ("application/atom+xml", "no-cache")
    assert head(PAGE) == ("text/html; charset=utf-8", lasting)
    assert head(f"releases/{FIRST}/{SUMS}") == ("text/plain; charset=utf-8", lasting)
    assert head(f"releases/{FIRST}/benchmarks/benchmarks.parquet") == ("application/vnd.apache.parquet", lasting)


def test_files_come_before_their_list_and_latest_json_comes_last(first: Path, door: Door) -> None:
    mirror(first, door)
    order = sent(door)
    assert order[-1] == "latest.json"
    release, pointers = order[: -len(POINTERS)], order[-len(POINTERS) :]
    assert set(pointers) == set(POINTERS)
    assert release[-1] == f"releases/{FIRST}/{SUMS}"
    assert set(release[-5:-1]) == {
        f"releases/{FIRST}/{name}"
        for name in (f"{SUMS}.minisig", f"{SUMS}.sshsig", f"{SUMS}.sig", "provenance.intoto.jsonl")
    }


def test_a_second_run_sends_nothing_and_a_new_release_is_all_that_is_sent(
    first: Path, second: Path, door: Door
) -> None:
    mirror(first, door)
    assert (mirror(first, door).uploaded, sent(door)) == (0, [])
    done = mirror(second, door)
    new = {key for key, digest in published(second).items() if published(first).get(key) != digest}
    assert set(sent(door)) == new
    assert not [key for key in new if key.startswith(f"releases/{FIRST}/")]
    assert (done.uploaded, done.releases) == (len(new), 2)


def test_without_its_memory_it_knows_what_is_there_by_the_marks(first: Path, door: Door) -> None:
    mirror(first, door)
    shutil.rmtree(first / ".mirrors")
    door.client.copy_object(
        Bucket=BUCKET,
        Key="packs/index.html",
        CopySource=f"{BUCKET}/packs/index.html",
        ContentType="text/plain",
        MetadataDirective="REPLACE",
    )
    assert (mirror(first, door).uploaded, sent(door)) == (1, ["index.html"])  # the same bytes, answered otherwise
    assert mirror(first, door).uploaded == 0


@pytest.mark.parametrize("damage", [b"", b"\n", b'{"key": "latest.json"}\n', b"[1]\n\xff", b'{"key": "la'])
def test_a_memory_that_is_damaged_costs_time_and_nothing_else(first: Path, door: Door, damage: bytes) -> None:
    mirror(first, door)
    (memory,) = (first / ".mirrors").glob("*.jsonl")
    memory.write_bytes(damage)
    put(door, PAGE, b"damaged")
    assert mirror(first, door).uploaded == 1
    assert mirror(first, door).uploaded == 0


@pytest.mark.parametrize("is_as_long", [True, False])
def test_an_object_that_is_damaged_in_the_store_is_mended(first: Path, door: Door, is_as_long: bool) -> None:
    mirror(first, door)
    good = (first / PAGE).read_bytes()
    put(door, PAGE, good[:-1] + (b"?" if is_as_long else b""))
    door.client.delete_object(Bucket=BUCKET, Key=f"packs/releases/{FIRST}/coverage.json")
    put(door, "latest.json", b"{")
    done = mirror(first, door)
    assert (done.uploaded, set(sent(door))) == (3, {PAGE, f"releases/{FIRST}/coverage.json", "latest.json"})
    assert body(door, PAGE) == good


def test_what_was_taken_out_of_a_release_goes_first_and_its_list_comes_last(second: Path, door: Door) -> None:
    mirror(second, door)
    release = second / "releases" / FIRST
    gone = next(path for path in sorted((release / "en/records").glob("*.html")))
    manifest = json.loads((release / "release.json").read_text())
    name = gone.relative_to(release).as_posix()
    manifest["files"] = [file for file in manifest["files"] if file["path"] != name]
    (release / "release.json").write_text(json.dumps(manifest))
    lines = (release / SUMS).read_text().splitlines(keepends=True)
    (release / SUMS).write_text("".join(line for line in lines if not line.endswith(f"  {name}\n")))
    gone.unlink()
    (release / "en/index.html").write_text("issued anew")
    reseal(release, "en/index.html")
    done = mirror(second, door)
    assert done.deleted == 1
    assert f"releases/{FIRST}/{name}" not in door.held()
    changes = [line for line in door.asked if line.startswith(("PUT", "POST"))]
    assert changes[0].startswith("POST")  # deletes
    order = sent(door)
    assert PAGE in order
    assert order[-1] == f"releases/{FIRST}/{SUMS}"
    assert not [key for key in order if SECOND in key]
    assert door.held() == set(published(second))


def test_releases_that_are_not_published_any_more_are_deleted_after_the_pointers(second: Path, door: Door) -> None:
    put(door, "releases/2026-10-01.01/en/index.html", b"of an old release")
    put(door, "releases/notes.txt", b"not ours")
    put(door, "favicon.ico", b"not ours")
    door.client.put_object(Bucket=BUCKET, Key="packs-of-others/releases/2026-10-01.01/a", Body=b"not ours")
    done = mirror(second, door)
    assert done.deleted == 1
    assert door.held() == {*published(second), "favicon.ico", "releases/notes.txt"}
    assert door.held("packs-of-others") == {"releases/2026-10-01.01/a"}
    writes = [line for line in door.asked if line.startswith(("PUT", "POST"))]
    assert writes[-2:] == [f"PUT /{BUCKET}/packs/latest.json", f"POST /{BUCKET}"]


def test_an_older_folder_never_takes_the_place_of_a_newer_one(first: Path, second: Path, door: Door) -> None:
    mirror(second, door)
    with pytest.raises(MirrorRefused, match=f"shows release {SECOND}"):
        mirror(first, door)
    assert door.held() == set(published(second))


def test_an_older_issue_of_a_release_never_brings_back_what_was_taken_out(second: Path, door: Door) -> None:
    mirror(second, door)
    told = json.loads(body(door, "releases.json"))
    told["releases"][-1]["issue"] = 2
    put(door, "releases.json", json.dumps(told).encode())
    with pytest.raises(MirrorRefused, match=f"shows issue 2 of release {FIRST}, and the public folder has issue 1"):
        mirror(second, door)
    assert json.loads(body(door, "releases.json")) == told


@pytest.mark.parametrize("told", [b"[", b"[]", b'{"releases": 3}', b'{"releases": [1, {"issue": 9}, {"release": []}]}'])
def test_a_damaged_list_of_releases_is_mended(second: Path, door: Door, told: bytes) -> None:
    mirror(second, door)
    put(door, "releases.json", told)
    assert (mirror(second, door).uploaded, sent(door)) == (1, ["releases.json"])


def test_a_folder_without_a_release_changes_nothing(tmp_path: Path, first: Path, door: Door) -> None:
    mirror(first, door)
    with pytest.raises(MirrorRefused, match="nothing is published here yet"):
        mirror(tmp_path / "nothing", door)
    assert not (tmp_path / "nothing").exists()
    assert door.held() == set(published(first))


# The folder is not as it should be.


def damage_page(release: Path) -> None:
    path = release / "en/index.html"
    path.write_bytes(path.read_bytes()[:-1] + b"?")


def shorten_list(release: Path) -> None:
    path = release / SUMS
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:20]))


def list_hidden(release: Path) -> None:
    (release / ".env").write_text("secret")
    with (release / SUMS).open("a") as file:
        file.write(f"{hashlib.sha256(b'secret').hexdigest()}  .env\n")
    sign_release(release, KEY)


def list_outside(release: Path) -> None:
    with (release / SUMS).open("a") as file:
        file.write(f"{'0' * 64}  ../../../secret\n")
    sign_release(release, KEY)


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (damage_page, "en/index.html is not as SHA256SUMS lists it"),
        (shorten_list, "SHA256SUMS.minisig"),
        (list_hidden, r"lists \.env"),
        (list_outside, r"lists \.\./"),
        (lambda release: (release / "coverage.json").unlink(), "coverage.json: No such file"),
        (lambda release: (release / SUMS).write_text("no list"), "not a line of checksums"),
        (lambda release: (release.parents[1] / ".current").unlink(), "nothing is published"),
        (lambda release: (release.parents[1] / "latest.json").resolve().write_text("{}"), "pointers cannot be read"),
        (lambda release: (release.parents[1] / "releases.json").resolve().write_text('{"releases": []}'), "do not fit"),
    ],
)
def test_a_damaged_folder_is_named_and_takes_nothing_away(first, second, door, damage, complaint) -> None:
    mirror(first, door)
    before = door.held()
    damage(second / "releases" / SECOND)
    with pytest.raises(MirrorRefused, match=complaint):
        mirror(second, door)
    assert before <= door.held()
    assert json.loads(body(door, "latest.json"))["release"] == FIRST


def test_a_list_that_was_cut_short_deletes_nothing(second: Path, door: Door) -> None:
    mirror(second, door)
    shorten_list(second / "releases" / FIRST)
    with pytest.raises(MirrorRefused, match="run hubpacks verify"):
        mirror(second, door)
    assert door.held() >= {f"releases/{FIRST}/coverage.json", PAGE}


def test_a_file_that_is_a_link_is_carried_as_what_it_leads_to(first: Path, door: Door, tmp_path: Path) -> None:
    page = first / PAGE
    page.rename(tmp_path / "page.html")
    page.symlink_to(tmp_path / "page.html")
    mirror(first, door)
    assert body(door, PAGE) == (tmp_path / "page.html").read_bytes()


def test_two_mirrors_of_a_folder_are_not_at_work_at_once(first: Path, door: Door) -> None:
    with only_one(first / ".mirrors" / ".lock"), pytest.raises(Busy):
        mirror(first, door)


def test_a_release_that_is_issued_anew_while_it_is_mirrored_is_read_again(first: Path, door: Door) -> None:
    release = first / "releases" / FIRST
    changes = [lambda: (release / "en/index.html").write_text("issued anew"), lambda: reseal(release, "en/index.html")]

    def way(request: BaseHTTPRequestHandler, data: bytes) -> bytes:
        if request.command == "PUT" and changes:  # after the first look, before the page is sent
            while changes:
                changes.pop(0)()
        return data

    door.way = way
    mirror(first, door)
    assert body(door, PAGE) == b"issued anew"
    assert {key: hashlib.sha256(body(door, key)).hexdigest() for key in door.held()} == published(first)


# The store is not as it should be.


def test_answers_that_may_pass_are_asked_for_again(first: Path, door: Door) -> None:
    chance = random.Random(3)
    refused: list[int] = []

    def way(request: BaseHTTPRequestHandler, data: bytes) -> bytes | None:
        if chance.random() < 0.15:
            refused.append(status := chance.choice([500, 503, 429]))
            answer(request, status, b"<Error><Code>SlowDown</Code></Error>")
            return None
        return data

    door.way = way
    mirror(first, door)
    assert len(set(refused)) == 3
    assert door.held() == set(published(first))


def test_another_program_that_deletes_meanwhile_is_noticed_before_anything_is_shown(first: Path, door: Door) -> None:
    def way(request: BaseHTTPRequestHandler, data: bytes) -> bytes:
        if request.command == "PUT" and request.path.endswith(f"/{SUMS}"):
            door.client.delete_object(Bucket=BUCKET, Key=f"packs/{PAGE}")
        return data

    door.way = way
    with pytest.raises(MirrorRefused, match=r"en/index\.html is not there as it was sent"):
        mirror(first, door)
    assert "latest.json" not in door.held()


def test_a_store_that_goes_away_in_the_middle_is_told_and_the_next_run_goes_on(first, door, monkeypatch) -> None:
    monkeypatch.setattr("pipelines.buckets.RETRIES", 0)
    monkeypatch.setattr("pipelines.buckets.ATTEMPTS", 1)

    def way(request: BaseHTTPRequestHandler, data: bytes) -> bytes | None:
        if len(door.puts()) > 40:
            return answer(request, 503, b"")
        return data

    good, door.way = door.way, way
    with pytest.raises(BucketUnavailable, match="answers 503: try again later"):
        mirror(first, door)
    door.way = good
    there = len(door.held())
    assert 20 < there <= 40
    assert mirror(first, door).uploaded == len(published(first)) - there


def test_a_bucket_that_was_deleted_is_named(first: Path, door: Door) -> None:
    mirror(first, door)
    for key in door.held():
        door.client.delete_object(Bucket=BUCKET, Key=f"packs/{key}")
    door.client.delete_bucket(Bucket=BUCKET)
    with pytest.raises(BucketRefused, match="there is no bucket feeds"):
        mirror(first, door)


def test_a_bucket_that_is_deleted_in_the_middle_is_named(first: Path, door: Door) -> None:
    def way(request: BaseHTTPRequestHandler, data: bytes) -> bytes | None:
        if len(door.puts()) > 20:
            return answer(request, 404, b"<Error><Code>NoSuchBucket</Code></Error>")
        return data

    door.way = way
    with pytest.raises(BucketRefused, match="there is no bucket feeds"):
        mirror(first, door)


def test_the_reader_of_these_tests_notices_what_is_wrong(tmp_path: Path, first: Path) -> None:
    with a_door(tmp_path / "open", is_open=True) as door, httpx.Client() as client:
        mirror(first, door)
        reader = Reader(door.site(), random.Random(1))
        listed = len((first / "releases" / FIRST / SUMS).read_text().splitlines())
        reader.look(client, listed)
        assert reader.wrong == []
        put(door, PAGE, b"damaged")
        door.client.delete_object(Bucket=BUCKET, Key=f"packs/releases/{FIRST}/coverage.json")
        reader.look(client, listed)
        assert sorted(reader.wrong) == [f"{FIRST}/coverage.json: 404", f"{FIRST}/en/index.html: another sum"]


def test_no_secret_stands_in_what_is_kept_or_said(first: Path, door: Door) -> None:
    mirror(first, door)
    secret = door.key.partition(":")[2]
    assert secret not in "".join(path.read_text() for path in (first / ".mirrors").iterdir())
    assert secret not in repr(vars(Bucket(f"s3://{BUCKET}", door.address, SECRET)))
