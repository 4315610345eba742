"""Feeds on an SFTP server: ``sftp://user@host/path``.

The server is known by the public key of its host, which the registration names: nobody else's is ever taken. The
connection goes through the one network, which checks where it leads. ``paramiko`` speaks the protocol (docs/adr/0014).
"""

from __future__ import annotations

import io
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import islice
from typing import IO, Any
from urllib.parse import unquote, urlsplit

import paramiko

from hubs.registration import Registration
from pipelines.files import CHUNK_BYTES
from pipelines.pull import stores
from pipelines.pull.base import MAX_FILES, Files, PullFailed, Unreachable, Visit, secret
from pipelines.pull.network import READ_SECONDS, Network, Trip
from pipelines.pull.stores import Info

PORT = 22
MAX_DEPTH = 32
"""Folders inside folders."""


def files(visit: Visit) -> Files:
    """Every file under the address's path, or the one file that it names."""
    parts = urlsplit(visit.address)
    try:
        user, host, port = parts.username, parts.hostname, parts.port or PORT
    except ValueError as error:
        raise PullFailed("address_refused", f"not an address of a server: {error}") from error
    if not user or not host or parts.password or parts.query or parts.fragment:
        raise PullFailed("address_refused", "an address of an SFTP server is sftp://user@host/path")
    root = unquote(parts.path).rstrip("/") or "/"
    trip = visit.network.trip(visit.registration, visit.address)
    again = visit.network.retrying(trip)
    with closing(again(_connected, visit.network, trip, visit.registration, (unquote(user), host, port))) as transport:
        yield from stores.files(visit, _Server(transport, trip), root)


def _connected(
    network: Network, trip: Trip, registration: Registration, whom: tuple[str, str, int]
) -> paramiko.Transport:
    """A connection on which the user is known. Raises PullFailed; Unreachable when trying again may help."""
    user, host, port = whom
    expected, value = _host_key(registration, host), secret(registration)
    if value is None:
        raise PullFailed("address_refused", "an SFTP server needs a secret: a password or a private key")
    transport = paramiko.Transport(network.connect(host, port, trip.allowed_host))
    transport.banner_timeout = transport.auth_timeout = min(trip.left(), network.limits.read_seconds)
    try:
        # The kinds of key that the server may show: that of the registration and no other.
        transport.get_security_options().key_types = [
            name for name in transport.get_security_options().key_types if name in _kinds(expected)
        ]
        transport.start_client(timeout=min(trip.left(), network.limits.read_seconds))
        if transport.get_remote_server_key() != expected:
            raise PullFailed("address_refused", f"{host} shows another key than the registration's host_key")
        if value.startswith("-----BEGIN"):
            transport.auth_publickey(user, _private_key(value, registration))
        else:
            transport.auth_password(user, value)
    except paramiko.AuthenticationException as error:
        transport.close()
        raise PullFailed("address_refused", f"{host} does not let {registration.secret} in") from error
    except (paramiko.SSHException, OSError, EOFError) as error:
        transport.close()
        if isinstance(error, paramiko.ssh_exception.IncompatiblePeer):
            detail = f"{host} shows no key of the kind of the registration's host_key"
            raise PullFailed("address_refused", detail) from error
        raise Unreachable(f"{host} broke off: {type(error).__name__}") from error
    except PullFailed:
        transport.close()
        raise
    return transport


def _kinds(key: paramiko.PKey) -> tuple[str, ...]:
    name = key.get_name()
    return ("rsa-sha2-512", "rsa-sha2-256") if name == "ssh-rsa" else (name,)


def _host_key(registration: Registration, host: str) -> paramiko.PKey:
    if registration.host_key is None:
        raise PullFailed(
            "address_refused",
            f"the registration has no host_key: add what ssh-keyscan {host} prints after the name, once the hub has "
            "told you by another way that it is theirs",
        )
    entry = paramiko.hostkeys.HostKeyEntry.from_line(f"hub {registration.host_key}")
    if entry is None or entry.key is None:
        raise PullFailed("address_refused", "the registration's host_key is no public key of a host")
    key: paramiko.PKey = entry.key
    return key


def _private_key(text: str, registration: Registration) -> paramiko.PKey:
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            key: paramiko.PKey = kind.from_private_key(io.StringIO(text))
        except (paramiko.SSHException, ValueError, IndexError):
            continue
        return key
    raise PullFailed("address_refused", f"the secret {registration.secret} is no private key that can be read")


class _Server:
    """What a user may read of a server (``stores.Filesystem``). Names are paths."""

    def __init__(self, transport: paramiko.Transport, trip: Trip) -> None:
        self._trip = trip
        with _talking():
            client = paramiko.SFTPClient.from_transport(transport)
        if client is None:
            raise Unreachable("the server has no SFTP")
        self._client = client
        channel = client.get_channel()
        if channel is not None:
            channel.settimeout(READ_SECONDS)

    def find(self, path: str) -> dict[str, Info]:
        """All that is under ``path`` and no folder; the file itself where ``path`` is one."""
        with _talking():
            about = self._client.stat(path)
            if not stat.S_ISDIR(about.st_mode or 0):
                return {path: _info(path, about)}
            return dict(self._under(path, MAX_DEPTH))

    def _under(self, folder: str, depth: int) -> Iterator[tuple[str, Info]]:
        if not depth:
            raise PullFailed("too_large", f"more than {MAX_DEPTH} folders inside one another")
        # All of a folder before the next: answers to both at once would be taken for one another.
        entries = list(islice(self._client.listdir_iter(folder), MAX_FILES + 1))
        if len(entries) > MAX_FILES:
            raise PullFailed("too_large", f"more than {MAX_FILES:,} files")
        self._trip.left()
        for about in entries:
            if "/" in about.filename or about.filename in (".", ".."):
                raise PullFailed("unsafe_path", about.filename)
            name = f"{folder.rstrip('/')}/{about.filename}"
            if stat.S_ISDIR(about.st_mode or 0):
                yield from self._under(name, depth - 1)
            else:
                yield name, _info(name, about)

    @contextmanager
    def open(self, path: str, info: Info) -> Iterator[IO[bytes]]:
        with _talking():
            file = self._client.open(path, "rb")
        with file:
            yield io.BufferedReader(_Timed(file, self._trip, info), CHUNK_BYTES)


@contextmanager
def _talking() -> Iterator[None]:
    """What goes wrong in a conversation with the server, as a pull's failure."""
    try:
        yield
    except FileNotFoundError as error:
        raise PullFailed("address_refused", "nothing lies at the feed's address") from error
    except PermissionError as error:
        raise PullFailed("address_refused", "the server does not let the user read the feed") from error
    except (paramiko.SSHException, OSError, EOFError) as error:
        raise Unreachable(f"the server broke off: {type(error).__name__}") from error


class _Timed(io.RawIOBase):
    """The bytes of a file, as many as its listing says, as long as there is time."""

    def __init__(self, file: paramiko.SFTPFile, trip: Trip, info: Info) -> None:
        super().__init__()
        self._file, self._trip, self._info = file, trip, info

    def readinto(self, buffer: Any, /) -> int:
        """Fill ``buffer`` as far as it goes. Raises Unreachable when the file is not as listed, or time is up."""
        self._trip.left()
        with _talking():
            data = self._file.read(len(buffer))
        self._trip.received(len(data))
        at = self._file.tell()
        if at > self._info["size"] or (not data and at < self._info["size"]):
            raise Unreachable(f"{self._info['name']} has changed while it was read")
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a place in the file."""
        self._file.seek(offset, whence)
        return self._file.tell()

    def tell(self) -> int:
        """The place in the file."""
        return self._file.tell()

    def seekable(self) -> bool:
        """A zip is read from its end."""
        return True

    def readable(self) -> bool:
        """It is there to be read."""
        return True


def _info(name: str, about: paramiko.SFTPAttributes) -> Info:
    kind = "file" if stat.S_ISREG(about.st_mode or 0) else "other"
    return Info(name=name, size=about.st_size or 0, type=kind, mark=str(about.st_mtime))
