"""Feeds on an SFTP server: ``sftp://user@host/path``.

The server is known by the public key of its host, which the registration names: nobody else's is ever taken. The
connection goes through the one network, which checks where it leads. ``paramiko`` speaks the protocol (docs/adr/0014),
in a process of its own (``sftp_process``) that is ended when it takes too long.
"""

from __future__ import annotations

import io
import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from subprocess import DEVNULL, PIPE
from typing import IO, Any
from urllib.parse import unquote, urlsplit

import paramiko

from hubs.registration import Registration
from pipelines.pull import stores
from pipelines.pull.base import (
    MAX_FILES,
    MAX_PATH_CHARACTERS,
    Files,
    PullFailed,
    Unreachable,
    Visit,
    refuse_too_large,
    secret,
)
from pipelines.pull.network import Network, Trip
from pipelines.pull.stores import Info

PORT = 22
START_SECONDS = 60
"""Until the process is ready, on a machine that is busy."""
END_SECONDS = 1
"""For a good-bye to the server."""
_PIECE_BYTES = 64 << 10
"""Of a file at once: few enough that the slowest server that is put up with answers in time."""
_LOOK_EVERY_SECONDS = 0.1
_SPEAKER = Path(__file__).with_name("sftp_process.py")


def files(visit: Visit) -> Files:
    """Every file under the address's path, or the one file that it names."""
    whom, root = _taken_apart(visit.address)
    trip = visit.network.trip(visit.registration, visit.address)
    again = visit.network.retrying(trip)
    with trip.turn(*whom[1:]), closing(again(_entered, visit.network, trip, visit.registration, whom)) as server:
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


def _entered(network: Network, trip: Trip, registration: Registration, whom: tuple[str, str, int]) -> _Server:
    """The server, once the user is known there. Raises PullFailed; Unreachable when trying again may help."""
    user, host, port = whom
    key, credential = _host_key(registration, host), _credential(registration)
    private = isinstance(credential, paramiko.PKey)
    settings = {
        "host": host,
        "host_key": key.get_base64(),
        "key_kinds": _kinds(key),
        "user": user,
        "secret": registration.secret,
        "password": None if private else credential,
        "private_key": secret(registration) if private else None,
        "private_key_class": type(credential).__name__,
        "seconds": network.limits.read_seconds,
        "cpu_seconds": int(trip.left()) + 1,  # ends it too when nobody is left to do so
        "files": MAX_FILES,
        "path_characters": MAX_PATH_CHARACTERS,
    }
    with network.connect(host, port, trip.allowed_host) as connection:
        server = _Server(connection, trip, host, network.limits.read_seconds)
    try:
        server.enter(settings)
    except BaseException:
        server.close()
        raise
    return server


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

    def __init__(self, connection: socket.socket, trip: Trip, host: str, seconds: float) -> None:
        """``seconds`` is for one wait of the process's for the server, without a byte."""
        self._trip, self._host, self._seconds = trip, host, seconds
        self._connection = connection.fileno()
        self._come = b""
        self._process = subprocess.Popen(  # noqa: S603 - our own, and the secret goes through its input
            [sys.executable, "-P", str(_SPEAKER)],
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"},
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            pass_fds=[self._connection],
            start_new_session=True,
        )

    def enter(self, settings: dict[str, Any]) -> None:
        """Have the process let itself in."""
        self._answer(START_SECONDS)
        # It ends the two parts of it, each after ``seconds``, and this one only what it cannot end.
        self._ask(settings | {"connection": self._connection}, 3 * self._seconds)

    def close(self) -> None:
        """End the conversation, and the process in any case."""
        try:
            self._process.communicate(timeout=END_SECONDS)  # the end of its input is the end of its work
        except (subprocess.TimeoutExpired, BrokenPipeError):
            self._process.kill()
            self._process.communicate()

    def find(self, path: str) -> dict[str, Info]:
        """All that is under ``path`` and no folder; the file itself where ``path`` is one."""
        found: dict[str, Info] = {}
        answer = self._ask({"find": path})
        while "is_all" not in answer:
            if answer:
                found[answer["name"]] = Info(
                    name=answer["name"], size=answer["size"], type=answer["type"], mark=answer["mark"]
                )
                refuse_too_large(len(found))
            answer = self._answer()
        return found

    @contextmanager
    def open(self, path: str, info: Info) -> Iterator[IO[bytes]]:
        self._ask({"open": path})
        yield io.BufferedReader(_Remote(self, info), _PIECE_BYTES)

    def read(self, offset: int, size: int) -> bytes:
        """Bytes of the file that was opened last."""
        count = self._ask({"read": [offset, min(size, _PIECE_BYTES)]})["bytes"]
        while len(self._come) < count:
            self._wait(time.monotonic() + self._seconds)
        data, self._come = self._come[:count], self._come[count:]
        self._trip.received(count)
        return data

    def _ask(self, request: dict[str, Any], seconds: float | None = None) -> dict[str, Any]:
        assert self._process.stdin  # noqa: S101 - a pipe
        self._trip.left()
        with suppress(BrokenPipeError):  # then there is no answer either
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        return self._answer(seconds)

    def _answer(self, seconds: float | None = None) -> dict[str, Any]:
        """The process's next answer. Raises PullFailed when it is a refusal, or does not come in time."""
        until = time.monotonic() + (seconds or 2 * self._seconds)
        while b"\n" not in self._come:
            self._wait(until)
        line, _, self._come = self._come.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        if "code" not in answer:
            return answer
        if answer["code"] == "unreachable_feed":
            self._trip.left()
            raise Unreachable(answer["detail"])
        raise PullFailed(answer["code"], answer["detail"])

    def _wait(self, until: float) -> None:
        """Wait for something to come."""
        assert self._process.stdout  # noqa: S101 - a pipe
        coming = select.poll()
        coming.register(self._process.stdout, select.POLLIN)
        while not coming.poll(_LOOK_EVERY_SECONDS * 1_000):
            self._trip.left()
            if time.monotonic() > until:
                raise Unreachable(f"{self._host} kept what speaks with it at work for too long")
        data = os.read(self._process.stdout.fileno(), _PIECE_BYTES)
        if not data:
            self._trip.left()
            if (code := self._process.wait()) < 0:  # by the system, for what it takes
                raise PullFailed("too_large", f"what {self._host} sends takes more time or memory than it may")
            raise RuntimeError(f"{_SPEAKER.name} ended with {code}")
        self._come += data


class _Remote(io.RawIOBase):
    """The bytes of a file, as many as its listing says, as long as there is time."""

    def __init__(self, server: _Server, info: Info) -> None:
        super().__init__()
        self._server, self._info = server, info
        self._at = 0

    def readinto(self, buffer: Any, /) -> int:
        """Fill ``buffer`` as far as it goes. Raises Unreachable when the file is not as listed, or time is up."""
        data = self._server.read(self._at, len(buffer))
        self._at += len(data)
        if self._at > self._info["size"] or (not data and self._at < self._info["size"]):
            raise Unreachable(f"{self._info['name']} has changed while it was read")
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a place in the file."""
        from_where = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._info["size"]}
        self._at = max(0, from_where[whence] + offset)
        return self._at

    def tell(self) -> int:
        """The place in the file."""
        return self._at

    def seekable(self) -> bool:
        """A zip is read from its end."""
        return True

    def readable(self) -> bool:
        """It is there to be read."""
        return True
