"""Servers of hostile hubs, each on a port of its own and in a way of its own. Whatever they send names ``MARK``."""

from __future__ import annotations

import gzip
import io
import json
import os
import socket
import struct
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from itertools import count

from tests.badfeeds import descriptor, study_text

MARK = "Zwielicht"
"""A word that stands in everything they send, so that a release which has it has published them."""
DRIP_SECONDS = 1.0
_PIECE = 64 << 10

Way = Callable[[socket.socket, str], None]
"""Answers one request for a path on an open connection, which is closed afterwards."""

WAYS: dict[str, tuple[str, Way]] = {}
"""By name: the address at which the hub is registered, without its port, and how its server answers."""


def way(path: str = "/datapackage.json", scheme: str = "http") -> Callable[[Way], Way]:
    """Enter a way to be hostile."""

    def enter(function: Way) -> Way:
        WAYS[function.__name__] = (f"{scheme}://127.0.0.1:{{}}{path}", function)
        return function

    return enter


def ok(
    connection: socket.socket, body: bytes, *headers: str, length: int | None = None, status: str = "200 OK"
) -> None:
    """Answer with ``body``, and say that it has ``length`` bytes."""
    connection.sendall(reply(body, *headers, status=status, length=length))


def reply(body: bytes = b"", *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    """A whole answer, byte for byte, that says that its body has ``length`` bytes."""
    size = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status}", "Connection: close", f"Content-Length: {size}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def chunked(body: bytes, *headers: str, size: int = 64) -> bytes:
    """A whole answer in chunks of ``size`` bytes."""
    lines = ["HTTP/1.1 200 OK", "Connection: close", "Transfer-Encoding: chunked", *headers, "", ""]
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return "\r\n".join(lines).encode() + b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in [*pieces, b""])


def manifest(path: str = "a.md") -> bytes:
    return descriptor(path, name=MARK).encode()


def study(**changes: str) -> bytes:
    return study_text(**{"title": MARK, "body": f"{MARK}. " * 50} | changes).encode()


def feed(connection: socket.socket, path: str) -> None:
    """Nothing is wrong with this one."""
    ok(connection, manifest() if path.endswith(".json") else study())


@cache
def packed(name: str, content: bytes) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("datapackage.json", manifest(name))
        archive.writestr(name, content)
    return data.getvalue()


def drip(connection: socket.socket, data: bytes) -> None:
    """A byte now and then, for ever."""
    while True:
        for byte in data:
            connection.sendall(bytes([byte]))
            time.sleep(DRIP_SECONDS)


# Those that take their time.


@way()
def never_answers(connection: socket.socket, path: str) -> None:
    connection.settimeout(600)
    connection.recv(1)


@way()
def body_drips(connection: socket.socket, path: str) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 90000000\r\n\r\n")
    drip(connection, manifest())


@way()
def headers_drip(connection: socket.socket, path: str) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    drip(connection, b"X-More: of the same\r\n")


@way()
def file_drips(connection: socket.socket, path: str) -> None:
    if path.endswith(".json"):
        return feed(connection, path)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 90000000\r\n\r\n")
    return drip(connection, study())


@way()
def stops_half_way(connection: socket.socket, path: str) -> None:
    if path.endswith(".json"):
        return feed(connection, path)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n" + study())
    return never_answers(connection, path)


@way()
def slow_but_steady(connection: socket.socket, path: str) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        connection.sendall(b"400\r\n" + MARK[0].encode() * 1024 + b"\r\n")
        time.sleep(DRIP_SECONDS)


@way("/feed.csv")
def endless_body(connection: socket.socket, path: str) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:  # as fast as a slow line: past every floor, and never at an end
        connection.sendall(
            b"%x\r\n" % _PIECE + (MARK.encode() + b",") * (_PIECE // 10) + b"\n" * (_PIECE % 10) + b"\r\n"
        )
        time.sleep(0.05)


@way(scheme="https")
def tls_nonsense(connection: socket.socket, path: str) -> None:
    drip(connection, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc")


# Those that break off or lie about what they send.


@way()
def cut_in_the_manifest(connection: socket.socket, path: str) -> None:
    ok(connection, manifest()[:40], length=len(manifest()))


@way()
def cut_in_a_file(connection: socket.socket, path: str) -> None:
    if path.endswith(".json"):
        return feed(connection, path)
    return ok(connection, study()[:300], length=len(study()))


@way()
def reset_in_a_file(connection: socket.socket, path: str) -> None:
    if path.endswith(".json"):
        return feed(connection, path)
    ok(connection, study()[:300], length=len(study()))
    return connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@way()
def length_too_short(connection: socket.socket, path: str) -> None:
    ok(connection, manifest() if path.endswith(".json") else study(), length=40)


@way()
def cut_in_a_chunk(connection: socket.socket, path: str) -> None:
    if path.endswith(".json"):
        return feed(connection, path)
    return connection.sendall(chunked(study())[:-100])


@way()
def cut_between_chunks(connection: socket.socket, path: str) -> None:
    if path.endswith(".json"):
        return feed(connection, path)
    return connection.sendall(chunked(study()).removesuffix(b"0\r\n\r\n"))


@way("/feed.csv")
def cut_without_a_length(connection: socket.socket, path: str) -> None:
    connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + b"title,body\n" + MARK.encode())


@way("/feed.csv")
def cut_while_packed(connection: socket.socket, path: str) -> None:
    ok(connection, gzip.compress(study())[:-10], "Content-Encoding: gzip")


@way()
def chunks_that_lie(connection: socket.socket, path: str) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n" + manifest())


@way()
def two_lengths(connection: socket.socket, path: str) -> None:
    ok(connection, manifest(), "Content-Length: 12")


@way()
def not_modified_although_nobody_asked(connection: socket.socket, path: str) -> None:
    connection.sendall(b'HTTP/1.1 304 Not Modified\r\nETag: "always the same"\r\n\r\n')


@way()
def wrong_hash(connection: socket.socket, path: str) -> None:
    data = json.loads(manifest())
    data["resources"][0] |= {"hash": "sha256:" + "00" * 32, "bytes": len(study())}
    ok(connection, json.dumps(data).encode() if path.endswith(".json") else study())


@way()
def half_a_part(connection: socket.socket, path: str) -> None:
    ok(connection, manifest()[:60], f"Content-Range: bytes 0-59/{len(manifest())}", status="206 Partial Content")


@way()
def not_http(connection: socket.socket, path: str) -> None:
    connection.sendall(b"SSH-2.0-" + MARK.encode() + b"\r\n" + os.urandom(1000))


@way()
def endless_head(connection: socket.socket, path: str) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X-More: " + MARK.encode() * 100 + b"\r\n")


@way()
def endless_promises(connection: socket.socket, path: str) -> None:
    while True:
        connection.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000)


@way()
def another_protocol(connection: socket.socket, path: str) -> None:
    connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
    drip(connection, manifest())


@way()
def packed_as_nobody_asked(connection: socket.socket, path: str) -> None:
    ok(connection, manifest(), "Content-Encoding: br")


# Those that say something else.


@way()
def log_in_page(connection: socket.socket, path: str) -> None:
    ok(connection, f"<!DOCTYPE html><html><form>Log in to {MARK}</form></html>".encode(), "Content-Type: text/html")


@way()
def always_500(connection: socket.socket, path: str) -> None:
    ok(connection, MARK.encode(), status="500 Internal Server Error")


@way()
def come_back_tomorrow(connection: socket.socket, path: str) -> None:
    ok(connection, b"", "Retry-After: 86400", status="429 Too Many Requests")


@way()
def come_back_in_a_minute(connection: socket.socket, path: str) -> None:
    ok(connection, b"", "Retry-After: 60", status="503 Service Unavailable")


@way()
def come_back_never(connection: socket.socket, path: str) -> None:
    """The number of the zone overflows what C holds."""
    ok(connection, b"", "Retry-After: Thu, 01 Jan 2026 10:00:00 +99999999999999999999", status="503 Busy")


@way()
def redirects_in_a_circle(connection: socket.socket, path: str) -> None:
    ok(connection, b"", f"Location: {path}", status="302 Found")


@way()
def redirects_to_the_cloud(connection: socket.socket, path: str) -> None:
    ok(connection, b"", "Location: http://169.254.169.254/latest/meta-data/", status="302 Found")


@way()
def redirects_inside(connection: socket.socket, path: str) -> None:
    ok(connection, b"", "Location: http://127.0.0.2:22/a.md", status="307 Temporary Redirect")


@way()
def redirects_to_nonsense(connection: socket.socket, path: str) -> None:
    ok(connection, b"", "Location: http://[::1/" + MARK, status="302 Found")


@way()
def redirects_further_and_further(connection: socket.socket, path: str) -> None:
    ok(connection, b"", f"Location: {path}{path}", status="301 Moved Permanently")


@way()
def redirects_to_a_file(connection: socket.socket, path: str) -> None:
    ok(connection, b"", "Location: file:///etc/passwd", status="302 Found")


_turns = count()


@way()
def flapping(connection: socket.socket, path: str) -> None:
    """The manifest comes, and for a file an error or nothing at all, in turn."""
    if path.endswith(".json"):
        feed(connection, path)
    elif next(_turns) % 2:
        ok(connection, b"", status="502 Bad Gateway")


# Bombs, and what harms who unpacks it.


@cache
def bomb() -> bytes:
    return gzip.compress(bytes(20 << 20)) * 20


@way()
def gzip_bomb(connection: socket.socket, path: str) -> None:
    ok(connection, bomb(), "Content-Encoding: gzip")


@way("/feed.zip")
def zip_bomb(connection: socket.socket, path: str) -> None:
    ok(connection, packed("a.csv", bytes(100 << 20)))


@way("/feed.zip")
def paths_that_lead_out(connection: socket.socket, path: str) -> None:
    ok(connection, packed("../../a.md", study()))


@way()
def huge_manifest(connection: socket.socket, path: str) -> None:
    paths = [f"{MARK}-{number}.md" for number in range(400_000)]
    ok(connection, json.dumps(json.loads(manifest()) | {"resources": [{"name": "a", "path": paths}]}).encode())


@way()
def files_elsewhere(connection: socket.socket, path: str) -> None:
    ok(connection, manifest("http://127.0.0.1:22/a.md") if path.endswith(".json") else study())


def _path_only(answer: Way) -> Callable[[socket.socket, bytes], None]:
    def with_head(connection: socket.socket, head: bytes) -> None:
        words = head.split(b" ", 2)
        answer(connection, words[1].decode("latin-1") if len(words) > 2 else "")

    return with_head


def _listen(answer: Callable[[socket.socket, bytes], None]) -> socket.socket:
    """Give every connection and the head of its first request to ``answer``."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=64)

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(600)
            answer(connection, connection.recv(_PIECE))

    def accept() -> None:
        with suppress(OSError):  # closed at the end
            while True:
                connection, _ = listening.accept()
                threading.Thread(target=serve, args=[connection], daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listening


def _stop(listening: socket.socket) -> None:
    """Take no more connections. Closing alone does not wake the thread that waits for one."""
    with suppress(OSError):
        listening.shutdown(socket.SHUT_RDWR)
    listening.close()


@dataclass(frozen=True)
class Request:
    """What a server was asked. ``headers`` by their names in lower case."""

    method: str
    path: str
    headers: dict[str, str]


@contextmanager
def scripted(**answers: bytes | list[bytes]) -> Iterator[tuple[str, list[Request]]]:
    """A server that answers a request for ``/name`` with the bytes under that name (a hyphen or a dot there is an
    underscore here), and hangs up; of a list with one after the other, the last for ever. Gives its address and what
    it was asked.
    """
    asked: list[Request] = []
    left = {name: list(given) if isinstance(given, list) else [given] for name, given in answers.items()}

    def answer(connection: socket.socket, head: bytes) -> None:
        first, *lines = head.decode("latin-1").split("\r\n\r\n")[0].split("\r\n")
        method, path, _ = first.split(" ")
        asked.append(Request(method, path, {n.lower(): v for n, _, v in (line.partition(": ") for line in lines)}))
        script = left.get(path.partition("?")[0].strip("/").translate(str.maketrans("-./", "___")))
        if script is None:
            connection.sendall(reply(b"no such file", status="404 Not Found"))
        else:
            connection.sendall(script.pop(0) if len(script) > 1 else script[0])

    server = _listen(answer)
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}", asked
    finally:
        _stop(server)


@contextmanager
def listening(answer: Way) -> Iterator[int]:
    """A server that answers so while the block runs; gives its port."""
    server = _listen(_path_only(answer))
    try:
        yield server.getsockname()[1]
    finally:
        _stop(server)


@contextmanager
def hostile_hubs(number: int) -> Iterator[dict[str, str]]:
    """So many hostile hubs while the block runs, spread evenly over all ways: their addresses by name."""
    servers, addresses = [], {}
    ways = list(WAYS.items())
    try:
        for index in range(number):
            name, (address, answer) = ways[index * len(ways) // number]
            servers.append(_listen(_path_only(answer)))
            addresses[f"{name.replace('_', '-')}-{index}"] = address.format(servers[-1].getsockname()[1])
        yield addresses
    finally:
        for server in servers:
            _stop(server)
