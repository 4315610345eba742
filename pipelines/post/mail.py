"""E-mail by SMTP: one conversation with one server, in which several messages may go out.

A message is plain text with the headers by which programs know that no person wrote it (RFC 3834), so that nobody's
holiday answers it, and by which readers can sort it (RFC 2919).
"""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from types import TracebackType
from typing import Literal, Self

from pipelines.post import TOTAL_SECONDS, WAIT_SECONDS, NotSent, Refused, Unavailable

Tls = Literal["starttls", "tls", "none"]
PORTS: dict[Tls, int] = {"starttls": 587, "tls": 465, "none": 25}
_TEMPORARY = range(400, 500)


@dataclass(frozen=True)
class Server:
    """Where mail is handed in: ``tls`` from the first byte, by ``starttls``, or ``none``. ``password`` goes nowhere but
    there.
    """

    host: str
    port: int
    tls: Tls
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def shown(self) -> str:
        """For messages."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Letter:
    """One message to one recipient. ``id`` is the same at every attempt, so that a mail program that gets it twice may
    show it once.
    """

    id: str
    sender: str
    recipient: str
    subject: str
    body: str
    written: datetime

    def message(self) -> EmailMessage:
        """The message with its headers. Raises ValueError when a header would break into lines."""
        sender, recipient = (Address(addr_spec=text) for text in (self.sender, self.recipient))
        message = EmailMessage(policy=SMTP)
        message["From"] = Address("hubpacks", addr_spec=self.sender)
        message["To"] = recipient
        message["Subject"] = self.subject
        message["Date"] = format_datetime(self.written)
        message["Message-ID"] = f"<{self.id}@{sender.domain}>"
        message["Auto-Submitted"] = "auto-generated"
        message["List-Id"] = f"hubpacks alerts <alerts.hubpacks.{sender.domain}>"
        message["X-Auto-Response-Suppress"] = "All"  # what Exchange heeds instead of RFC 3834
        message.set_content(self.body, cte="quoted-printable")
        return message


class Conversation:
    """A conversation with the ``server``, in a ``with`` block: begun at the first letter, and anew after a failure."""

    def __init__(
        self, server: Server, *, total_seconds: float = TOTAL_SECONDS, wait_seconds: float = WAIT_SECONDS
    ) -> None:
        self._server, self._total, self._wait = server, total_seconds, wait_seconds
        self._smtp: smtplib.SMTP | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._smtp is not None:
            with contextlib.suppress(smtplib.SMTPException, OSError), self._bounded(self._smtp):
                self._smtp.quit()
        self._hang_up()

    def send(self, letter: Letter) -> None:
        """Hand the letter in. Raises Unavailable and Refused; ValueError when a header would break into lines."""
        message, server = letter.message(), self._server
        try:
            smtp = self._smtp or self._begin(Address(addr_spec=letter.sender).domain)
            with self._bounded(smtp):
                smtp.send_message(message, letter.sender, [letter.recipient])
        except smtplib.SMTPRecipientsRefused as error:
            (code, _), *_ = error.recipients.values()
            raise self._failed(f"{server.shown} refuses the recipient ({code})", code) from None
        except smtplib.SMTPResponseException as error:
            self._hang_up()
            raise self._failed(f"{server.shown} answers {error.smtp_code}", error.smtp_code) from None
        except smtplib.SMTPNotSupportedError:
            self._hang_up()
            what = "STARTTLS" if server.tls == "starttls" else "logging in"
            raise Refused(f"{server.shown} does not offer {what}: see tls and user in [alerts]") from None
        except ssl.SSLCertVerificationError as error:
            self._hang_up()
            raise Refused(f"{server.shown} has a certificate that is not good: {error.verify_message}") from None
        except (smtplib.SMTPException, OSError) as error:
            self._hang_up()
            raise Unavailable(f"{server.shown} cannot be reached, or breaks off ({type(error).__name__})") from None

    def _begin(self, own_name: str) -> smtplib.SMTP:
        server, context = self._server, ssl.create_default_context()
        # Named after the sender: the name of this machine is nobody's business, and asking for it may take long.
        if server.tls == "tls":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(local_hostname=own_name, timeout=self._wait, context=context)
        else:
            smtp = smtplib.SMTP(local_hostname=own_name, timeout=self._wait)
        self._smtp = smtp
        smtp._host = server.host  # type: ignore[attr-defined]  # whose certificate it has to be
        with self._bounded(smtp):
            code, _ = smtp.connect(server.host, server.port)
            if code != 220:  # noqa: PLR2004  # the greeting of RFC 5321
                raise smtplib.SMTPConnectError(code, b"")
            if server.tls == "starttls":
                smtp.starttls(context=context)
            if server.user and server.password:
                smtp.login(server.user, server.password)
        return smtp

    @contextlib.contextmanager
    def _bounded(self, smtp: smtplib.SMTP) -> Iterator[None]:
        """Break the conversation off when the block takes too long in sum."""

        def break_off() -> None:
            if smtp.sock is not None:
                with contextlib.suppress(OSError):
                    smtp.sock.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(self._total, break_off)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _hang_up(self) -> None:
        if self._smtp is not None:
            self._smtp.close()
            self._smtp = None

    @staticmethod
    def _failed(told: str, code: int) -> NotSent:
        return Unavailable(told) if code in _TEMPORARY else Refused(told)
