"""Webhooks against a real receiver: what arrives, how it is signed, and what is told when none does."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time

import pytest

from pipelines.post import Refused, Unavailable
from pipelines.post.webhook import Hook, send, signature
from tests.feeds import NOW
from tests.mailboxes import a_receiver, a_silent_server

BODY = json.dumps({"text": "hubpacks: 1 new"}).encode()


def test_a_document_arrives_signed_as_the_standard_says() -> None:
    secret = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
    with a_receiver() as receiver:
        send(Hook(receiver.address, secret), "m1", BODY, NOW)
    ((headers, body),) = receiver.requests
    assert (headers["content-type"], body) == ("application/json", BODY)
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("m1", str(int(NOW.timestamp())))
    signed = f"m1.{int(NOW.timestamp())}.".encode() + BODY
    own = base64.b64encode(hmac.digest(b"0123456789abcdef01234567", signed, hashlib.sha256)).decode()
    assert headers["webhook-signature"] == f"v1,{own}"


def test_the_standards_own_example_is_signed_alike() -> None:
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body) == expected


def test_a_plain_secret_and_none() -> None:
    with a_receiver() as receiver:
        send(Hook(receiver.address, "plain words"), "m1", BODY, NOW)
        send(Hook(receiver.address), "m2", BODY, NOW)
    (signed, _), (unsigned, _) = receiver.requests
    assert signed["webhook-signature"] == signature(b"plain words", "m1", str(int(NOW.timestamp())), BODY)
    assert "webhook-signature" not in unsigned


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(503, Unavailable), (500, Unavailable), (429, Unavailable), (404, Refused), (401, Refused), (410, Refused)],
)
def test_what_may_end_better_and_what_may_not(answer: int, kind: type[Exception]) -> None:
    with a_receiver() as receiver:
        receiver.answers = [answer]
        with pytest.raises(kind, match=f"answers {answer}") as error:
            send(Hook(receiver.address), "m1", BODY, NOW)
    assert "s3cret" not in str(error.value)


def test_a_redirect_is_not_followed() -> None:
    with a_receiver() as receiver, a_receiver() as elsewhere:
        receiver.answers, receiver.location = [307], elsewhere.address
        with pytest.raises(Refused, match="leads elsewhere"):
            send(Hook(receiver.address, "x"), "m1", BODY, NOW)
    assert elsewhere.requests == []


def test_a_receiver_that_hangs_is_left_after_a_while() -> None:
    with a_silent_server() as port:
        began = time.monotonic()
        with pytest.raises(Unavailable, match="TimeoutError"):
            send(Hook(f"http://127.0.0.1:{port}/"), "m1", BODY, NOW, total_seconds=0.4)
        assert time.monotonic() - began < 5
    with pytest.raises(Unavailable, match="ConnectError"):
        send(Hook(f"http://127.0.0.1:{port}/"), "m1", BODY, NOW)


@pytest.mark.parametrize(
    ("address", "secret", "told"),
    [
        ("http://example.org/hook", None, "needs https://"),
        ("ftp://example.org/hook", None, "whole address"),
        ("hook", None, "whole address"),
        ("https://example.org/hook", "whsec_&", "no base64"),
    ],
)
def test_addresses_and_secrets_that_cannot_be_used(address: str, secret: str | None, told: str) -> None:
    with pytest.raises(Refused, match=told):
        Hook(address, secret)
