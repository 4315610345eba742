"""Sending what others have written: e-mail (``mail``) and webhooks (``webhook``). The only place beside pulls,
submissions and object stores that opens a socket. What is said, to whom and how often is for ``alerts``.

Every failure is one of two types, which decide whether it is tried again. No message of theirs names a recipient, or an
address beyond its host.
"""

from __future__ import annotations

from ipaddress import ip_address

TOTAL_SECONDS = 30.0
"""For one delivery, all waits together: a server that drips byte after byte holds nobody up for longer."""
WAIT_SECONDS = 10.0
"""For one wait on the network."""


class NotSent(RuntimeError):
    """A message could not be delivered. The text says why, and names nobody."""


class Unavailable(NotSent):
    """The other side could not be had, or asks for patience: another attempt may end better."""


class Refused(NotSent):
    """The other side says no, or the settings are wrong: another attempt ends the same until somebody mends it."""


def is_loopback(host: str) -> bool:
    """Whether ``host`` is this machine itself."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
