"""A mail server and a webhook's receiver on this machine: they keep what comes, or refuse, hang, and fall over."""

from __future__ import annotations

import contextlib
import datetime
import email
import email.policy
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER, PASSWORD = "hubpacks", "c0rrect-horse"


@dataclass
class Mailbox:
    """What has come: each message with its envelope. ``says`` answers a recipient; None takes the message."""

    port: int = 0
    messages: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    says: str | None = None
    says_at_end: str | None = None
    was_encrypted: list[bool] = field(default_factory=list)
    users: list[str] = field(default_factory=list)

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if self.says is not None:
            return self.says
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if self.says_at_end is not None:
            return self.says_at_end
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        self.recipients += envelope.rcpt_tos
        self.was_encrypted.append(server.transport.get_extra_info("ssl_object") is not None)
        return "250 taken"

    def log_in(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.users.append(data.login.decode())
        is_good = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=is_good, handled=False)

    @property
    def texts(self) -> list[str]:
        return [message.get_content().replace("\r\n", "\n") for message in self.messages]

    @property
    def subjects(self) -> list[str]:
        return [str(message["Subject"]) for message in self.messages]


@contextlib.contextmanager
def a_mail_server(certificate: Path | None = None, *, is_tls: bool = False) -> Iterator[Mailbox]:
    """With a ``certificate`` (its key beside it) it offers STARTTLS and asks for a log-in, or speaks TLS at once."""
    mailbox = Mailbox()
    options: dict[str, Any] = {}
    if certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, certificate.with_suffix(".key"))
        if is_tls:
            options = {"ssl_context": context}
        else:
            options = {"tls_context": context, "require_starttls": True}
            options |= {"authenticator": mailbox.log_in, "auth_required": True}
    controller = Controller(mailbox, hostname="127.0.0.1", port=_free_port(), server_hostname="mail.test", **options)
    controller.start()
    mailbox.port = controller.port
    try:
        yield mailbox
    finally:
        controller.stop()


@contextlib.contextmanager
def a_silent_server() -> Iterator[int]:
    """A port at which a connection is taken and nothing is ever said."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def a_certificate(folder: Path, host: str = "127.0.0.1") -> Path:
    """A certificate for this machine that signs itself, and its key beside it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    begin = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + datetime.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path.with_suffix(".key").write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))
    return path


@dataclass
class Receiver:
    """What a webhook has got: headers and body of each request. ``answers`` are given first, then 204."""

    address: str
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    location: str | None = None


@contextlib.contextmanager
def a_receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.requests.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(receiver.answers.pop(0) if receiver.answers else 204)
            if receiver.location is not None:
                self.send_header("Location", receiver.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver = Receiver(f"http://127.0.0.1:{server.server_port}/hook?key=s3cret")
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
