"""The process that talks to one SFTP server: a request a line comes in as JSON, and answers go out as JSON lines; the
bytes of a file follow the line that counts them. Run by ``sftp``, which hands over a connection that it has checked.

A few bytes of a server's can have ``paramiko`` count to four thousand million, or fill all the memory there is, in a
thread that nothing ends. So it is this process that ends, under limits of its own, and not a run with other hubs' feeds
in it. It imports nothing of the project, to start fast.
"""

from __future__ import annotations

import io
import json
import os
import resource
import socket
import stat
import struct
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import paramiko
from paramiko.buffered_pipe import BufferedPipe

MAX_MEMORY_BYTES = 512 << 20
MAX_DEPTH = 32
"""Folders inside folders."""
SIGN_SECONDS = 0.5
"""So often it says that it is still at work on a list."""
BROKEN = (
    *(paramiko.SSHException, paramiko.SFTPError, OSError, EOFError, struct.error),
    *(ValueError, LookupError, TypeError, AttributeError),
)
"""What paramiko raises when the other side is silent, gone, or speaks something else."""

Answer = dict[str, Any]


class Refused(Exception):
    """Why there is no answer: a finding code, and what was seen."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code, detail)
        self.code, self.detail = code, detail


class Deaf(BufferedPipe):  # type: ignore[type-arg]  # generic in its stubs alone
    """Takes what a server says beside its answers, and keeps nothing: nobody reads it, and it has no end."""

    def feed(self, data: bytes | str) -> None:
        """Keep nothing."""


def main() -> NoReturn:
    """Answer requests until there are none, or one cannot be answered: then that is the last answer."""
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    tell({"is_ready": True})
    settings = json.loads(sys.stdin.readline())
    resource.setrlimit(resource.RLIMIT_CPU, (settings["cpu_seconds"], settings["cpu_seconds"]))
    try:
        with talking(settings["host"]):
            conversation = Conversation(settings)
            tell({})
            for line in sys.stdin:
                conversation.answer(json.loads(line))
    except Refused as refusal:
        tell({"code": refusal.code, "detail": refusal.detail})
    os._exit(0)  # threads of paramiko's may be at work, and nothing would end them


def tell(answer: Answer, data: bytes = b"") -> None:
    """One answer."""
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n" + data)
    sys.stdout.buffer.flush()


@contextmanager
def talking(host: str) -> Iterator[None]:
    """What goes wrong in a conversation with the server, as a refusal."""
    try:
        yield
    except FileNotFoundError as error:
        raise Refused("address_refused", "nothing lies at the feed's address") from error
    except PermissionError as error:
        raise Refused("address_refused", "the server does not let the user read the feed") from error
    except UnicodeDecodeError as error:
        raise Refused("unsafe_path", "a file has a name that is not UTF-8") from error
    except MemoryError as error:
        raise Refused("too_large", f"what {host} sends fills the memory") from error
    except BROKEN as error:
        detail = f"{host} broke off, or was silent for too long: {type(error).__name__}"
        raise Refused("unreachable_feed", detail) from error


@contextmanager
def ended_after(transport: paramiko.Transport, seconds: float) -> Iterator[None]:
    """End the conversation after ``seconds``. paramiko waits for some answers without end, and for others as long as a
    byte comes now and then; an end is what it notices everywhere.
    """
    timer = threading.Timer(seconds, transport.close)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


class Conversation:
    """What a user may read of a server."""

    def __init__(self, settings: dict[str, Any]) -> None:
        """Raises Refused unless the server is the one with that key, and lets the user in."""
        self._settings = settings
        seconds = settings["seconds"]
        transport = paramiko.Transport(socket.socket(fileno=settings["connection"]))
        # Each a bit longer than the whole may take: a silent server is noticed there, and told from one that says no.
        transport.banner_timeout = transport.auth_timeout = 2 * seconds
        with ended_after(transport, seconds):
            self._enter(transport)
        with ended_after(transport, seconds):
            channel = transport.open_session(timeout=2 * seconds)
            channel.in_stderr_buffer = Deaf()
            channel.settimeout(seconds)
            channel.invoke_subsystem("sftp")
            self._client = paramiko.SFTPClient(channel)
        self._file: paramiko.SFTPFile | None = None

    def _enter(self, transport: paramiko.Transport) -> None:
        settings, host = self._settings, self._settings["host"]
        # The kinds of key that the server may show: that of the registration and no other.
        options = transport.get_security_options()
        options.key_types = [name for name in options.key_types if name in settings["key_kinds"]]
        try:
            transport.start_client(timeout=2 * settings["seconds"])
            if transport.get_remote_server_key().get_base64() != settings["host_key"]:
                raise Refused("address_refused", f"{host} shows another key than the registration's host_key")
            if settings["private_key"] is None:
                transport.auth_password(settings["user"], settings["password"])
            else:
                kind = getattr(paramiko, settings["private_key_class"])
                key = kind.from_private_key(io.StringIO(settings["private_key"]))
                transport.auth_publickey(settings["user"], key)
        except paramiko.ssh_exception.IncompatiblePeer as error:
            detail = f"{host} shows no key of the kind of the registration's host_key"
            raise Refused("address_refused", detail) from error
        except paramiko.AuthenticationException as error:
            if not transport.is_active():
                raise
            raise Refused("address_refused", f"{host} does not let {settings['secret']} in") from error

    def answer(self, request: dict[str, Any]) -> None:
        """Answer one request: ``{"find": path}``, ``{"open": path}``, ``{"read": [offset, size]}`` of what is open."""
        match request:
            case {"find": path}:
                for entry in self._found(path):
                    tell(entry)
                tell({"is_all": True})
            case {"open": path}:
                if self._file is not None:
                    self._file.close()
                self._file = self._client.open(path, "rb")
                tell({})
            case {"read": [offset, size]} if self._file is not None:
                self._file.seek(offset)
                data = self._file.read(size)
                tell({"bytes": len(data)}, data)

    def _found(self, path: str) -> Iterator[Answer]:
        """All that is under ``path`` and no folder; the file itself where ``path`` is one."""
        about = self._client.stat(path)
        if stat.S_ISDIR(about.st_mode or 0):
            yield from self._under(path, "", MAX_DEPTH)
        else:
            yield _info(path, about)

    def _under(self, root: str, inside: str, depth: int) -> Iterator[Answer]:
        """What lies in the folder ``inside`` of ``root``, in any depth. Between the files empty answers: a sign that
        there is work.
        """
        if not depth:
            raise Refused("too_large", f"more than {MAX_DEPTH} folders inside one another")
        # All of a folder before the next: answers to both at once would be taken for one another.
        entries: list[paramiko.SFTPAttributes] = []
        signed = 0.0
        for about in self._client.listdir_iter(f"{root.rstrip('/')}/{inside}".rstrip("/") or "/"):
            name = about.filename
            if "/" in name or name in (".", "..") or len(inside) + len(name) > self._settings["path_characters"]:
                raise Refused("unsafe_path", f"{inside}{name}")
            entries.append(about)
            if len(entries) > self._settings["files"]:
                raise Refused("too_large", f"more than {self._settings['files']:,} files")
            if time.monotonic() - signed > SIGN_SECONDS:
                signed = time.monotonic()
                yield {}
        for about in entries:
            if stat.S_ISDIR(about.st_mode or 0):
                yield from self._under(root, f"{inside}{about.filename}/", depth - 1)
            else:
                yield _info(f"{root.rstrip('/')}/{inside}{about.filename}", about)


def _info(name: str, about: paramiko.SFTPAttributes) -> Answer:
    kind = "file" if stat.S_ISREG(about.st_mode or 0) else "other"
    return {"name": name, "size": about.st_size or 0, "type": kind, "mark": str(about.st_mtime)}


if __name__ == "__main__":
    main()
