"""E-mail against real servers: what arrives, and what is told when none does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.post import Refused, Unavailable
from pipelines.post.mail import Conversation, Letter, Server
from tests.feeds import NOW
from tests.mailboxes import PASSWORD, USER, Mailbox, a_certificate, a_mail_server, a_silent_server


def a_letter(**changes: str) -> Letter:
    letter = {"id": "0f", "sender": "hubpacks@ccs.example", "recipient": "duty@ccs.example", "subject": "Profi – ŵ"}
    return Letter(**letter | {"body": "Mae'r porthiant ar ŵyl.\n"} | changes, written=NOW)


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with a_mail_server() as mailbox:
        yield mailbox


def test_a_letter_arrives_with_the_headers_of_a_program(mailbox: Mailbox) -> None:
    with Conversation(Server("127.0.0.1", mailbox.port, "none")) as conversation:
        conversation.send(a_letter())
        conversation.send(a_letter(id="10", recipient="other@ccs.example"))
    message, _ = mailbox.messages
    assert mailbox.recipients == ["duty@ccs.example", "other@ccs.example"]
    assert message["Subject"] == "Profi – ŵ"
    assert message["Message-ID"] == "<0f@ccs.example>"
    assert message["Date"].datetime == NOW
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["List-Id"] == "hubpacks alerts <alerts.hubpacks.ccs.example>"
    assert message.get_content_type() == "text/plain"
    assert mailbox.texts[0] == "Mae'r porthiant ar ŵyl.\n"


@pytest.mark.parametrize("field", ["subject", "recipient", "sender"])
def test_no_text_becomes_a_header_of_its_own(mailbox: Mailbox, field: str) -> None:
    text = "Alert\r\nBcc: thief@evil.example" if field == "subject" else "duty@ccs.example\nBcc: thief@evil.example"
    with (
        Conversation(Server("127.0.0.1", mailbox.port, "none")) as conversation,
        pytest.raises(ValueError, match=r"\S"),
    ):
        conversation.send(a_letter(**{field: text}))
    assert mailbox.messages == []


def test_starttls_with_a_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = a_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with a_mail_server(certificate) as mailbox:
        with Conversation(Server("127.0.0.1", mailbox.port, "starttls", USER, PASSWORD)) as conversation:
            conversation.send(a_letter())
        assert (mailbox.users, mailbox.was_encrypted) == ([USER], [True])
        with (
            Conversation(Server("127.0.0.1", mailbox.port, "starttls", USER, "wrong")) as conversation,
            pytest.raises(Refused, match="answers 535") as refused,
        ):
            conversation.send(a_letter())
        assert "wrong" not in str(refused.value)


def test_tls_from_the_first_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = a_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with a_mail_server(certificate, is_tls=True) as mailbox:
        with Conversation(Server("127.0.0.1", mailbox.port, "tls")) as conversation:
            conversation.send(a_letter())
        assert mailbox.was_encrypted == [True]


def test_a_server_that_nobody_vouches_for_gets_nothing(tmp_path: Path) -> None:
    with a_mail_server(a_certificate(tmp_path)) as mailbox:
        with (
            Conversation(Server("127.0.0.1", mailbox.port, "starttls", USER, PASSWORD)) as conversation,
            pytest.raises(Refused, match="certificate that is not good"),
        ):
            conversation.send(a_letter())
        assert (mailbox.users, mailbox.messages) == ([], [])


def test_a_certificate_for_another_host_is_not_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = a_certificate(tmp_path, "127.0.0.2")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with (
        a_mail_server(certificate) as mailbox,
        Conversation(Server("127.0.0.1", mailbox.port, "starttls")) as conversation,
        pytest.raises(Refused, match="certificate that is not good"),
    ):
        conversation.send(a_letter())


def test_a_server_without_starttls_gets_no_password(mailbox: Mailbox) -> None:
    server = Server("127.0.0.1", mailbox.port, "starttls", USER, PASSWORD)
    with Conversation(server) as conversation, pytest.raises(Refused, match="does not offer STARTTLS"):
        conversation.send(a_letter())
    assert mailbox.messages == []


@pytest.mark.parametrize(
    ("says", "kind"), [("550 no such mailbox duty@ccs.example", Refused), ("451 greylisted, come back", Unavailable)]
)
def test_who_refuses_for_good_and_who_for_a_while(mailbox: Mailbox, says: str, kind: type[Exception]) -> None:
    mailbox.says = says
    with Conversation(Server("127.0.0.1", mailbox.port, "none")) as conversation:
        with pytest.raises(kind, match=rf"127.0.0.1:{mailbox.port} refuses the recipient \({says[:3]}\)") as error:
            conversation.send(a_letter())
        assert "@" not in str(error.value)
        mailbox.says, mailbox.says_at_end = None, says
        with pytest.raises(kind, match=f"answers {says[:3]}"):
            conversation.send(a_letter())
        mailbox.says_at_end = None
        conversation.send(a_letter())  # one refusal spoils no other letter
    assert len(mailbox.messages) == 1


def test_a_server_that_hangs_is_left_after_a_while() -> None:
    with a_silent_server() as port:
        began = time.monotonic()
        conversation = Conversation(Server("127.0.0.1", port, "none"), total_seconds=0.4, wait_seconds=30)
        with conversation, pytest.raises(Unavailable, match="cannot be reached, or breaks off"):
            conversation.send(a_letter())
        assert time.monotonic() - began < 5


def test_nobody_there() -> None:
    with a_silent_server() as port:
        pass
    conversation = Conversation(Server("127.0.0.1", port, "none"))
    with conversation, pytest.raises(Unavailable, match="ConnectionRefusedError"):
        conversation.send(a_letter())
