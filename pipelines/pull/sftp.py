"""Feeds on an SFTP server: ``sftp://user@host/path``.

The server is known by the public key of its host, which the registration names: nobody else's is ever taken. The
connection goes through the one network, which checks where it leads. ``paramiko`` speaks the protocol (docs/adr/0014).
"""

from __future__ import annotations

import io
import logging
import socket
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import islice
from math import inf
from typing import IO, Any
from urllib.parse import unquote, urlsplit

import paramiko

from hubs.registration import Registration
from pipelines.files import CHUNK_BYTES
from pipelines.pull import stores
from pipelines.pull.base import MAX_FILES, Files, PullFailed, Unreachable, Visit, refuse_too_large, secret
from pipelines.pull.network import Network, Trip
from pipelines.pull.stores import Info

PORT = 22
MAX_DEPTH = 32
"""Folders inside folders."""
_LOOK_EVERY_SECONDS = 0.1
_BROKEN = (paramiko.SSHException, paramiko.SFTPError, OSError, EOFError)
"""What paramiko raises when the other side is silent, gone, or speaks something else."""

# It prints what breaks with a traceback, in which the server is quoted; what matters of it is in the pull's failure.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)


def files(visit: Visit) -> Files:
    """Every file under the address's path, or the one file that it names."""
    whom, root = _taken_apart(visit.address)
    trip = visit.network.trip(visit.registration, visit.address)
    again = visit.network.retrying(trip)
    with (
        trip.turn(*whom[1:]),
        closing(again(_connected, visit.network, trip, visit.registration, whom)) as transport,
        _ended(transport, trip),
        closing(_Server(transport, trip, visit.network.limits.read_seconds)) as server,
    ):
        yield from stores.files(visit, server, root)


def _taken_apart(address: str) -> tuple[tuple[str, str, int], str]:
    """User, host and port; and the path. Raises PullFailed."""
    try:
        parts = urlsplit(address)
        user, host, port = parts.username, parts.hostname, parts.port or PORT
    except ValueError as error:
        raise PullFailed("address_refused", f"not an address of a server: {error}") from error
    if not user or not host or parts.password or parts.query or parts.fragment:
        raise PullFailed("address_refused", "an address of an SFTP server is sftp://user@host/path")
    return (unquote(user), host, port), unquote(parts.path).rstrip("/") or "/"


@contextmanager
def _ended(transport: paramiko.Transport, trip: Trip, seconds: float = inf) -> Iterator[None]:
    """End the conversation when the pull's time is up, and after ``seconds`` at the latest. paramiko waits for some
    answers without end, and for others as long as a byte comes now and then; an end is what it notices everywhere.
    """
    is_over, until = threading.Event(), time.monotonic() + seconds

    def watch() -> None:
        while not is_over.wait(_LOOK_EVERY_SECONDS):
            try:
                trip.left()
            except PullFailed:
                break
            if time.monotonic() > until:
                break
        if not is_over.is_set():
            transport.close()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def _connected(
    network: Network, trip: Trip, registration: Registration, whom: tuple[str, str, int]
) -> paramiko.Transport:
    """A connection on which the user is known. Raises PullFailed; Unreachable when trying again may help."""
    user, host, port = whom
    expected, credential = _host_key(registration, host), _credential(registration)
    sock = network.connect(host, port, trip.allowed_host)
    transport = paramiko.Transport(sock)
    seconds = network.limits.read_seconds
    # Each a bit longer than the whole may take: a silent server is noticed there, and told from one that says no.
    transport.banner_timeout = transport.auth_timeout = 2 * seconds
    try:
        with _ended(transport, trip, seconds):
            # The kinds of key that the server may show: that of the registration and no other.
            options = transport.get_security_options()
            options.key_types = [name for name in options.key_types if name in _kinds(expected)]
            transport.start_client(timeout=2 * seconds)
            if transport.get_remote_server_key() != expected:
                raise PullFailed("address_refused", f"{host} shows another key than the registration's host_key")
            if isinstance(credential, str):
                transport.auth_password(user, credential)
            else:
                transport.auth_publickey(user, credential)
    except _BROKEN as error:
        is_alive = transport.is_active()
        _close(transport, sock)
        if isinstance(error, paramiko.ssh_exception.IncompatiblePeer):
            detail = f"{host} shows no key of the kind of the registration's host_key"
            raise PullFailed("address_refused", detail) from error
        if isinstance(error, paramiko.AuthenticationException) and is_alive:
            raise PullFailed("address_refused", f"{host} does not let {registration.secret} in") from error
        trip.left()
        raise Unreachable(f"{host} broke off, or was silent for too long: {type(error).__name__}") from error
    except PullFailed:
        _close(transport, sock)
        raise
    return transport


def _close(transport: paramiko.Transport, sock: socket.socket) -> None:
    """Close both: a conversation that has not begun does not close its socket."""
    transport.close()
    sock.close()


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
    try:
        entry = paramiko.hostkeys.HostKeyEntry.from_line(f"hub {registration.host_key}")
    except (paramiko.SSHException, paramiko.hostkeys.InvalidHostKey, ValueError):
        entry = None
    if entry is None or entry.key is None:
        raise PullFailed("address_refused", "the registration's host_key is no public key of a host")
    key: paramiko.PKey = entry.key
    return key


def _credential(registration: Registration) -> str | paramiko.PKey:
    """A password, or a private key."""
    value = secret(registration)
    if value is None:
        raise PullFailed("address_refused", "an SFTP server needs a secret: a password or a private key")
    return _private_key(value, registration) if value.startswith("-----BEGIN") else value


def _private_key(text: str, registration: Registration) -> paramiko.PKey:
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            key: paramiko.PKey = kind.from_private_key(io.StringIO(text))
        except (paramiko.SSHException, ValueError, IndexError):
            continue
        return key
    raise PullFailed(
        "address_refused",
        f"the secret {registration.secret} is no private key that can be read: it must be as ssh-keygen makes it, "
        "without a passphrase",
    )


class _Server:
    """What a user may read of a server (``stores.Filesystem``). Names are paths."""

    def __init__(self, transport: paramiko.Transport, trip: Trip, seconds: float) -> None:
        """``seconds`` is for one wait, without a byte."""
        self._trip = trip
        with _talking(trip), _ended(transport, trip, seconds):
            channel = transport.open_session(timeout=2 * seconds)
            channel.settimeout(seconds)
            channel.invoke_subsystem("sftp")
            self._client = paramiko.SFTPClient(channel)

    def close(self) -> None:
        """End the conversation."""
        self._client.close()

    def find(self, path: str) -> dict[str, Info]:
        """All that is under ``path`` and no folder; the file itself where ``path`` is one."""
        with _talking(self._trip):
            about = self._client.stat(path)
            if not stat.S_ISDIR(about.st_mode or 0):
                return {path: _info(path, about)}
            return dict(islice(self._under(path, MAX_DEPTH), MAX_FILES + 1))

    def _under(self, folder: str, depth: int) -> Iterator[tuple[str, Info]]:
        if not depth:
            raise PullFailed("too_large", f"more than {MAX_DEPTH} folders inside one another")
        # All of a folder before the next: answers to both at once would be taken for one another.
        entries = list(islice(self._client.listdir_iter(folder), MAX_FILES + 1))
        refuse_too_large(len(entries))
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
        with _talking(self._trip):
            file = self._client.open(path, "rb")
        try:
            yield io.BufferedReader(_Timed(file, self._trip, info), CHUNK_BYTES)
        finally:
            with _talking(self._trip):
                file.close()


@contextmanager
def _talking(trip: Trip) -> Iterator[None]:
    """What goes wrong in a conversation with the server, as a pull's failure."""
    try:
        yield
    except FileNotFoundError as error:
        raise PullFailed("address_refused", "nothing lies at the feed's address") from error
    except PermissionError as error:
        raise PullFailed("address_refused", "the server does not let the user read the feed") from error
    except UnicodeDecodeError as error:
        raise PullFailed("unsafe_path", "a file has a name that is not UTF-8") from error
    except _BROKEN as error:
        trip.left()
        raise Unreachable(f"the server broke off, or was silent for too long: {type(error).__name__}") from error


class _Timed(io.RawIOBase):
    """The bytes of a file, as many as its listing says, as long as there is time."""

    def __init__(self, file: paramiko.SFTPFile, trip: Trip, info: Info) -> None:
        super().__init__()
        self._file, self._trip, self._info = file, trip, info

    def readinto(self, buffer: Any, /) -> int:
        """Fill ``buffer`` as far as it goes. Raises Unreachable when the file is not as listed, or time is up."""
        self._trip.left()
        with _talking(self._trip):
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
