"""Which places a pull may visit: what an address says, and which machines a name may lead to.

No connection is opened here. A name is judged by the numbers it leads to, since a number can be written in many ways
and a name may lead anywhere.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from pipelines.pull.base import PullFailed, Unreachable, shown

Ip = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str, int], list[str]]
"""Numbers of the machines that a name leads to. Raises OSError."""

MAX_ADDRESS_CHARACTERS = 8_000
"""What servers take at the most; they name addresses too, and these are kept while a feed is read."""
DEFAULT_PORTS = {"http": 80, "https": 443}
_AS_THEY_ARE = "%/:@!$&'()*+,;=~?[]"
"""What stays as it is in an address that is sent; what else is no letter or digit is percent-encoded."""

_NEVER = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",  # this machine, by another name
        "169.254.0.0/16",  # link-local, with the metadata services of clouds
        "168.63.129.16/32",  # Azure's
        "100.100.100.200/32",  # Alibaba's
        "192.0.0.192/32",  # Oracle's
        "fd00:ec2::/32",  # Amazon's
        "fd20:ce::/32",  # Google's
        "fe80::/10",
        "2001::/32",  # Teredo leads through strangers
    )
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_IPV4_COMPATIBLE = ipaddress.ip_network("::/96")


@dataclass(frozen=True)
class Place:
    """An http(s) address taken apart, once: what is checked is what is asked. ``target`` is path and query."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port: who may see the hub's token."""
        return self.scheme, self.host, self.port

    @property
    def host_header(self) -> str:
        """Host and port as HTTP names them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def place(address: str) -> Place:
    """``address`` taken apart. Raises PullFailed for what is no http(s) address, is too long, or has a user in it."""
    if len(address) > MAX_ADDRESS_CHARACTERS:
        raise PullFailed("address_refused", f"an address with more than {MAX_ADDRESS_CHARACTERS:,} characters")
    try:
        parts = urlsplit(address)
        port, host = parts.port, parts.hostname or ""
        if not host.isascii():
            host = host.encode("idna").decode()
    except ValueError as error:  # UnicodeError is one
        raise PullFailed("address_refused", f"not a web address: {error}") from error
    if parts.scheme not in DEFAULT_PORTS:
        raise PullFailed("forbidden_address", f"{shown(address)} is neither http nor https")
    if "@" in parts.netloc:
        raise PullFailed("address_refused", f"{shown(address)}: no user or password may stand in an address")
    if not host or not address.isprintable() or any(c.isspace() or c in '<>"\\^`{|}%' for c in host):
        raise PullFailed("address_refused", f"{shown(address)} is not a web address")
    target = quote(parts.path or "/", _AS_THEY_ARE) + (f"?{quote(parts.query, _AS_THEY_ARE)}" if parts.query else "")
    return Place(parts.scheme, host, port or DEFAULT_PORTS[parts.scheme], target)


def ask_system(host: str, port: int) -> list[str]:
    """The numbers that the system's resolver gives for ``host``."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def resolve(resolver: Resolver, host: str, port: int, allowed_host: str | None) -> list[str]:
    """The numbers of ``host``, every one of them checked. ``allowed_host`` alone may be private.

    Raises PullFailed; Unreachable when asking again may help.
    """
    try:
        found = resolver(host, port)
    except socket.gaierror as error:
        if error.errno == socket.EAI_AGAIN:
            raise Unreachable(f"the name {host} cannot be looked up now") from error
        raise PullFailed("unreachable_feed", f"there is no host {host}") from error
    except (OSError, UnicodeError) as error:
        raise PullFailed("unreachable_feed", f"there is no host {host}") from error
    if not found:
        raise PullFailed("unreachable_feed", f"there is no host {host}")
    for number in found:
        check(number, host, allowed_host)
    return found


def check(number: str, host: str, allowed_host: str | None) -> None:
    """Raise PullFailed unless ``host`` may be visited at ``number``."""
    kind = _kind(ipaddress.ip_address(number))
    if kind is None or (kind == "private" and allowed_host is not None and host == allowed_host.lower()):
        return
    # Not the number: whoever made the name lead here would learn what is where inside.
    raise PullFailed("forbidden_address", f"{host} is at a {kind} address")


def _kind(ip: Ip) -> str | None:
    """``private`` or ``forbidden``; None for a public address."""
    if isinstance(ip, ipaddress.IPv6Address) and not ip.is_loopback:
        inner = ip.ipv4_mapped or ip.sixtofour
        if inner is None and (ip in _NAT64 or (ip in _IPV4_COMPATIBLE and not ip.is_unspecified)):
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return _kind(inner)
    if ip.is_loopback:
        return "private"
    if ip.is_multicast or ip.is_unspecified or ip.is_reserved or any(ip in network for network in _NEVER):
        return "forbidden"
    is_old_private = isinstance(ip, ipaddress.IPv6Address) and ip.is_site_local
    return None if ip.is_global and not is_old_private else "private"
