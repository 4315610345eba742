"""SFTP, against OpenSSH, and against servers that know the protocol and break it."""

import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import paramiko
import psutil
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pipelines.pull.network import Limits
from tests.remotes import SECRET, Remote, an_sftp, attempt, whole
from tests.servers import sshd

Talk = Callable[[paramiko.Channel], None]
IMPATIENT = Limits(attempts=1, connect_seconds=2, read_seconds=1, minute=1.0)


def test_another_host_key_or_none_is_refused(tmp_path, monkeypatch) -> None:
    with an_sftp(tmp_path) as there, sshd(tmp_path / "stranger") as stranger:
        monkeypatch.setenv(SECRET, there.secret)
        told = attempt(tmp_path, there, host_key=stranger.host_key)
        assert (told["code"], "shows another key" in told["detail"]) == ("address_refused", True)
        assert stranger.host_key.split()[1] not in told["detail"]
        told = attempt(tmp_path, there, host_key=None)
        assert (told["code"], "ssh-keyscan" in told["detail"]) == ("address_refused", True)
        of_another_kind = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAQQDMbkAnwjXq2bmZqvkmaL0Uqj+d5xG0Z3vC3k4mC1hI9lU="
        assert attempt(tmp_path, there, host_key=of_another_kind)["code"] == "address_refused"


@pytest.mark.parametrize("key", ["ssh-ed25519 AAAA", "ssh-ed25519 A", "ssh-rsa AAAAB3NzaC1yc2E=", "words AAAA"])
def test_a_host_key_that_is_none_is_refused(tmp_path, monkeypatch, key) -> None:
    monkeypatch.setenv(SECRET, "s3cret")
    told = attempt(tmp_path, Remote("sftp://hub@hub.example/feed", tmp_path, {"secret": SECRET, "host_key": key}))
    assert (told["code"], "no public key of a host" in told["detail"]) == ("address_refused", True)


@pytest.mark.parametrize(
    ("form", "phrase"), [("OpenSSH", "pass"), ("PKCS8", ""), ("OpenSSH", None)], ids=["locked", "other", "damaged"]
)
def test_a_private_key_that_cannot_be_used_is_refused_and_never_told(tmp_path, monkeypatch, form, phrase) -> None:
    lock = serialization.BestAvailableEncryption(b"pass") if phrase else serialization.NoEncryption()
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, getattr(serialization.PrivateFormat, form), lock
    )
    text = pem.decode() if phrase is not None else pem.decode().replace("A", "B")
    monkeypatch.setenv(SECRET, text)
    with sshd(tmp_path / "sshd") as server:
        there = Remote(server.address(tmp_path), tmp_path, {"secret": SECRET, "host_key": server.host_key})
        told = attempt(tmp_path, there, private_address=True)
    assert (told["code"], "no private key that can be read" in told["detail"]) == ("address_refused", True)
    assert text.splitlines()[1] not in told["detail"]


@pytest.mark.parametrize(
    "address",
    [
        "sftp://hub.example/feed",
        "sftp://hub:s3cret@hub.example/feed",
        "sftp://hub@hub.example/feed?x=s3cret",
        "sftp://hub@hub.example:99999/feed",
        "sftp://hub@[::1/feed",
        "sftp://hub@/feed",
    ],
)
def test_addresses_of_servers_that_are_refused(tmp_path, address) -> None:
    told = attempt(tmp_path, Remote(address, tmp_path, {}))
    assert told["code"] == "address_refused"
    assert "s3cret" not in told["detail"]


def test_what_is_no_plain_file_or_has_no_proper_name_is_refused(tmp_path, monkeypatch) -> None:
    with an_sftp(tmp_path) as there:
        monkeypatch.setenv(SECRET, there.secret)
        named = there.folder / os.fsdecode(b"caf\xe9.md")
        named.write_text("# A\n")
        told = attempt(tmp_path, there)
        assert (told["code"], "not UTF-8" in told["detail"]) == ("unsafe_path", True)
        named.unlink()
        os.mkfifo(there.folder / "pipe")
        told = attempt(tmp_path, there)
        assert (told["code"], told["detail"]) == ("unsafe_path", "pipe is a link or no plain file")


def test_a_large_file_comes_whole_and_an_empty_one_too(tmp_path, monkeypatch) -> None:
    with an_sftp(tmp_path) as there:
        monkeypatch.setenv(SECRET, there.secret)
        content = os.urandom(5_000_001)
        (there.folder / "large.bin").write_bytes(content)
        (there.folder / "empty.md").touch()
        files = whole(tmp_path, attempt(tmp_path, there)["digest"])
    assert files["large.bin"] == content
    assert files["empty.md"] == b""


class _Host(paramiko.ServerInterface):
    """Lets user ``hub`` in with the password ``s3cret``, and stops to answer at ``silent_at``."""

    def __init__(self, silent_at: str, talk: Talk, over: threading.Event) -> None:
        self._silent_at, self._talk, self._over = silent_at, talk, over

    def _wait(self, where: str) -> None:
        if where == self._silent_at:
            self._over.wait(20)

    def check_auth_password(self, username: str, password: str) -> int:
        self._wait("password")
        return paramiko.AUTH_SUCCESSFUL if password == "s3cret" else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        self._wait("session")
        return paramiko.OPEN_SUCCEEDED

    def check_channel_subsystem_request(self, channel: paramiko.Channel, name: str) -> bool:
        self._wait("subsystem")
        threading.Thread(target=self._talk, args=[channel], daemon=True).start()
        return True


@contextmanager
def a_strange_host(tmp_path: Path, silent_at: str = "", talk: Talk = lambda _: None) -> Iterator[Remote]:
    """An SSH server that does as OpenSSH up to some point."""
    key, over = paramiko.ECDSAKey.generate(), threading.Event()
    transports: list[paramiko.Transport] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            transports.append(paramiko.Transport(connection))
            transports[0].add_server_key(key)
            transports[0].start_server(threading.Event(), _Host(silent_at, talk, over))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        changes = {"private_address": True, "secret": SECRET, "host_key": f"{key.get_name()} {key.get_base64()}"}
        try:
            yield Remote(f"sftp://hub@127.0.0.1:{listening.getsockname()[1]}/feed", tmp_path, changes)
        finally:
            over.set()
            thread.join(5)
            for transport in transports:
                transport.close()


def says(data: bytes) -> Talk:
    return lambda channel: channel.sendall(data)


def drips(channel: paramiko.Channel) -> None:
    """The head of a long answer, and then a byte now and then: never silent, never done."""
    try:
        channel.sendall(b"\x00\x0f\xff\xff\x02")
        while True:
            channel.sendall(b"\x00")
            time.sleep(0.05)
    except OSError:
        return


def packet(kind: int, number: int, body: bytes) -> bytes:
    """A packet of SFTP in answer to the request with that number."""
    return struct.pack(">IBI", len(body) + 5, kind, number) + body


def text(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


VERSION = b"\x00\x00\x00\x05\x02\x00\x00\x00\x03"
STRANGE = {
    "silent when asked for the password": ("password", says(b"")),
    "silent when asked for a session": ("session", says(b"")),
    "silent when asked for SFTP": ("subsystem", says(b"")),
    "silent in SFTP": ("", lambda _: None),
    "silent after its version": ("", says(VERSION)),
    "drips": ("", drips),
    "garbage": ("", says(b"\xff" * 4_096)),
    "another protocol": ("", says(b"HTTP/1.1 200 OK\r\n\r\n")),
    "garbage after its version": ("", says(VERSION + b"\x00\x00\x00\x05\x68\x00\x00\x00\x01" + b"\xff" * 4_096)),
    "an empty packet": ("", says(b"\x00\x00\x00\x00" * 8)),
    "an end": ("", lambda channel: channel.close()),
    "a version without a number": ("", says(b"\x00\x00\x00\x01\x02")),
    "more attributes than numbers": ("", says(VERSION + packet(105, 1, b"\x80\x00\x00\x00\xff\xff\xff\xff"))),
}


def at_work() -> tuple[int, set[psutil.Process]]:
    """How many threads there are, and which processes of ours."""
    return threading.active_count(), set(psutil.Process().children(recursive=True))


def is_quiet(before: tuple[int, set[psutil.Process]]) -> bool:
    """Whether all that has been started since has ended soon."""
    until = time.monotonic() + 15
    while time.monotonic() < until:
        threads, processes = at_work()
        if threads <= before[0] and processes <= before[1]:
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize(("silent_at", "talk"), STRANGE.values(), ids=STRANGE)
def test_a_server_that_breaks_the_protocol_is_left_in_time(tmp_path, monkeypatch, silent_at, talk) -> None:
    monkeypatch.setenv(SECRET, "s3cret")
    before = at_work()
    with a_strange_host(tmp_path, silent_at, talk) as there:
        began = time.monotonic()
        told = attempt(tmp_path, there, limits=IMPATIENT, time_limit_minutes=2)
        assert time.monotonic() - began < 15
    assert told["code"] == "unreachable_feed"
    assert is_quiet(before)


def test_a_server_that_has_the_transport_count_is_left_in_time(tmp_path, monkeypatch) -> None:
    """It says that it has four thousand million extensions to tell of, and paramiko counts to there."""
    monkeypatch.setenv(SECRET, "s3cret")
    begin = paramiko.Transport._activate_outbound

    def counts(transport: paramiko.Transport) -> None:
        begin(transport)
        if transport.server_mode:
            message = paramiko.Message()
            message.add_byte(b"\x07")  # SSH_MSG_EXT_INFO
            message.add_int(0xFFFFFFFF)
            transport._send_message(message)

    monkeypatch.setattr(paramiko.Transport, "_activate_outbound", counts)
    before = at_work()
    with a_strange_host(tmp_path) as there:
        told = attempt(tmp_path, there, limits=IMPATIENT, time_limit_minutes=2)
    assert told["code"] == "unreachable_feed"
    assert is_quiet(before)


def test_names_without_measure_are_refused_as_they_come(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv(SECRET, "s3cret")
    folder = packet(105, 1, struct.pack(">II", 4, 0o40755)) + packet(102, 2, text(b"handle"))
    entry = text(b"x" * 100_000) + text(b"") + struct.pack(">II", 4, 0o100644)
    listed = packet(104, 3, struct.pack(">I", 1) + entry)
    with a_strange_host(tmp_path, talk=says(VERSION + folder + listed)) as there:
        told = attempt(tmp_path, there, limits=IMPATIENT)
    assert told["code"] == "unsafe_path"


def test_what_a_server_says_beside_its_answers_is_not_kept(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv(SECRET, "s3cret")
    most = [0]

    def floods(channel: paramiko.Channel) -> None:
        message = paramiko.Message()
        message.add_byte(b"\x5f")  # SSH_MSG_CHANNEL_EXTENDED_DATA, whatever the window is
        for number in (channel.remote_chanid, 1):
            message.add_int(number)
        message.add_string(b"x" * 30_000)
        with suppress(OSError, EOFError, paramiko.SSHException, psutil.NoSuchProcess):
            for count in range(20_000):
                channel.get_transport()._send_user_message(message)
                if count % 100 == 0:
                    most[0] = max(most[0], held() - before)

    def held() -> int:
        processes = [psutil.Process(), *(one for one in psutil.Process().children() if one not in beside)]
        return sum(process.memory_info().rss for process in processes)

    beside = psutil.Process().children()  # of other tests
    before = held()
    with a_strange_host(tmp_path, talk=floods) as there:
        told = attempt(tmp_path, there, limits=IMPATIENT, time_limit_minutes=2)
    assert told["code"] == "unreachable_feed"
    assert most[0] < 100_000_000  # of some hundreds of megabytes that came


def test_a_wrong_password_is_refused_at_once(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv(SECRET, "wr0ng")
    with a_strange_host(tmp_path) as there:
        told = attempt(tmp_path, there)
    assert (told["code"], told["detail"]) == ("address_refused", "127.0.0.1 does not let HUB_SECRET in")


def test_what_says_nothing_at_all_is_left_in_time(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setenv(SECRET, "s3cret")
    key = paramiko.ECDSAKey.generate()
    changes = {"private_address": True, "secret": SECRET, "host_key": f"{key.get_name()} {key.get_base64()}"}
    with socket.create_server(("127.0.0.1", 0)) as silent:
        there = Remote(f"sftp://hub@127.0.0.1:{silent.getsockname()[1]}/feed", tmp_path, changes)
        began = time.monotonic()
        told = attempt(tmp_path, there, limits=IMPATIENT, time_limit_minutes=2)
    assert told["code"] == "unreachable_feed"
    assert time.monotonic() - began < 15
    assert "Traceback" not in capsys.readouterr().err
