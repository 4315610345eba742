"""What every request passes and every answer carries: names, rates, origins, headers, and one line in the log.

Knows nothing of hubs or feeds. The log has no query, no header and no body: what is secret stands there.
"""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipelines import logs
from pipelines.intake.limits import Limits
from pipelines.intake.problems import Refused

LOG = logs.get("intake.access")
MAX_CLIENTS = 20_000
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_V6_PREFIX = 64
"""One customer has at least so many addresses of IPv6."""

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
FILE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'; sandbox"
"""For a report that is saved, which brings its own style."""
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}


class Rate:
    """So many at once, and one more after each ``seconds``, for each key. Keeps the newest keys only."""

    def __init__(self, at_once: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._at_once, self._seconds, self._clock = at_once, seconds, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> None:
        """Count one. Raises Refused when there is none left."""
        left, now = self._now(key), self._clock()
        if left < 1:
            raise self._refused(left)
        self._left[key] = (left - 1, now)
        if len(self._left) > MAX_CLIENTS:
            self._left.popitem(last=False)

    def require(self, key: str) -> None:
        """Raises Refused when there is none left; counts nothing."""
        if (left := self._now(key)) < 1:
            raise self._refused(left)

    def _now(self, key: str) -> float:
        now = self._clock()
        left, then = self._left.pop(key, (float(self._at_once), now))
        left = min(left + (now - then) / self._seconds, self._at_once)
        self._left[key] = (left, now)
        return left

    def _refused(self, left: float) -> Refused:
        return Refused("too_many_requests", retry_seconds=int((1 - left) * self._seconds) + 1)


def client_of(request: Request) -> str:
    """Whom the rates count: an address, or the network of one customer where an address is one of very many."""
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(address.ipv4_mapped or ipaddress.ip_network((address, _V6_PREFIX), strict=False))


class Guard:
    """The outermost layer of the service."""

    def __init__(self, app: ASGIApp, limits: Limits, refuse: Callable[[Request, Refused], ASGIApp]) -> None:
        self._app, self._limits, self._refuse = app, limits, refuse
        self._rate = Rate(limits.requests_at_once, limits.seconds_a_request)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what may pass."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request, start = Request(scope, receive), time.monotonic()
        status = 0

        async def send_guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            self._check(request)
        except Refused as refused:
            await self._refuse(request, refused)(scope, receive, send_guarded)
        else:
            await self._app(scope, receive, send_guarded)
        milliseconds = round((time.monotonic() - start) * 1000)
        LOG.info(
            "request_answered", method=scope["method"], path=_pattern(scope), status=status, milliseconds=milliseconds
        )

    def _check(self, request: Request) -> None:
        if _host(request.headers.get("host", "")) not in self._limits.allowed_hosts:
            raise Refused("unknown_host")
        self._rate.take(client_of(request))
        if request.method not in SAFE_METHODS and not _is_own(request.headers):
            raise Refused("foreign_form")


def _pattern(scope: Scope) -> str:
    """The path that was asked for, with names for the parts that strangers choose; of one that leads nowhere none."""
    if "endpoint" not in scope:
        return "other"
    parts = {str(value): f"<{name}>" for name, value in scope.get("path_params", {}).items()}
    return "/".join(parts.get(part, part) for part in scope["path"].split("/"))


def _host(text: str) -> str:
    """The name in a ``Host`` header, without the port."""
    if text.startswith("["):
        return text[1:].partition("]")[0].lower()
    return text.partition(":")[0].lower()


def _is_own(headers: Headers) -> bool:
    """Whether a browser, if it is one, says that its own page of this service asks."""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return origin is None or origin.partition("://")[2] == headers.get("host")
