"""One bucket: what is asked of it, and what each refusal is called."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from pipelines import buckets
from pipelines.buckets import PART_BYTES, Bucket, BucketRefused, BucketUnavailable, Changed, mark_of
from tests.mirrors import SECRET, Door, a_door
from tests.servers import BUCKET
from tests.websites import answer

HEADERS = {"Content-Type": "text/csv; charset=utf-8", "Cache-Control": "no-cache"}


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    with a_door(tmp_path) as opened:
        yield opened


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "RETRIES", 1)
    monkeypatch.setattr(buckets, "ATTEMPTS", 1)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    "address",
    ["packs", "https://a.example", "s3://", "s3://A_B/x", "s3://bucket/../x", "s3://bucket/a b", "gs://bucket"],
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(BucketRefused, match="such as s3://my-bucket/packs"):
        Bucket(address, None, SECRET)


@pytest.mark.parametrize(
    "endpoint", ["minio:9000", "ftp://x", "https://", "https://a:b@c.example", "https://c.example?x"]
)
def test_an_endpoint_that_is_none_is_refused(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRET, "a:b")
    with pytest.raises(BucketRefused, match="the endpoint must be a web address") as refused:
        Bucket("s3://bucket", endpoint, SECRET)
    assert "a:b" not in str(refused.value)


@pytest.mark.parametrize("value", ["", "id", "id:", ":secret"])
def test_a_secret_that_is_none_is_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRET, value)
    with pytest.raises(BucketRefused, match=f"{SECRET} must hold an access key as KEYID:SECRETKEY"):
        Bucket("s3://bucket", None, SECRET)


def test_without_a_key_nobody_is_asked_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in buckets._NEEDED:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(BucketRefused, match="set AWS_ACCESS_KEY_ID"):
        Bucket("s3://bucket")


def test_a_session_token_never_travels_in_the_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRET, "a:b")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    with pytest.raises(BucketRefused, match="in the clear"):
        Bucket("s3://bucket", "http://127.0.0.1:9", SECRET)


def test_the_usual_variables_hold_the_key_too(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    name, _, signing = door.key.partition(":")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", name)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", signing)
    monkeypatch.setenv("AWS_REGION", "eu-west-2")
    assert Bucket(f"s3://{BUCKET}", door.address).listed() == {}


@pytest.mark.parametrize("size", [0, 1, PART_BYTES, PART_BYTES + 1, 3 * PART_BYTES + 7])
def test_files_of_any_size_come_back_as_they_were(door: Door, tmp_path: Path, size: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(data := bytes(range(251)) * (size // 251) + b"x" * (size % 251))
    bucket = door.bucket()
    mark = bucket.put("a b/\u0175+%20.csv", path, size, digest(data), HEADERS)
    assert mark == mark_of(path, size)
    (stored,) = bucket.listed().items()
    assert stored == ("a b/\u0175+%20.csv", buckets.Stored(size, mark))
    assert bucket.read("a b/\u0175+%20.csv", size + 10) == data
    assert bucket.headers("a b/\u0175+%20.csv") == HEADERS
    bucket.delete(["a b/\u0175+%20.csv", "never there"])
    assert (bucket.listed(), bucket.read("a b/\u0175+%20.csv", 1)) == ({}, None)


@pytest.mark.parametrize("size", [10, 2 * PART_BYTES + 1])
def test_a_file_that_is_another_than_was_said_never_becomes_an_object(door: Door, tmp_path: Path, size: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * size)
    with pytest.raises(Changed, match="file"):
        door.bucket().put("a", path, size, digest(b"another"), HEADERS)
    assert door.held() == set()
    assert "Uploads" not in door.client.list_multipart_uploads(Bucket=BUCKET)


def test_of_a_large_object_only_the_beginning_is_read(door: Door) -> None:
    bucket = door.bucket()
    bucket.put("a", data := b"0123456789" * 100_000, len(data), digest(data), HEADERS)
    assert bucket.read("a", 4) == b"0123"


def test_every_upload_carries_its_checksum_for_the_store_to_check(door: Door) -> None:
    told: list[str | None] = []

    def way(request: BaseHTTPRequestHandler, body: bytes) -> bytes:
        told.append(request.headers["x-amz-checksum-sha256"])
        return body

    door.way = way
    door.bucket().put("a", b"hello", 5, digest(b"hello"), HEADERS)
    assert told == ["LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="]


@pytest.mark.parametrize(
    ("status", "code", "kind", "complaint"),
    [
        (403, "InvalidAccessKeyId", BucketRefused, "does not know the access key"),
        (403, "SignatureDoesNotMatch", BucketRefused, "does not know the access key"),
        (400, "ExpiredToken", BucketRefused, "does not know the access key"),
        (403, "AccessDenied", BucketRefused, "may not do this"),
        (403, "RequestTimeTooSkewed", BucketRefused, "set the clock"),
        (404, "NoSuchBucket", BucketRefused, "there is no bucket feeds"),
        (301, "PermanentRedirect", BucketRefused, "set AWS_REGION"),
        (400, "AuthorizationHeaderMalformed", BucketRefused, "set AWS_REGION"),
        (400, "BadDigest", BucketUnavailable, "try again later"),
        (400, "InvalidRequest", BucketRefused, "InvalidRequest"),
        (429, "", BucketUnavailable, "answers 429"),
        (500, "InternalError", BucketUnavailable, "answers 500 InternalError"),
        (503, "SlowDown", BucketUnavailable, "answers 503 SlowDown"),
    ],
)
@pytest.mark.usefixtures("impatient")
def test_each_refusal_has_its_name(door: Door, status: int, code: str, kind: type[Exception], complaint: str) -> None:
    door.way = lambda request, _body: answer(request, status, f"<Error><Code>{code}</Code></Error>".encode())
    bucket = door.bucket()
    asks = [
        bucket.listed,
        lambda: bucket.put("a", b"x", 1, digest(b"x"), HEADERS),
        lambda: bucket.read("a", 1),
        lambda: bucket.delete(["a"]),
    ]
    for ask in asks:
        with pytest.raises(kind, match=complaint) as refused:
            ask()
        assert door.key.partition(":")[2] not in str(refused.value)
        assert "Debug" not in str(refused.value)


@pytest.mark.usefixtures("impatient")
def test_a_store_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRET, "a:b")
    with pytest.raises(BucketUnavailable, match=r"http://127\.0\.0\.1:9 cannot be reached"):
        Bucket("s3://bucket", "http://127.0.0.1:9", SECRET).listed()


@pytest.mark.usefixtures("impatient")
def test_a_store_that_never_answers_is_given_up(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    monkeypatch.setattr(buckets, "WAIT_SECONDS", 0.3)
    over = threading.Event()

    def way(_request: BaseHTTPRequestHandler, _body: bytes) -> None:
        over.wait(10)

    door.way = way
    try:
        with pytest.raises(BucketUnavailable, match="cannot be reached, or breaks off"):
            door.bucket().put("a", b"x", 1, digest(b"x"), HEADERS)
    finally:
        over.set()


@pytest.mark.parametrize("key", ["a//b", "../b", "bell\x07"])
def test_an_object_of_a_name_that_cannot_be_ours_is_named(door: Door, key: str) -> None:
    door.client.put_object(Bucket=BUCKET, Key=f"packs/{key}", Body=b"x")
    with pytest.raises(BucketRefused, match="a name that none of ours has; delete it") as refused:
        door.bucket().listed()
    assert str(refused.value).isprintable()


def test_folders_that_other_tools_leave_are_no_harm(door: Door) -> None:
    for key in ("packs/", "packs/releases/", "packs/releases/2026-11-01.01/"):
        door.client.put_object(Bucket=BUCKET, Key=key, Body=b"")
    assert set(door.bucket().listed()) == {"", "releases", "releases/2026-11-01.01"}
