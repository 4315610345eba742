"""The network by itself: what is asked, how often, how long it may take, and who may see the hub's secret."""

import email.utils
import gzip
import logging
import socket
import ssl
import tempfile
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from pipelines.pull import network as pull_network
from pipelines.pull.base import PullFailed, Unreachable
from pipelines.pull.network import REDIRECTS, Answered, Limits, Network, TookTooLong, Trip
from tests import faults
from tests.faults import chunked, reply, scripted
from tests.feeds import registration
from tests.websites import answer, serving, website

QUICK = Limits(attempts=3, connect_seconds=5, read_seconds=5, wait_seconds=0.01, retry_after_seconds=0.5)
CLOCK = datetime(2026, 10, 1, 10, 0, 0, 700_000, tzinfo=UTC)
BODY = b"title,body\n" + b"a row,of some words\n" * 10


def a_trip(network: Network, address: str, **changes: object) -> Trip:
    return network.trip(registration(**{"private_address": True} | changes), address)


def got(address: str, limits: Limits = QUICK, **changes: object) -> bytes:
    """The body of the answer."""
    with (
        Network(limits, clock=lambda: CLOCK) as network,
        network.get(a_trip(network, address, **changes), address) as answer,
    ):
        return answer.body.read()


def failed(address: str, limits: Limits = QUICK, **changes: object) -> PullFailed:
    with pytest.raises(PullFailed) as failure:
        got(address, limits, **changes)
    return failure.value


# What is whole.


@pytest.mark.parametrize(
    ("whole", "code"),
    [
        (reply(BODY), "partial_feed"),
        (chunked(BODY), "partial_feed"),
        (reply(gzip.compress(BODY), "Content-Encoding: gzip"), "partial_feed"),
        (chunked(gzip.compress(BODY), "Content-Encoding: gzip"), "partial_feed"),
    ],
    ids=["length", "chunks", "gzip", "gzip in chunks"],
)
def test_an_answer_cut_at_any_byte_is_no_answer(whole, code) -> None:
    head = whole.index(b"\r\n\r\n") + 4
    cuts = [*range(0, len(whole), 3), head - 1, head, len(whole) - 2, len(whole) - 1, len(whole)]
    with scripted(a_csv=[whole[:cut] for cut in cuts]) as (address, _):
        for cut in cuts[:-1]:
            failure = failed(f"{address}/a.csv", Limits(attempts=1))
            assert isinstance(failure, Unreachable)
            assert failure.code == (code if cut >= head else "unreachable_feed"), cut
        assert got(f"{address}/a.csv") == BODY


def test_bytes_behind_the_declared_end_make_the_answer_unreliable() -> None:
    with scripted(a_csv=reply(BODY, length=len(BODY) - 5)) as (address, asked):
        failure = failed(f"{address}/a.csv")
        assert (failure.code, "more than" in failure.detail) == ("partial_feed", True)
    assert len(asked) == 3


def test_a_disk_that_takes_no_more_is_our_fault(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(pull_network, "SPOOL_BYTES", 100)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with scripted(a_csv=reply(BODY)) as (address, asked):
        failure = failed(f"{address}/a.csv")
    assert (failure.code, "temporary file" in failure.detail, len(asked)) == ("pull_failed", True, 1)


@pytest.mark.parametrize(
    ("body", "coding"),
    [
        (gzip.compress(BODY, mtime=0), "gzip"),
        (gzip.compress(BODY[:50], mtime=0) + gzip.compress(BODY[50:], mtime=0), "X-GZIP"),
        (zlib.compress(BODY), "deflate"),
        (zlib.compress(BODY, wbits=-15), "deflate"),
        (BODY, "identity"),
    ],
)
def test_what_is_packed_though_nobody_asked_is_unpacked(body, coding) -> None:
    with scripted(a_csv=reply(body, f"Content-Encoding: {coding}")) as (address, asked):
        assert got(f"{address}/a.csv") == BODY
    assert asked[0].headers["accept-encoding"] == "identity"


def test_a_bomb_is_refused_at_once_and_asked_for_once() -> None:
    bomb = gzip.compress(bytes(20 << 20))
    with scripted(a_csv=reply(bomb, "Content-Encoding: gzip")) as (address, asked):
        assert failed(f"{address}/a.csv").code == "too_large"
        assert len(asked) == 1


def test_an_answer_has_no_more_bytes_than_it_may() -> None:
    with scripted(a_csv=reply(BODY)) as (address, asked), Network(QUICK) as network:
        trip = a_trip(network, address)
        with network.get(trip, f"{address}/a.csv", most_bytes=len(BODY)) as response:
            assert response.body.read() == BODY
        with (
            pytest.raises(PullFailed, match="more than"),
            network.get(trip, f"{address}/a.csv", most_bytes=len(BODY) - 1),
        ):
            pass
    assert len(asked) == 2


# What is asked again.


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_what_may_pass_is_asked_again(status) -> None:
    with scripted(a_csv=[reply(status=f"{status} No"), reply(status=f"{status} No"), reply(BODY)]) as (address, asked):
        assert got(f"{address}/a.csv") == BODY
    assert [(request.method, request.path) for request in asked] == [("GET", "/a.csv")] * 3


@pytest.mark.parametrize("status", [204, 206, 300, 304, 400, 401, 403, 404, 405, 410, 416, 451, 501, 505])
def test_what_will_not_pass_is_asked_once(status) -> None:
    with scripted(a_csv=reply(status=f"{status} No")) as (address, asked):
        failure = failed(f"{address}/a.csv")
    assert isinstance(failure, Answered)
    assert (failure.status, failure.code, len(asked)) == (status, "address_refused", 1)


def test_a_short_wish_is_waited_for() -> None:
    """At 10:00:00.7 the server wants to be asked again at 10:00:01."""
    at = email.utils.format_datetime(CLOCK.replace(second=1, microsecond=0), usegmt=True)
    with scripted(a_csv=[reply(b"", f"Retry-After: {at}", status="503 Busy"), reply(BODY)]) as (address, asked):
        began = time.monotonic()
        assert got(f"{address}/a.csv") == BODY
        assert time.monotonic() - began >= 0.3
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("wish", "hours"),
    [
        ("7200", 2),
        ("99999999999999999999", 24),
        (email.utils.format_datetime(CLOCK.replace(microsecond=0) + timedelta(hours=3)), 3),
        ((CLOCK + timedelta(hours=3)).astimezone(timezone(timedelta(hours=5))).strftime("%a, %d %b %Y %T +0500"), 3),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 24),
    ],
)
def test_a_long_wish_ends_the_attempts_and_is_for_a_day_at_most(wish, hours) -> None:
    with scripted(a_csv=reply(b"", f"Retry-After: {wish}", status="429 Slow down")) as (address, asked):
        failure = failed(f"{address}/a.csv")
    assert len(asked) == 1
    assert isinstance(failure, Unreachable)
    assert failure.retry_at is not None
    assert abs(failure.retry_at - CLOCK - timedelta(hours=hours)) < timedelta(seconds=1)


@pytest.mark.parametrize("wish", ["", "soon", "-5", "1e9", "٣", "Thu, 01 Jan 2026 10:00:00 +" + "9" * 20])
def test_a_wish_that_nobody_understands_is_none(wish) -> None:
    with scripted(a_csv=reply(b"", f"Retry-After: {wish}", status="503 Busy")) as (address, asked):
        failure = failed(f"{address}/a.csv")
    assert isinstance(failure, Unreachable)
    assert (failure.retry_at, len(asked)) == (None, 3)


# How long it may take.


@pytest.mark.parametrize(
    ("way", "limits", "reason"),
    [
        ("never_answers", Limits(attempts=2, read_seconds=0.5, wait_seconds=0.01), "sent nothing for too long"),
        ("body_drips", Limits(floor_seconds=0.5), "bytes a second"),
        ("headers_drip", Limits(floor_seconds=0.5), "bytes a second"),
        ("slow_but_steady", Limits(floor_bytes=1 << 20, floor_seconds=0.5), "bytes a second"),
        ("slow_but_steady", Limits(floor_bytes=1, minute=0.05), "took over 10 minutes"),
        ("never_answers", Limits(minute=0.05), "took over 10 minutes"),
    ],
)
def test_each_limit_of_time_is_kept_and_named(monkeypatch, way, limits, reason) -> None:
    monkeypatch.setattr(faults, "DRIP_SECONDS", 0.01)
    came: list[str] = []

    def counting(connection: socket.socket, path: str) -> None:
        came.append(path)
        faults.WAYS[way][1](connection, path)

    with faults.listening(counting) as port:
        began = time.monotonic()
        failure = failed(f"http://127.0.0.1:{port}/a.csv", limits)
        assert time.monotonic() - began < 10
    assert (failure.code, reason in failure.detail) == ("unreachable_feed", True), failure.detail
    # Who is slow is slow the next time too; who says nothing may have been restarting.
    assert len(came) == (2 if reason.startswith("sent nothing") else 1)


def test_a_fast_answer_outlives_the_floor() -> None:
    """The floor is an average: what came fast may pause."""

    def pausing(connection: socket.socket, _path: str) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100001\r\n\r\n" + bytes(100_000))
        time.sleep(1.2)
        connection.sendall(b"1")

    with faults.listening(pausing) as port:
        body = got(f"http://127.0.0.1:{port}/a.csv", Limits(floor_seconds=1, floor_bytes=20_000))
    assert len(body) == 100_001


def test_in_a_hurry_work_is_told_from_idleness(monkeypatch) -> None:
    monkeypatch.setattr(faults, "DRIP_SECONDS", 0.01)
    limits = Limits(hurry_seconds=1, hurry_bytes=1_000_000)
    with scripted(a_csv=reply(BODY)) as (address, asked), Network(limits) as network:
        trip = a_trip(network, address)
        network.hurry()
        until = time.monotonic() + 3  # three times what an idle one has
        while time.monotonic() < until:
            with network.get(trip, f"{address}/a.csv"):
                pass
        assert len(asked) > 3
        with (
            faults.listening(faults.WAYS["slow_but_steady"][1]) as port,
            pytest.raises(TookTooLong, match="nothing else"),
            network.get(a_trip(network, address), f"http://127.0.0.1:{port}/a.csv"),
        ):
            pass


# Where redirects lead.


def test_redirects_are_counted_together() -> None:
    hops = {f"hop{n}": reply(b"", f"Location: hop{n + 1}", status="302 Found") for n in range(REDIRECTS + 1)}
    with scripted(**hops | {f"hop{REDIRECTS + 1}": reply(BODY)}) as (address, asked):
        assert got(f"{address}/hop1") == BODY
        assert len(asked) == REDIRECTS + 1
        assert failed(f"{address}/hop0").code == "address_refused"
    assert asked[-1].path == f"/hop{REDIRECTS}"


@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("http://169.254.169.254/latest/meta-data/", "forbidden_address"),
        ("http://[::ffff:169.254.169.254]/", "forbidden_address"),
        ("http://2852039166/", "forbidden_address"),
        ("http://127.0.0.2:22/", "forbidden_address"),
        ("http://10.0.0.1/", "forbidden_address"),
        ("//192.168.0.1/", "forbidden_address"),
        ("ftp://127.0.0.1/", "forbidden_address"),
        ("file:///etc/passwd", "forbidden_address"),
        ("http://me@127.0.0.1/", "address_refused"),
        ("http://[", "address_refused"),
        ("http://127.0.0.1:99999/", "address_refused"),
    ],
)
def test_a_redirect_is_checked_as_the_address_itself(location, code) -> None:
    with scripted(a_csv=reply(b"", f"Location: {location}", status="307 Go")) as (address, asked):
        assert failed(f"{address}/a.csv").code == code
    assert len(asked) == 1


def test_a_redirect_in_plain_utf_8_is_understood() -> None:
    moved = reply(status="301 Moved").replace(b"\r\n\r\n", "\r\nLocation: /à la carte.csv\r\n\r\n".encode())
    with scripted(a_csv=moved) as (address, asked):
        assert failed(f"{address}/a.csv").code == "address_refused"
    assert asked[-1].path == "/%C3%A0%20la%20carte.csv"


# Who may see the secret.


def test_the_secret_goes_to_its_own_origin_alone(monkeypatch) -> None:
    monkeypatch.setenv("HUB_TOKEN", "s3cret")
    with scripted(b_csv=reply(BODY)) as (other, asked_there):
        away = reply(b"", f"Location: {other}/b.csv", status="302 Found")
        with scripted(a_csv=away, c_csv=reply(BODY)) as (address, asked):
            assert got(f"{address}/a.csv", secret="HUB_TOKEN") == BODY
            assert got(f"{address}/c.csv", secret="HUB_TOKEN") == BODY
    assert [request.headers.get("authorization") for request in asked] == ["Bearer s3cret"] * 2
    assert [request.headers.get("authorization") for request in asked_there] == [None]


def test_a_signature_is_for_the_address_it_was_made_for() -> None:
    moved = reply(b"", "Location: b.csv", status="302 Found")
    with scripted(a_csv=moved, b_csv=reply(BODY)) as (address, asked), Network(QUICK) as network:
        signed = {"Authorization": "AWS4-HMAC-SHA256 of a.csv", "X-Amz-Date": "20261001T100000Z"}
        with network.get(a_trip(network, address), f"{address}/a.csv", headers=signed) as response:
            assert response.body.read() == BODY
    assert [request.headers.get("authorization") for request in asked] == [signed["Authorization"], None]


@pytest.mark.parametrize(
    "location",
    [
        "/s3cret",
        "http://s3cret.invalid/",
        "http://S3CRET.invalid/",
        "ftp://h/s3cret",
        "http://[s3cret/",
        "/%s3cret?s3cret#s3cret",
        "http://10.0.0.1/s3cret",
    ],
)
def test_a_server_that_sends_the_secret_back_does_not_get_it_into_our_words(monkeypatch, caplog, location) -> None:
    monkeypatch.setenv("HUB_TOKEN", "s3cret")
    caplog.set_level(logging.DEBUG)
    answers = [reply(b"", status="500 s3cret"), reply(b"s3cret", f"Location: {location}", status="302 s3cret")]
    with scripted(a_csv=answers) as (address, _):
        failure = failed(f"{address}/a.csv", secret="HUB_TOKEN")
    assert "s3cret" not in f"{failure.told(registration(secret='HUB_TOKEN'))} {caplog.text}".lower()
    assert "attempt=1" in caplog.text


@pytest.mark.parametrize("secret", ["two\nlines", "snow ☃"])
def test_a_secret_that_is_no_token_is_refused(monkeypatch, secret) -> None:
    monkeypatch.setenv("HUB_TOKEN", secret)
    failure = failed("https://hub.example/a.csv", secret="HUB_TOKEN")
    assert (failure.code, "HUB_TOKEN" in failure.detail, secret in failure.detail) == ("address_refused", True, False)


# Connections that stay open.


def test_one_connection_serves_one_request_after_the_other(tmp_path) -> None:
    ports: list[int] = []
    with website(tmp_path) as site, Network(QUICK) as network:

        def note(request: BaseHTTPRequestHandler) -> None:
            ports.append(request.client_address[1])
            answer(request, 404 if len(ports) == 2 else 200, b"x")

        site.special["GET /a.csv"] = note
        for _ in range(4):
            try:
                with network.get(a_trip(network, site.address), f"{site.address}/a.csv"):
                    pass
            except Answered as error:
                assert error.status == 404  # noqa: PT017 - one of the four
    assert len(ports) == 4
    assert len(set(ports)) == 1


def test_a_connection_that_the_server_has_closed_is_not_held_against_it() -> None:
    still_open = reply(BODY).replace(b"Connection: close\r\n", b"")
    with scripted(a_csv=still_open) as (address, asked), Network(Limits(attempts=1)) as network:
        for _ in range(3):
            with network.get(a_trip(network, address), f"{address}/a.csv") as response:
                assert response.body.read() == BODY
    assert len(asked) == 3


def test_an_answer_that_nobody_asked_for_is_not_the_next_ones() -> None:
    """On a host that hubs share, one could else answer for another."""

    is_had, is_sent = threading.Event(), threading.Event()

    def kept_open(body: bytes) -> bytes:
        return reply(body).replace(b"Connection: close\r\n", b"")

    def answering_twice(connection: socket.socket, _path: str) -> None:
        connection.sendall(kept_open(BODY))
        if not is_sent.is_set():
            is_had.wait(10)
            connection.sendall(kept_open(b"nobody asked"))
            is_sent.set()
        connection.recv(1)

    with faults.listening(answering_twice) as port, Network(QUICK) as network:
        address = f"http://127.0.0.1:{port}/a.csv"
        for _ in range(2):
            with network.get(a_trip(network, address), address) as response:
                assert response.body.read() == BODY
            is_had.set()
            assert is_sent.wait(10)


def test_an_open_connection_is_no_way_around_the_check(tmp_path) -> None:
    """One hub may go inside and has left a connection open; another, whose name leads to the same place, may not."""
    with website(tmp_path) as site, Network(QUICK, resolver=lambda _host, _port: ["127.0.0.1"]) as network:
        address = f"http://inner.example:{site.address.rpartition(':')[2]}/a.csv"
        site.special["GET /a.csv"] = lambda request: answer(request, 200, BODY)
        with network.get(a_trip(network, address), address) as response:
            assert response.body.read() == BODY
        for trip in (a_trip(network, address, private_address=False), a_trip(network, "http://other.example/")):
            with pytest.raises(PullFailed) as refusal, network.get(trip, address):
                pass
            assert refusal.value.code == "forbidden_address"
        assert len(site.asked) == 1


def test_a_name_is_looked_up_once_for_a_connection_and_that_number_is_used(tmp_path) -> None:
    """A name that leads inside only when it is looked up again is never looked up again."""
    asked: list[str] = []

    def rebinding(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

    with website(tmp_path) as site, Network(QUICK, resolver=rebinding) as network:
        address = f"http://hub.example:{site.address.rpartition(':')[2]}/a.csv"
        site.special["GET /a.csv"] = lambda request: answer(request, 200, BODY)
        with network.get(a_trip(network, address), address) as response:
            assert response.body.read() == BODY
    assert asked == ["hub.example"]


def test_connect_gives_a_socket_to_a_checked_number_only(tmp_path) -> None:
    with website(tmp_path) as site, Network(QUICK) as network:
        port = int(site.address.rpartition(":")[2])
        with network.connect("localhost", port, "localhost") as sock:
            assert sock.getpeername()[0] == "127.0.0.1"
            assert sock.gettimeout() == QUICK.read_seconds
        with pytest.raises(PullFailed, match="private"):
            network.connect("localhost", port, None)
        assert site.asked == []


def test_requests_wait_for_their_hosts_turn_and_not_for_other_hosts(tmp_path) -> None:
    """All turns of one host are taken by answers that do not come: another host is asked at once, and the wait does
    not count against the time of the pull that waited: a second for its turn and as long for its answer are more than
    the 1.6 that it has.
    """
    release = threading.Event()

    def slowly(request: BaseHTTPRequestHandler) -> None:
        time.sleep(1)
        answer(request, 200, BODY)

    def held(request: BaseHTTPRequestHandler) -> None:
        release.wait(20)
        answer(request, 200, BODY)

    limits = Limits(per_host=2, minute=0.2)
    with website(tmp_path) as busy, website(tmp_path) as free, Network(limits) as network:
        busy.special["GET /held.csv"] = held
        busy.special["GET /a.csv"] = slowly
        free.special["GET /a.csv"] = lambda request: answer(request, 200, BODY)
        done: list[str] = []

        def ask(address: str, minutes: int) -> None:
            with network.get(a_trip(network, address, time_limit_minutes=minutes), address):
                done.append(address)

        takers = [threading.Thread(target=ask, args=[f"{busy.address}/held.csv", 100]) for _ in range(2)]
        waiter = threading.Thread(target=ask, args=[f"{busy.address}/a.csv", 8])
        for taker in takers:
            taker.start()
        try:
            until = time.monotonic() + 10
            while len(busy.asked) < 2 and time.monotonic() < until:
                time.sleep(0.01)
            assert len(busy.asked) == 2
            waiter.start()
            ask(f"{free.address}/a.csv", 10)
            assert done == [f"{free.address}/a.csv"]
            with pytest.raises(TookTooLong, match="busy"):
                ask(f"{busy.address}/a.csv", 5)
        finally:
            release.set()
        for thread in (*takers, waiter):
            thread.join()
    assert done.count(f"{busy.address}/a.csv") == 1


def test_whoever_is_led_to_a_server_leaves_turns_to_those_whose_it_is(tmp_path) -> None:
    release = threading.Event()

    def held(request: BaseHTTPRequestHandler) -> None:
        release.wait(20)
        answer(request, 200, BODY)

    with website(tmp_path) as own, website(tmp_path) as other, Network(Limits(per_host=2)) as network:
        own.special["GET /held.csv"] = held
        own.special["GET /a.csv"] = lambda request: answer(request, 200, BODY)
        other.special["GET /a.csv"] = lambda request: answer(request, 302, b"", Location=f"{own.address}/held.csv")

        def ask(address: str) -> None:
            with network.get(a_trip(network, address), address):
                pass

        guests = [threading.Thread(target=ask, args=[f"{other.address}/a.csv"]) for _ in range(2)]
        for guest in guests:
            guest.start()
        try:
            until = time.monotonic() + 10
            while (len(own.asked) < 1 or len(other.asked) < 2) and time.monotonic() < until:
                time.sleep(0.01)
            owner = threading.Thread(target=ask, args=[f"{own.address}/a.csv"], daemon=True)
            owner.start()
            owner.join(10)
            assert sorted(own.asked) == ["GET /a.csv", "GET /held.csv"]
        finally:
            release.set()
        for thread in (*guests, owner):
            thread.join()


def test_waiting_for_others_is_no_idleness_in_a_hurry() -> None:
    with Network(Limits(hurry_seconds=1)) as network:
        trip = a_trip(network, "http://127.0.0.1/a.csv")
        network.hurried_at = time.monotonic() - 100
        trip.waited(1_000)  # most of it before the hurry
        assert 0 < trip.left() <= 1
        with pytest.raises(TookTooLong, match="nothing else"):
            a_trip(network, "http://127.0.0.1/a.csv").left()


# TLS.


@contextmanager
def secure_site(folder: Path, location: str | None = None) -> Iterator[tuple[str, ssl.SSLContext]]:
    """A server with a certificate for 127.0.0.1 that it has made itself, and what a client needs to believe it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hub.example")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    unencrypted = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, unencrypted)
    (folder / "both.pem").write_bytes(pem + certificate.public_bytes(serialization.Encoding.PEM))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self, 302, b"", Location=location) if location else answer(self, 200, BODY)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "both.pem")
    with serving(Handler, context) as address:
        yield address, ssl.create_default_context(cafile=folder / "both.pem")


def test_a_certificate_is_believed_or_the_hub_is_not_asked(tmp_path) -> None:
    with secure_site(tmp_path) as (address, believing):
        with (
            Network(QUICK, tls=believing) as network,
            network.get(a_trip(network, address), f"{address}/a.csv") as response,
        ):
            assert response.body.read() == BODY
        failure = failed(f"{address}/a.csv")
        assert (failure.code, "its certificate" in failure.detail) == ("address_refused", True)
        with Network(QUICK, tls=believing, resolver=lambda _host, _port: ["127.0.0.1"]) as network:
            elsewhere = address.replace("127.0.0.1", "other.example")
            with pytest.raises(PullFailed, match="certificate"), network.get(a_trip(network, elsewhere), elsewhere):
                pass


def test_no_redirect_leads_from_https_to_http(tmp_path) -> None:
    with scripted(a_csv=reply(BODY)) as (plain, asked), secure_site(tmp_path, f"{plain}/a.csv") as (address, believing):
        with (
            Network(QUICK, tls=believing) as network,
            pytest.raises(PullFailed) as refusal,
            network.get(a_trip(network, address), address),
        ):
            pass
        assert refusal.value.code == "forbidden_address"
        assert asked == []
