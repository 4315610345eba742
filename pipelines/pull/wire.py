"""One HTTP/1.1 exchange over one socket, and the sockets that stay open between exchanges.

``h11`` is used by itself, without a client on top of it: every byte that comes passes one ``recv`` here, which knows
how long the hub may still take; an open socket is handed on only after its peer has been checked again; and bytes
behind the declared end of a body, which clients hide, show here. What an answer means is for ``network``.
"""

from __future__ import annotations

import select
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Iterator, Mapping
from typing import Protocol

import h11

from pipelines.pull.base import MAX_RATIO
from pipelines.pull.guard import Place

MAX_HEAD_BYTES = 64 << 10
MAX_PROMISES = 20
"""Heads with a status of 1xx before the answer's own."""
_RECV_BYTES = 64 << 10
_UNPACK_BYTES = 1 << 20


class Broken(Exception):
    """The connection could not be had, or broke before the answer's body."""


class Cut(Broken):
    """The answer's body is not whole."""


class Slow(Broken):
    """The server took longer than it may. ``is_final`` when there is no time for another attempt."""

    def __init__(self, reason: str, is_final: bool = False) -> None:
        super().__init__(reason)
        self.is_final = is_final


class TooMuch(Exception):
    """The answer is larger than it may be."""


class Pace(Protocol):
    """How long a server may still take."""

    def seconds(self) -> float:
        """For the next wait, more than 0. Raises Slow."""

    def received(self, count: int) -> None:
        """Told of bytes that came. Raises TooMuch."""


class Connection:
    """One connection to ``peer`` (the number of a machine), which may serve one exchange after the other."""

    def __init__(self, sock: socket.socket, peer: str) -> None:
        self.peer = peer
        self.idle_since = 0.0
        self._socket = sock
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)

    def ask(self, place: Place, headers: Mapping[str, str], pace: Pace) -> h11.Response:
        """Send a GET and give the head of the answer. Raises Broken."""
        try:
            named = {"Host": place.host_header, **headers}
            fields = [(name.encode(), value.encode("latin-1")) for name, value in named.items()]
            request = h11.Request(method="GET", target=place.target, headers=fields)
            data = (self._http.send(request) or b"") + (self._http.send(h11.EndOfMessage()) or b"")
            self._socket.settimeout(pace.seconds())
            self._socket.sendall(data)
            for _ in range(MAX_PROMISES + 1):
                if isinstance(event := self._event(pace), h11.Response):
                    return event
                if isinstance(event, h11.ConnectionClosed):
                    raise Broken("closed the connection without an answer")
            raise Broken("promises an answer again and again, and gives none")
        except h11.ProtocolError as error:
            # Not what h11 says of it: that quotes the server, and the server may quote the hub's secret.
            raise Broken("does not answer as HTTP wants it") from error
        except OSError as error:
            raise _broken(error, pace) from error

    def body(self, pace: Pace) -> Iterator[bytes]:
        """The bytes of the body, to its end. Raises Cut when the end does not come, or is not where it was said."""
        try:
            while not isinstance(event := self._event(pace), h11.EndOfMessage):
                if isinstance(event, h11.Data):
                    yield bytes(event.data)
        except h11.ProtocolError as error:
            raise Cut("ended its answer before the declared end") from error
        except TimeoutError as error:
            raise _broken(error, pace) from error
        except OSError as error:
            raise Cut(f"broke off within its answer ({_words(error)})") from error
        if self._http.trailing_data[0].strip(b"\r\n"):
            raise Cut("sent more than the declared length of its answer")

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def recycle(self) -> bool:
        """Make ready for another exchange; False when that cannot be."""
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        self.idle_since = time.monotonic()
        return True

    def is_quiet(self) -> bool:
        """Whether nothing has come since the last exchange: neither an end nor bytes that nobody asked for."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return not poll.poll(0)

    def _event(self, pace: Pace) -> object:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._socket.settimeout(pace.seconds())
            data = self._socket.recv(_RECV_BYTES)
            pace.received(len(data))
            self._http.receive_data(data)
        return event


def _broken(error: OSError, pace: Pace) -> Broken:
    if isinstance(error, TimeoutError):
        pace.seconds()  # raises when it was not the single wait that took too long
        return Slow("sent nothing for too long")
    return Broken(f"broke off ({_words(error)})")


def _words(error: OSError) -> str:
    return error.strerror or type(error).__name__


def connected(numbers: list[str], port: int, seconds: float) -> tuple[socket.socket, str]:
    """A socket to the first of ``numbers`` that answers, and which; ``seconds`` in all. Raises Broken."""
    last: OSError | None = None
    for number in numbers:
        try:
            return socket.create_connection((number, port), seconds / len(numbers)), number
        except OSError as error:
            last = error
    if isinstance(last, TimeoutError):
        raise Slow("did not take the connection in time") from last
    raise Broken(f"takes no connection ({_words(last) if last else 'no address'})") from last


def secured(sock: socket.socket, context: ssl.SSLContext, host: str, seconds: float) -> ssl.SSLSocket:
    """The same connection with TLS, the certificate checked for ``host``; ``seconds`` for the whole handshake, as
    Python counts it. Raises Broken, ssl.SSLCertVerificationError.
    """
    sock.settimeout(seconds)
    try:
        return context.wrap_socket(sock, server_hostname=host)
    except ssl.SSLCertVerificationError:
        sock.close()
        raise
    except TimeoutError as error:
        sock.close()
        raise Slow("did not answer about TLS in time") from error
    except OSError as error:
        sock.close()
        raise Broken(f"does not agree on TLS ({_words(error)})") from error


class Idle:
    """Open connections between exchanges, by origin. Thread-safe."""

    def __init__(self, most: int, seconds: float) -> None:
        self._most, self._seconds = most, seconds
        self._lock = threading.Lock()
        self._by_origin: dict[tuple[str, str, int], list[Connection]] = {}

    def take(self, origin: tuple[str, str, int]) -> Connection | None:
        """One that can be used, None when there is none."""
        while True:
            with self._lock:
                waiting = self._by_origin.get(origin)
                if not waiting:
                    return None
                connection = waiting.pop()
            if time.monotonic() - connection.idle_since < self._seconds and connection.is_quiet():
                return connection
            connection.close()

    def put(self, origin: tuple[str, str, int], connection: Connection) -> None:
        """Keep one for the next exchange; the one that has waited longest makes room."""
        if not connection.recycle():
            connection.close()
            return
        with self._lock:
            self._by_origin.setdefault(origin, []).append(connection)
            every = [(kept.idle_since, where) for where, some in self._by_origin.items() for kept in some]
            oldest = self._by_origin[min(every)[1]].pop(0) if len(every) > self._most else None
            self._by_origin = {where: some for where, some in self._by_origin.items() if some}
        if oldest is not None:
            oldest.close()

    def close(self) -> None:
        """Close them all."""
        with self._lock:
            kept, self._by_origin = self._by_origin, {}
        for connection in (connection for some in kept.values() for connection in some):
            connection.close()


def unpacked(chunks: Iterator[bytes], coding: str) -> Iterator[bytes]:
    """The bytes of a body whose Content-Encoding is ``coding`` (identity, gzip or deflate), piece by piece.

    Raises Cut when what is packed is damaged or ends early, TooMuch for a bomb.
    """
    if coding == "identity":
        yield from chunks
        return
    packed = size = 0

    def counted() -> Iterator[bytes]:
        nonlocal packed
        for chunk in chunks:
            packed += len(chunk)
            yield chunk

    try:
        for piece in _pieces(counted(), coding):
            size += len(piece)
            if size > _UNPACK_BYTES and size > MAX_RATIO * packed:
                raise TooMuch(f"sent an answer that unpacks to over {MAX_RATIO} times its size")
            yield piece
    except zlib.error as error:
        raise Cut("sent a packed answer that is damaged") from error


def _pieces(chunks: Iterator[bytes], coding: str) -> Iterator[bytes]:
    unpacker = None
    for chunk in chunks:
        left = chunk
        while left:
            if unpacker is None or unpacker.eof:  # gzip files may stand one behind the other
                unpacker = _unpacker(coding, left)
            yield unpacker.decompress(left, _UNPACK_BYTES)
            left = unpacker.unconsumed_tail or unpacker.unused_data
    while unpacker is not None and not unpacker.eof:
        if not (piece := unpacker.decompress(b"", _UNPACK_BYTES)):
            raise Cut("sent a packed answer that ends early")
        yield piece


def _unpacker(coding: str, head: bytes) -> zlib._Decompress:
    if coding != "deflate":
        return zlib.decompressobj(zlib.MAX_WBITS | 16)
    # By the standard deflate has zlib's head (RFC 9110, 8.4.1.2), which some servers leave out.
    has_head = len(head) > 1 and head[0] & 0x0F == zlib.DEFLATED and (head[0] << 8 | head[1]) % 31 == 0
    return zlib.decompressobj(zlib.MAX_WBITS if has_head else -zlib.MAX_WBITS)
