"""Webhooks: a JSON document sent by POST, signed as Standard Webhooks say (https://www.standardwebhooks.com), so that
the receiver knows who sent it, that nothing was changed, and that it is not an old one sent again.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

import httpx

from pipelines.post import TOTAL_SECONDS, WAIT_SECONDS, Refused, Unavailable, is_loopback

PREFIX = "whsec_"
"""Before a secret that is written in base64; without it, the bytes of the text are the secret."""
_AGAIN = (408, 425, 429)
_REDIRECTS, _GOOD, _SERVER_ERRORS = range(300, 400), range(200, 300), range(500, 600)


@dataclass(frozen=True)
class Hook:
    """Where documents are sent, and the ``secret`` that signs them, None when they go unsigned."""

    address: str = field(repr=False)
    secret: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Raises Refused when the address or the secret cannot be used."""
        parts = urlsplit(self.address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Refused("the webhook needs a whole address, such as https://example.org/hook")
        if parts.scheme == "http" and not is_loopback(parts.hostname):
            raise Refused(f"the webhook at {parts.hostname} needs https://: alerts would travel in the clear")
        self.key()

    @property
    def shown(self) -> str:
        """For messages: an address may have a secret behind its host."""
        parts = urlsplit(self.address)
        return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)

    def key(self) -> bytes | None:
        """The bytes of the secret. Raises Refused."""
        if not self.secret:
            return None
        if not self.secret.startswith(PREFIX):
            return self.secret.encode()
        try:
            return base64.b64decode(self.secret.removeprefix(PREFIX), validate=True)
        except binascii.Error as error:
            raise Refused(f"the webhook's secret begins with {PREFIX}, and is no base64") from error


def signature(key: bytes, id: str, stamp: str, body: bytes) -> str:
    """The signature of ``body`` as the message ``id`` at ``stamp`` (seconds since 1970)."""
    signed = b".".join((id.encode(), stamp.encode(), body))
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def send(
    hook: Hook,
    id: str,
    body: bytes,
    now: datetime,
    *,
    total_seconds: float = TOTAL_SECONDS,
    wait_seconds: float = WAIT_SECONDS,
) -> None:
    """Send the JSON document ``body`` as the message ``id``, which is the same at every attempt. Raises Unavailable and
    Refused.
    """
    stamp = str(int(now.timestamp()))
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "hubpacks",
        "webhook-id": id,
        "webhook-timestamp": stamp,
    }
    if key := hook.key():
        headers["webhook-signature"] = signature(key, id, stamp, body)
    try:
        status = asyncio.run(_post(hook.address, headers, body, total_seconds, wait_seconds))
    except (httpx.TransportError, TimeoutError) as error:
        raise Unavailable(f"the webhook at {hook.shown} cannot be reached ({type(error).__name__})") from None
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise Refused(f"the webhook at {hook.shown}: {type(error).__name__}") from None
    if status in _GOOD:
        return
    if status in _REDIRECTS:
        raise Refused(f"the webhook at {hook.shown} leads elsewhere ({status}): name the last address itself")
    if status in _SERVER_ERRORS or status in _AGAIN:
        raise Unavailable(f"the webhook at {hook.shown} answers {status}")
    raise Refused(f"the webhook at {hook.shown} answers {status}")


async def _post(address: str, headers: Mapping[str, str], body: bytes, total: float, wait: float) -> int:
    # What is answered is of no interest, and may be endless: only its head is read.
    async with (
        asyncio.timeout(total),
        httpx.AsyncClient(timeout=wait, follow_redirects=False) as client,
        client.stream("POST", address, headers=headers, content=body) as response,
    ):
        return response.status_code
