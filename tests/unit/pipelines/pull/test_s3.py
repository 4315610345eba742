"""Object stores: the signature, the list, and a real server that checks both."""

import socket
import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from pipelines.pull import guard, s3
from pipelines.pull.base import PullFailed
from pipelines.pull.s3 import Key, read_page, signed
from tests import servers
from tests.faults import listening, ok
from tests.remotes import SECRET, Remote, a_bucket, attempt, whole

EXAMPLE = Key("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
"""The key of Amazon's documentation, which opens nothing."""


def test_the_signature_is_that_of_amazons_own_example() -> None:
    address = "https://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J"
    fields = signed(guard.place(address), EXAMPLE, datetime(2013, 5, 24, tzinfo=UTC))
    expected = "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
    assert fields["Authorization"].endswith(f"Signature={expected}")


@pytest.mark.parametrize(
    ("address", "region"),
    [
        ("https://s3.eu-west-2.amazonaws.com/feeds/a%20b/c%2Bd.md", "eu-west-2"),
        ("https://s3.dualstack.eu-west-2.amazonaws.com/feeds?list-type=2&prefix=a%2Fb%3D%20c", "eu-west-2"),
        ("https://s3.amazonaws.com/feeds", "us-east-1"),
        ("http://127.0.0.1:9000/feeds/caf%C3%A9.md", "us-east-1"),
        ("https://s3.hub.example:8443/feeds?list-type=2&prefix=~-_.%26", "us-east-1"),
    ],
)
def test_the_signature_is_that_of_amazons_own_client(address, region) -> None:
    fields = signed(guard.place(address), EXAMPLE, datetime.now(UTC))
    request = AWSRequest("GET", address)
    request.context["timestamp"] = fields["x-amz-date"]
    request.headers["X-Amz-Content-SHA256"] = fields["x-amz-content-sha256"]
    request.headers["X-Amz-Date"] = fields["x-amz-date"]
    theirs = S3SigV4Auth(Credentials(EXAMPLE.id, EXAMPLE.secret), "s3", region)
    told = theirs.string_to_sign(request, theirs.canonical_request(request))
    scope = theirs.scope(request)
    assert f"Credential={scope}," in fields["Authorization"]
    assert fields["Authorization"].endswith(f"Signature={theirs.signature(told, request)}")


def test_names_of_any_kind_over_many_pages_are_asked_for_and_signed(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(s3, "PAGE_KEYS", 2)
    with a_bucket(tmp_path) as there:
        monkeypatch.setenv(SECRET, there.secret)
        names = ["a b.md", "a+b.md", "caf\u00e9.md", "100%.md", "a&b=c.md", "x%20y.md", "~(1)'!*.md", "d/e;f,g@h:i$.md"]
        for name in names:
            (there.folder / name).parent.mkdir(exist_ok=True)
            (there.folder / name).write_text(name)
        there.publish()
        files = whole(tmp_path, attempt(tmp_path, there)["digest"])
    assert {name: files[name].decode() for name in names} == {name: name for name in names}
    assert len(files) == len(names) + 3


def test_a_bucket_that_is_open_to_all_needs_no_secret(tmp_path) -> None:
    (tmp_path / "s3/one").mkdir(parents=True)
    (tmp_path / "s3/one/a.md").write_text("# A\n")
    with servers.s3(tmp_path / "s3") as store:
        store.open_to_all()
        there = Remote(f"s3://{servers.BUCKET}/one", tmp_path, {"private_address": True, "endpoint": store.address})
        assert whole(tmp_path, attempt(tmp_path, there)["digest"]) == {"a.md": b"# A\n"}
        everything = attempt(tmp_path, there, f"s3://{servers.BUCKET}")
        assert set(whole(tmp_path, everything["digest"])) == {"one/a.md"}
        other = attempt(tmp_path, there, "s3://other/one")
        assert (other["code"], "404" in other["detail"]) == ("address_refused", True)


def test_a_key_with_a_wrong_secret_is_refused_by_the_store(tmp_path, monkeypatch) -> None:
    with a_bucket(tmp_path) as there:
        monkeypatch.setenv(SECRET, f"{there.secret.partition(':')[0]}:wr0ng")
        told = attempt(tmp_path, there)
        assert (told["code"], "403" in told["detail"]) == ("address_refused", True)


@pytest.mark.parametrize(
    ("address", "changes", "code"),
    [
        ("s3://KEY:s3cret@feeds/one", {}, "address_refused"),
        ("s3:///one", {}, "address_refused"),
        ("s3://feeds/one?versionId=1", {}, "address_refused"),
        ("s3://[::1/one", {}, "address_refused"),
        ("s3://feeds/one", {"endpoint": "http://store.example"}, "forbidden_address"),
        ("s3://feeds/one", {"endpoint": "https://store.example?a=b"}, "address_refused"),
        ("s3://feeds/one", {"endpoint": "https://169.254.169.254", "private_address": True}, "forbidden_address"),
        ("s3://feeds/one", {"secret": SECRET}, "address_refused"),
    ],
)
def test_what_is_refused_before_anybody_is_asked(tmp_path, monkeypatch, address, changes, code) -> None:
    monkeypatch.setenv(SECRET, "s3cret")  # only half of a key
    told = attempt(tmp_path, Remote(address, tmp_path, changes))
    assert told["code"] == code
    assert "s3cret" not in told["detail"]


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>no</html>",
        b"not xml",
        b"",
        b"\xff\xfe",
        b'<!DOCTYPE a [<!ENTITY b "c">]><ListBucketResult/>',
        '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE a [<!ENTITY b "c">]><ListBucketResult/>'.encode("utf-16"),
        b'<?xml version="1.0" encoding="cp037"?>' + '<!DOCTYPE a [<!ENTITY b "c">]><ListBucketResult/>'.encode("cp037"),
        b"<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
        b"<ListBucketResult><Contents><Key>a</Key><Size>x</Size></Contents></ListBucketResult>",
    ],
)
def test_a_list_that_is_none_is_not_a_feed(answer) -> None:
    with pytest.raises(PullFailed) as refusal:
        read_page(answer)
    assert refusal.value.code == "not_a_feed"


def _listing(pages: list[str]) -> Any:
    """A store that gives one page after the other, and the last for ever."""

    def answer(connection: socket.socket, path: str) -> None:
        page = pages.pop(0) if len(pages) > 1 else pages[0]
        more = "<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>"
        ok(connection, f"<ListBucketResult>{more}{page}</ListBucketResult>".encode())

    return answer


def _entry(key: str, mark: str = "1") -> str:
    return f"<Contents><Key>{key}</Key><Size>1</Size><ETag>{mark}</ETag></Contents>"


ENDLESS = {
    "the same keys": ([_entry("one/a.md")], "not_a_feed"),
    "no keys": ([""], "not_a_feed"),
    "one long key": ([_entry(f"one/{'k' * 1_001}")], "unsafe_path"),
    "one long mark": ([_entry("one/a.md", "1" * 1_001)], "not_a_feed"),
    "a long page": ([_entry("one/a.md") + " " * (2 << 20)], "too_large"),
    "a page of elements": ([_entry("one/a.md") + "<a/>" * 100_000], "not_a_feed"),
    "a page that is deep": ([_entry("one/a.md") + "<a>" * 60_000 + "</a>" * 60_000], "not_a_feed"),
}


@pytest.mark.parametrize(("pages", "code"), ENDLESS.values(), ids=ENDLESS)
def test_a_list_that_only_fills_the_memory_is_left(tmp_path, monkeypatch, pages, code) -> None:
    monkeypatch.setattr(s3, "MAX_PAGES", 20)
    with listening(_listing([_entry("one/b.md"), *pages])) as port:
        changes = {"private_address": True, "endpoint": f"http://127.0.0.1:{port}"}
        told = attempt(tmp_path, Remote("s3://feeds/one", tmp_path, changes))
    assert (told["code"], "20 pages" in told["detail"]) == (code, False)


def test_keys_are_decoded_only_where_the_store_says_that_it_has_encoded_them() -> None:
    page = "<ListBucketResult>{}<Contents><Key>a+b%20c</Key><Size>1</Size></Contents></ListBucketResult>"
    (encoded,) = read_page(page.format("<EncodingType>url</EncodingType>").encode()).objects
    (plain,) = read_page(page.format("").encode()).objects
    assert (encoded["name"], plain["name"]) == ("a b c", "a+b%20c")


def _store(key: str, size: int, body: bytes, etag: str) -> Any:
    page = (
        f"<ListBucketResult><Contents><Key>{key}</Key><Size>{size}</Size><ETag>{etag}</ETag></Contents>"
        "</ListBucketResult>"
    )

    def answer(connection: socket.socket, path: str) -> None:
        if "list-type=2" in path:
            ok(connection, page.encode())
        else:  # without a length: only the list can tell whether it is whole
            connection.sendall(b"HTTP/1.1 200 OK\r\nETag: 1\r\nConnection: close\r\n\r\n" + body)

    return answer


@pytest.mark.parametrize(
    ("key", "size", "etag", "code"),
    [
        ("one/a.md", 5, "1", None),
        ("one/a.md", 9, "1", "unreachable_feed"),
        ("one/a.md", 5, "2", "unreachable_feed"),
        ("one/../../a.md", 5, "1", "unsafe_path"),
        ("/etc/a.md", 5, "1", "unsafe_path"),
        ("one/a.md", 20 << 30, "1", "too_large"),
    ],
)
def test_an_object_is_what_the_list_says_or_it_is_none(tmp_path, key, size, etag, code) -> None:
    with listening(_store(key, size, b"# A\r\n", etag)) as port:
        changes = {"private_address": True, "endpoint": f"http://127.0.0.1:{port}"}
        assert attempt(tmp_path, Remote("s3://feeds/one", tmp_path, changes)).get("code") == code


def test_a_bucket_in_another_region_is_told_from_one_that_is_closed(tmp_path, monkeypatch) -> None:
    def elsewhere(connection: socket.socket, path: str) -> None:
        connection.sendall(b"HTTP/1.1 301 Elsewhere\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    with listening(elsewhere) as port:
        store = f"http://127.0.0.1:{port}"
        other = attempt(tmp_path, Remote("s3://feeds/one", tmp_path, {"private_address": True, "endpoint": store}))
        assert (other["code"], "region" in other["detail"]) == ("address_refused", False)
        monkeypatch.setattr(s3, "AMAZON", store)
        told = attempt(tmp_path, Remote("s3://feeds/one", tmp_path, {"private_address": True}))
        assert (told["code"], "endpoint of the bucket's region" in told["detail"]) == ("address_refused", True)


def test_a_signature_is_not_carried_to_where_a_store_redirects(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv(SECRET, "KEY:s3cret")
    heads: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as other:
        there = f"http://127.0.0.1:{other.getsockname()[1]}/"

        def redirects(connection: socket.socket, path: str) -> None:
            head = f"HTTP/1.1 307 Elsewhere\r\nLocation: {there}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            connection.sendall(head.encode())

        with listening(redirects) as port:

            def serve() -> None:
                connection, _ = other.accept()
                with connection:
                    heads.append(connection.recv(1 << 16))
                    connection.sendall(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

            thread = threading.Thread(target=serve, daemon=True)
            thread.start()
            changes = {"private_address": True, "endpoint": f"http://127.0.0.1:{port}", "secret": SECRET}
            told = attempt(tmp_path, Remote("s3://feeds/one", tmp_path, changes))
            thread.join(5)
    assert told["code"] == "address_refused"
    assert heads[0].startswith(b"GET / ")
    assert b"authorization" not in heads[0].lower()
