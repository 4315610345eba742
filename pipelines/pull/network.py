"""The network, as all pulls of a run share it: where they may go, how fast a server must be, how often it is asked.

What the answers mean for a feed is for the connectors. Nothing here knows of files or the store.
"""

from __future__ import annotations

import contextlib
import email.utils
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import IO, TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from hubs.registration import Registration
from pipelines import logs
from pipelines.pull import guard
from pipelines.pull.base import MAX_FEED_BYTES, PullFailed, Unreachable, hidden, keeping, shown, token

if TYPE_CHECKING:
    import h11
    from tenacity import RetryCallState, Retrying

    from pipelines.pull import wire

LOG = logs.get("pull")

ATTEMPTS = 3
CONNECT_SECONDS = 10.0
READ_SECONDS = 20.0
"""For one wait, without a byte."""
FLOOR_BYTES = 16 << 10
FLOOR_SECONDS = 30.0
"""From here on an answer must have brought ``FLOOR_BYTES`` a second."""
HURRY_BYTES = 1 << 20
HURRY_SECONDS = 60.0
HURRY_SECONDS_AN_ANSWER = 0.25
"""Once a run waits for stragglers only, each has ``HURRY_SECONDS`` left, a second more for ``HURRY_BYTES`` that it
brings, and this for each answer, so that many small files are work and not idleness."""
FIRST_WAIT_SECONDS, WAIT_SECONDS = 0.5, 10.0
"""Pauses between attempts that we choose: the first is shorter than the one, none longer than the other."""
RETRY_AFTER_SECONDS = 20.0
"""The longest wait between attempts that a server may choose; when it wants more, it is not asked again in this run."""
LONGEST_AWAY = timedelta(hours=24)
"""So long a server's wish not to be asked again is honoured."""
REDIRECTS = 5
PER_HOST = 4
"""Requests and conversations at once with one host and port, whoever's feeds are there."""
IDLE_CONNECTIONS = 32
IDLE_SECONDS = 15.0
SPOOL_BYTES = 8 << 20
"""Up to here an answer stays in memory, beyond it goes to a temporary file."""
_HEAD_ALLOWANCE_BYTES = 1 << 20
"""For heads and the framing of chunks, on top of what a body may have."""

_PASSED_OVER_BYTES = 64 << 10
"""Of an answer that is no feed."""
_CODINGS = {"identity", "gzip", "x-gzip", "deflate"}
_ENDS = ("content-length", "transfer-encoding", "content-encoding")
"""Heads that say, or packings that show, where a body ends."""

_OK, _NOT_MODIFIED = 200, 304
_REDIRECTS = {301, 302, 303, 307, 308}
_RETRYABLE = {408, 425, 429, 500, 502, 503, 504}
_VALIDATORS = {"etag": "If-None-Match", "last-modified": "If-Modified-Since"}


@dataclass(frozen=True)
class Limits:
    """What a server may take of our time and patience. The constants above say what each means."""

    attempts: int = ATTEMPTS
    connect_seconds: float = CONNECT_SECONDS
    read_seconds: float = READ_SECONDS
    floor_bytes: int = FLOOR_BYTES
    floor_seconds: float = FLOOR_SECONDS
    hurry_bytes: int = HURRY_BYTES
    hurry_seconds: float = HURRY_SECONDS
    wait_seconds: float = WAIT_SECONDS
    retry_after_seconds: float = RETRY_AFTER_SECONDS
    per_host: int = PER_HOST
    minute: float = 60.0
    """Seconds of a minute of ``time_limit_minutes``."""


class Answered(PullFailed):
    """The server answered with a ``status`` that says no."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__("address_refused", detail)
        self.status = status


@dataclass(frozen=True)
class Response:
    """A whole answer. ``status`` is 200, or 304 when a validator was sent; ``address`` is where it came from in the
    end; ``headers`` by their names in lower case; ``body`` stands at its beginning, unpacked. ``has_end`` is False
    where the server told neither a length nor an end, so that nobody can know whether the body is whole.
    """

    status: int
    address: str
    headers: Mapping[str, str]
    body: IO[bytes]
    has_end: bool

    @property
    def is_not_modified(self) -> bool:
        """Whether the answer is what it was when its validator was given."""
        return self.status == _NOT_MODIFIED

    @property
    def validator(self) -> dict[str, str]:
        """What the server gave to ask by the next time; empty when nothing."""
        return {name: self.headers[name] for name in _VALIDATORS if name in self.headers}


class Trip:
    """One pull's way through the network: what holds for all of its requests, and how long they may take together."""

    def __init__(self, network: Network, registration: Registration, address: str) -> None:
        """The pull of ``address``, whose host alone may be private, if the registration allows it."""
        try:
            parts = urlsplit(address)
        except ValueError as error:
            raise PullFailed("address_refused", f"not a web address: {error}") from error
        self.allowed_host = parts.hostname if registration.private_address else None
        self.hub = registration.id
        self._token = token(registration) if parts.scheme in guard.DEFAULT_PORTS else None
        self._own = guard.place(address) if parts.scheme in guard.DEFAULT_PORTS else None
        if self._token and parts.scheme != "https" and not registration.private_address:
            raise PullFailed("forbidden_address", "the hub's secret would travel unencrypted; it needs https")
        self._network, self._limits = network, network.limits
        self._ends = time.monotonic() + registration.time_limit_minutes * self._limits.minute
        self._minutes = registration.time_limit_minutes
        self._earned = 0.0
        self._earned_before_hurry: float | None = None
        self._waited_in_hurry = 0.0

    def left(self) -> float:
        """Seconds that the pull may still take, more than 0. Raises Unreachable when it took too long."""
        now = time.monotonic()
        if now >= self._ends:
            raise TookTooLong(f"the pull took over {self._minutes} minutes")
        left = self._ends - now
        if (hurried := self._network.hurried_at) is not None:
            if self._earned_before_hurry is None:
                self._earned_before_hurry = self._earned
            earned = self._earned - self._earned_before_hurry
            left = min(left, hurried + self._limits.hurry_seconds + earned + self._waited_in_hurry - now)
            if left <= 0:
                raise TookTooLong("the pull was slow, and the run waited for nothing else")
        return left

    def shown(self, address: str) -> str:
        """``address`` without what may be secret in it."""
        return self.without_token(shown(address))

    def without_token(self, text: str) -> str:
        """``text`` without the hub's secret, which a server may send back in a redirect, as a path or as a host."""
        return hidden(text, self._token)

    def token_for(self, place: guard.Place) -> dict[str, str]:
        """The header with the hub's secret, where ``place`` may see it."""
        is_own = self._own is not None and place.origin == self._own.origin
        return {"Authorization": f"Bearer {self._token}"} if self._token and is_own else {}

    def waited(self, seconds: float) -> None:
        """Add what was spent until now waiting for other hubs' requests: that is not this hub's doing."""
        self._ends += seconds
        if (hurried := self._network.hurried_at) is not None:
            self._waited_in_hurry += min(seconds, time.monotonic() - hurried)

    def is_guest(self, host: str, port: int) -> bool:
        """Whether a redirect has led to this server, which is not the one of the pull's own address."""
        return self._own is not None and (host, port) != (self._own.host, self._own.port)

    def turn(self, host: str, port: int) -> contextlib.AbstractContextManager[None]:
        """The right to one request to that server, or to one conversation with it. Raises Unreachable."""
        return self._network.turn(self, host, port)

    def received(self, count: int) -> None:
        """Count bytes that came."""
        self._earned += count / self._limits.hurry_bytes

    def answered(self) -> None:
        """Count an answer that is whole."""
        self._earned += HURRY_SECONDS_AN_ANSWER


class TookTooLong(Unreachable):
    """There is no time for another attempt in this run."""


class _Wait(Unreachable):
    """The server wants to be asked again after some ``seconds``."""

    def __init__(self, detail: str, seconds: float) -> None:
        super().__init__(detail)
        self.seconds = seconds


class _Pace:
    """How long one answer may still take (``wire.Pace``)."""

    def __init__(self, trip: Trip, limits: Limits, most_bytes: int) -> None:
        self._trip, self._limits = trip, limits
        self._most = most_bytes + _HEAD_ALLOWANCE_BYTES
        self._started, self._received = time.monotonic(), 0

    def seconds(self) -> float:
        from pipelines.pull import wire

        left = self._trip.left()
        floor_ends = self._started + max(self._limits.floor_seconds, self._received / self._limits.floor_bytes)
        until_floor = floor_ends - time.monotonic()
        if until_floor <= 0:
            raise wire.Slow(f"sent less than {self._limits.floor_bytes:,} bytes a second", is_final=True)
        return min(left, until_floor, self._limits.read_seconds)

    def received(self, count: int) -> None:
        from pipelines.pull import wire

        self._received += count
        self._trip.received(count)
        if self._received > self._most:
            raise wire.TooMuch(f"has more than {self._most - _HEAD_ALLOWANCE_BYTES:,} bytes")


@dataclass(frozen=True)
class _Request:
    """What is asked, at each address on the way to the answer."""

    trip: Trip
    fields: Mapping[str, str]
    is_conditional: bool
    body: IO[bytes]
    most_bytes: int


class Network:
    """The network of one run. Thread-safe; used in a ``with`` block, at whose end all connections are closed."""

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        resolver: guard.Resolver = guard.ask_system,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.limits = limits or Limits()
        self.hurried_at: float | None = None
        self._resolver, self._tls, self._clock = resolver, tls, clock
        self._lock = threading.Lock()
        self._turns: dict[tuple[str, int], tuple[threading.Semaphore, threading.Semaphore]] = {}
        self._idle: wire.Idle | None = None

    def __enter__(self) -> Network:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._idle is not None:
            self._idle.close()

    def hurry(self) -> None:
        """From now on nothing else is waited for but the pulls that are under way."""
        if self.hurried_at is None:
            self.hurried_at = time.monotonic()

    def trip(self, registration: Registration, address: str) -> Trip:
        """Begin a pull of ``address``. Its time runs from here. Raises PullFailed, about the registration's secret."""
        return Trip(self, registration, address)

    def resolve(self, host: str, port: int, allowed_host: str | None) -> list[str]:
        """The numbers (IPv4 or IPv6 addresses) of ``host``, every one of them checked: connect to these and to no
        others. ``allowed_host`` alone may be private.

        Raises PullFailed (``forbidden_address``, ``unreachable_feed``); Unreachable when asking again may help.
        """
        return guard.resolve(self._resolver, host.lower(), port, allowed_host)

    def connect(self, host: str, port: int, allowed_host: str | None) -> socket.socket:
        """A connection to ``host`` at a checked number, with the time-out for single waits set. Raises PullFailed."""
        from pipelines.pull import wire

        numbers = self.resolve(host, port, allowed_host)
        try:
            sock, _ = wire.connected(numbers, port, self.limits.connect_seconds)
        except wire.Broken as error:
            raise Unreachable(f"{host}:{port} {error}") from error
        sock.settimeout(self.limits.read_seconds)
        return sock

    @contextlib.contextmanager
    def get(
        self,
        trip: Trip,
        address: str,
        *,
        validator: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        most_bytes: int = MAX_FEED_BYTES,
    ) -> Iterator[Response]:
        """The whole answer of ``address`` to a GET, with the token where it may go.

        With a ``validator`` (``Response.validator`` of an earlier answer) the answer may be that nothing has changed.
        Passing failures are tried again with growing pauses, and redirects are followed.

        Raises PullFailed: ``Answered`` for a status that says no, ``forbidden_address``, ``too_large``, ``not_a_feed``
        for an answer that is packed in a way nobody asked for; Unreachable after the last attempt, with the code
        ``partial_feed`` when a body was not whole.
        """
        conditions = {_VALIDATORS[name]: value for name, value in (validator or {}).items() if name in _VALIDATORS}
        fields = {"User-Agent": "hubpacks", "Accept": "*/*", "Accept-Encoding": "identity", **(headers or {})}
        with tempfile.SpooledTemporaryFile(SPOOL_BYTES) as body:
            request = _Request(trip, fields | conditions, bool(conditions), body, most_bytes)
            yield self.retrying(trip)(self._follow, request, address)

    def retrying(self, trip: Trip) -> Retrying:
        """Calls a function again, with growing pauses, after failures that may pass (Unreachable). The last is raised,
        or the first that leaves no time for another attempt in this run.
        """
        # What waits between attempts takes long to import, and a run over folders needs none of it.
        from tenacity import Retrying, retry_if_exception, stop_after_attempt

        return Retrying(
            retry=retry_if_exception(_may_pass),
            stop=stop_after_attempt(self.limits.attempts),
            wait=self._pause,
            sleep=lambda seconds: time.sleep(min(seconds, trip.left())),
            before_sleep=lambda state: _log_attempt(trip, state),
            reraise=True,
        )

    def _follow(self, request: _Request, address: str) -> Response:
        """One answer at the end of all redirects."""
        trip, scheme = request.trip, ""
        for _ in range(REDIRECTS + 1):
            place = guard.place(address)
            if scheme == "https" and place.scheme == "http":
                raise PullFailed("forbidden_address", f"{trip.shown(address)}: a redirect from https to http")
            scheme = place.scheme
            response = self._exchange(request, address, place)
            if response.status in _REDIRECTS and "location" in response.headers:
                address = _joined(address, response.headers["location"])
                # A signature was made for the first address alone, and is nobody else's.
                own = {name: value for name, value in request.fields.items() if name != "Authorization"}
                request = replace(request, fields=own)
                LOG.info("pull_redirected", hub=trip.hub, host=trip.without_token(logs.host_of(address)))
                continue
            if response.status == _OK or (response.is_not_modified and request.is_conditional):
                trip.answered()
                return response
            raise self._refusal(trip, response)
        raise PullFailed("address_refused", f"more than {REDIRECTS} redirects, to {trip.shown(address)}")

    def _exchange(self, request: _Request, address: str, place: guard.Place) -> Response:
        """One answer, whatever its status. Its body is kept when it is what was asked for."""
        from pipelines.pull import wire

        trip, body, where = request.trip, request.body, request.trip.shown(address)
        body.seek(0)
        body.truncate()
        try:
            with self.turn(trip, place.host, place.port):
                pace = _Pace(trip, self.limits, request.most_bytes)
                connection, head = self._asked(trip, place, {**request.fields, **trip.token_for(place)}, pace)
                try:
                    headers = _headers(head)
                    if head.status_code == _OK:
                        _receive(
                            wire.unpacked(connection.body(pace), _coding(where, headers)), body, request.most_bytes
                        )
                    else:
                        _pass_over(connection, pace)
                except BaseException:
                    connection.close()
                    raise
                self._connections().put(place.origin, connection)
        except wire.Slow as error:
            raise (TookTooLong if error.is_final else Unreachable)(f"{where} {error}") from error
        except wire.Cut as error:
            raise Unreachable(f"{where} {error}", code="partial_feed") from error
        except wire.Broken as error:
            raise Unreachable(f"{where} {error}") from error
        except wire.TooMuch as error:
            raise PullFailed("too_large", f"{where} {error}") from error
        except ssl.SSLCertVerificationError as error:
            raise PullFailed("address_refused", f"{where}: its certificate: {error.verify_message}") from error
        body.seek(0)
        return Response(head.status_code, address, headers, body, any(name in headers for name in _ENDS))

    def _asked(
        self, trip: Trip, place: guard.Place, sent: Mapping[str, str], pace: _Pace
    ) -> tuple[wire.Connection, h11.Response]:
        """The head of the answer, and the connection on which the rest comes."""
        from pipelines.pull import wire

        kept = self._connections().take(place.origin)
        if kept is not None:
            try:
                # Another hub may have opened it, which may go where this one may not.
                guard.check(kept.peer, place.host, trip.allowed_host)
                return kept, kept.ask(place, sent, pace)
            except BaseException as error:
                kept.close()
                # The server may have closed it meanwhile, which is its right: a new one shows more.
                if isinstance(error, wire.Slow) or not isinstance(error, wire.Broken):
                    raise
        connection = self._opened(trip, place, pace)
        try:
            return connection, connection.ask(place, sent, pace)
        except BaseException:
            connection.close()
            raise

    def _opened(self, trip: Trip, place: guard.Place, pace: _Pace) -> wire.Connection:
        """A new connection to a machine that was checked."""
        from pipelines.pull import wire

        numbers = self.resolve(place.host, place.port, trip.allowed_host)
        longest = self.limits.connect_seconds
        sock, number = wire.connected(numbers, place.port, min(pace.seconds(), longest))
        if place.scheme == "https":
            sock = wire.secured(sock, self._context(), place.host, min(pace.seconds(), longest))
        return wire.Connection(sock, number)

    @contextlib.contextmanager
    def turn(self, trip: Trip, host: str, port: int) -> Iterator[None]:
        """``Trip.turn``. Pulls that a redirect has led to a server get half of its turns together, so that nobody can
        keep a hub from its own server by sending others there.
        """
        with self._lock:
            new = threading.Semaphore(self.limits.per_host), threading.Semaphore(max(1, self.limits.per_host // 2))
            every, of_guests = self._turns.setdefault((host, port), new)
        began = time.monotonic()
        with contextlib.ExitStack() as taken:
            for turns in (of_guests, every) if trip.is_guest(host, port) else (every,):
                if not turns.acquire(timeout=trip.left()):
                    raise TookTooLong(f"{host} was busy with other hubs' feeds")
                taken.callback(turns.release)
            trip.waited(time.monotonic() - began)
            yield

    def _connections(self) -> wire.Idle:
        from pipelines.pull import wire

        with self._lock:
            if self._idle is None:
                self._idle = wire.Idle(IDLE_CONNECTIONS, IDLE_SECONDS)
            return self._idle

    def _context(self) -> ssl.SSLContext:
        with self._lock:
            if self._tls is None:
                # Both those that the system trusts and those that Mozilla does, for systems that trust nobody yet.
                import certifi

                self._tls = ssl.create_default_context()
                self._tls.load_verify_locations(certifi.where())
            return self._tls

    def _refusal(self, trip: Trip, response: Response) -> PullFailed:
        """What an answer means that is not the one that was asked for."""
        says = f"{trip.shown(response.address)} answers {response.status}"
        if response.is_not_modified:
            return Answered(response.status, f"{says}, though nothing is known of it")
        if response.status not in _RETRYABLE:
            return Answered(response.status, says)
        now = self._clock()
        seconds = _retry_after(response.headers.get("retry-after", ""), now)
        if seconds is None:
            return Unreachable(says)
        if seconds <= self.limits.retry_after_seconds:
            return _Wait(says, seconds)
        until = now + min(timedelta(seconds=seconds), LONGEST_AWAY)
        return Unreachable(f"{says}, and wants to be asked again in {seconds:,.0f} seconds", retry_at=until)

    def _pause(self, state: RetryCallState) -> float:
        """Seconds until the next attempt."""
        from tenacity import wait_random_exponential

        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, _Wait):
            return error.seconds
        return wait_random_exponential(multiplier=FIRST_WAIT_SECONDS, max=self.limits.wait_seconds)(state)


def _may_pass(error: BaseException) -> bool:
    """Whether another attempt in this run may end better."""
    return isinstance(error, Unreachable) and error.retry_at is None and not isinstance(error, TookTooLong)


def _log_attempt(trip: Trip, state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    wait = round(state.upcoming_sleep, 1)
    LOG.info("pull_retried", hub=trip.hub, error=type(error).__name__, attempt=state.attempt_number, wait_seconds=wait)


def _joined(address: str, location: str) -> str:
    with contextlib.suppress(UnicodeError):  # servers send UTF-8 as it is
        location = location.encode("latin-1").decode()
    try:
        return urljoin(address, location)
    except ValueError as error:
        raise PullFailed("address_refused", f"{shown(address)} redirects to no address") from error


def _headers(head: h11.Response) -> dict[str, str]:
    """The head's fields by their names in lower case; what comes several times is put in one list."""
    found: dict[str, str] = {}
    for name, value in head.headers:
        text = value.decode("latin-1")
        found[name.decode()] = f"{found[name.decode()]}, {text}" if name.decode() in found else text
    return found


def _coding(where: str, headers: Mapping[str, str]) -> str:
    """How the body is packed, though nobody asked for that. Raises PullFailed when it cannot be unpacked here."""
    coding = headers.get("content-encoding", "").strip().lower() or "identity"
    if coding not in _CODINGS:
        raise PullFailed("not_a_feed", f"{where} answers packed as {coding}, which nobody asked for")
    return coding


def _receive(chunks: Iterable[bytes], body: IO[bytes], most_bytes: int) -> None:
    from pipelines.pull import wire

    for chunk in chunks:
        with keeping():
            body.write(chunk)
        if body.tell() > most_bytes:
            raise wire.TooMuch(f"has more than {most_bytes:,} bytes")


def _pass_over(connection: wire.Connection, pace: _Pace) -> None:
    """Read on to the end of a body that nobody wants, if that is near: then the connection can be used again."""
    from pipelines.pull import wire

    passed = 0
    with contextlib.suppress(wire.Broken):
        for chunk in connection.body(pace):
            passed += len(chunk)
            if passed > _PASSED_OVER_BYTES:
                break


def _retry_after(value: str, now: datetime) -> float | None:
    """Seconds that a Retry-After asks for; None when it asks for nothing that can be understood."""
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        then = email.utils.parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    aware = then if then.tzinfo else then.replace(tzinfo=UTC)
    return max((aware - now).total_seconds(), 0.0)
