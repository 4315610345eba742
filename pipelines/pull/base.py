"""What connectors share: how they hand over files, how they fail, and the limits of a feed."""

from __future__ import annotations

import os
import re
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote, urlsplit

from hubs.contract.findings import CODES
from hubs.registration import Registration
from pipelines.files import Stream

if TYPE_CHECKING:
    from pipelines.pull.network import Network

Files = Generator[tuple[str, Stream], None, None]
"""A feed's files: path inside the feed and open stream, one after the other."""

MAX_FILES = 50_000
MAX_FEED_BYTES = 16 << 30
MAX_PATH_CHARACTERS = 1_000
MAX_DETAIL_CHARACTERS = 300
MAX_VALIDATOR_CHARACTERS = 1_000
"""Of what a place says of itself. It is kept for each file; what is longer is left out, and the file is had again."""
MAX_RATIO = 200
"""Unpacked bytes a packed byte. Text packs to a tenth; a bomb to a thousandth."""


class PullFailed(Exception):
    """The feed could not be had. ``code`` is a finding code, ``detail`` says what was seen."""

    def __init__(self, code: str, detail: str) -> None:
        self.code = code
        self.detail = _legible(detail)
        super().__init__(code, detail)

    def told(self, registration: Registration) -> str:
        """``detail`` without the hub's secret, which a server may send back as a name, a path or a host. Of the whole
        text, since a secret of which the end is cut off is hidden by nothing.
        """
        return _legible(without_secret(registration, str(self.args[1])))

    def __str__(self) -> str:
        return f"{CODES[self.code].why} ({self.detail})"


def _legible(detail: str) -> str:
    """Its beginning. What is seen may be a file's name, which on some systems is any bytes, or a server's answer."""
    return "".join(c if c.isprintable() else "\ufffd" for c in detail[:MAX_DETAIL_CHARACTERS])


class Unreachable(PullFailed):
    """A failure that trying again may mend; ``retry_at`` is before when the server does not want to be asked again."""

    def __init__(self, detail: str, code: str = "unreachable_feed", retry_at: datetime | None = None) -> None:
        super().__init__(code, detail)
        self.retry_at = retry_at


class NotModified(Exception):
    """The whole feed is what it was at the last visit. Raised before the first file is handed over."""


class Known(Protocol):
    """What the last successful visit to the same address has left: what places (addresses, keys, commits) said of
    themselves, as HTTP's validators do, and the files of the snapshot that came of it.
    """

    def validator(self, place: str) -> Mapping[str, str]:
        """What ``place`` said then; empty when nothing may be relied on."""

    def keep(self, place: str, validator: Mapping[str, str]) -> None:
        """Remember for the next visit what ``place`` says now. Counts once the snapshot is complete."""

    def open(self, path: str) -> Stream:
        """The bytes of the file at ``path`` of the feed as it was then. Raises KeyError."""


@dataclass(frozen=True)
class Visit:
    """One visit of a connector: where to, for whom, through which network, and what is known from before. The connector
    fills ``dates``, the ISO dates of the last commit of each file, where the mapping asks for them.
    """

    address: str
    registration: Registration
    network: Network
    known: Known
    dates: dict[str, str] = field(default_factory=dict)


class Connector(Protocol):
    """A way to a feed. A connector is a module's function ``files``."""

    def __call__(self, visit: Visit, /) -> Files:
        """Every file of the feed, one after the other; all of them, or PullFailed (or NotModified)."""


class Source:
    """A file of a feed as it is being read: what goes wrong there is the feed's failure, never the store's."""

    def __init__(self, name: str, stream: Stream, damage: tuple[type[Exception], ...] = (OSError,)) -> None:
        self._name, self._stream, self._damage = name, stream, damage

    def read(self, size: int = -1, /) -> bytes:
        """Up to ``size`` bytes. Raises PullFailed."""
        try:
            return self._stream.read(size)
        except self._damage as error:
            raise PullFailed("not_a_feed", f"{self._name} cannot be read: {error}") from error

    def close(self) -> None:
        """Close the file."""
        self._stream.close()


@contextmanager
def keeping() -> Iterator[None]:
    """Around writing to a temporary file what comes: a full disk is no fault of the feed's. Raises PullFailed."""
    try:
        yield
    except OSError as error:
        detail = f"what comes cannot be kept in a temporary file: {error.strerror}"
        raise PullFailed("pull_failed", detail) from error


def shown(address: str) -> str:
    """The address without what may be secret in it: the user, the query and the fragment."""
    try:
        parts = urlsplit(address)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "an address that is none"
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host or ''}{port}{parts.path}" if parts.scheme else parts.path


def secret(registration: Registration) -> str | None:
    """What the environment holds under the name that the registration gives; None when it gives none.

    Raises PullFailed when nothing is there.
    """
    if registration.secret is None:
        return None
    value = os.environ.get(registration.secret, "").strip()
    if not value:
        raise PullFailed("address_refused", f"the secret {registration.secret} is not set in the environment")
    return value


def without_secret(registration: Registration, text: str) -> str:
    """``text`` without what the environment holds under the name that the registration gives, nor the part of it that
    follows a name (of an access key, of a user).
    """
    value = os.environ.get(registration.secret or "", "").strip()
    return hidden(hidden(text, value), value.partition(":")[2])


def hidden(text: str, secret: str | None) -> str:
    """``text`` without ``secret``, as it is or as it stands in an address: in a query, or in a path."""
    for form in (secret, quote(secret, ""), quote(secret)) if secret else ():
        text = re.sub(re.escape(form), "…", text, flags=re.IGNORECASE)
    return text


def token(registration: Registration) -> str | None:
    """The ``secret``, where only a token or an access key will do. Raises PullFailed for what cannot be one."""
    value = secret(registration)
    if value is not None and not (value.isascii() and value.isprintable()):
        raise PullFailed("address_refused", f"the secret {registration.secret} holds characters that no token has")
    return value


def refuse_too_large(files_n: int, size_bytes: int = 0) -> None:
    """Raise PullFailed for more files or bytes than a feed may have."""
    if files_n > MAX_FILES:
        raise PullFailed("too_large", f"more than {MAX_FILES:,} files")
    if size_bytes > MAX_FEED_BYTES:
        raise PullFailed("too_large", f"more than {MAX_FEED_BYTES:,} bytes")


def refuse_harm(path: str) -> None:
    """Raise PullFailed for a path inside a feed that leads out of it, or that no file here could be shown under."""
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts or "\\" in path or path != str(parts):
        raise PullFailed("unsafe_path", path)
    if not path.isprintable() or len(path) > MAX_PATH_CHARACTERS:  # also a name that is no text at all
        raise PullFailed("unsafe_path", f"{path} is no name that can be kept")
