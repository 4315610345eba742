"""Sessions and the proof that forms carry, without a network."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from starlette.requests import Request

from pipelines.intake.access import Access, Visitor
from pipelines.intake.limits import Limits
from pipelines.intake.problems import Refused
from pipelines.tokens import Tokens

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def asked(key: str = "", host: str = "localhost") -> Request:
    cookie = f"hubpacks={key}".encode()
    headers = [(b"host", host.encode()), (b"cookie", cookie)]
    return Request({"type": "http", "scheme": "http", "path": "/", "query_string": b"", "headers": headers})


def signed_in(folder: Path, **limits: float) -> tuple[Access, Visitor, Tokens]:
    tokens = Tokens(folder / "tokens.json")
    access = Access(tokens, Limits(**limits))
    _, text = tokens.create("one", NOW, 30)
    return access, access.sign_in(access.holder(text, NOW), NOW), tokens


def test_a_session_lasts_while_it_is_used_and_not_longer_than_it_may(tmp_path: Path) -> None:
    access, visitor, _ = signed_in(tmp_path, session_seconds=60, longest_session_seconds=150)
    for seconds in (50, 100, 140):
        seen = access.visitor(asked(visitor.key), NOW + timedelta(seconds=seconds))
        assert seen.hub == "one"
    with pytest.raises(Refused):
        _ = access.visitor(asked(visitor.key), NOW + timedelta(seconds=151)).hub
    assert access.visitor(asked(visitor.key), NOW).token is None


def test_a_new_session_has_a_key_that_nobody_knew(tmp_path: Path) -> None:
    access, visitor, _ = signed_in(tmp_path)
    planted = access.visitor(asked("planted-key"), NOW)
    assert (planted.key, planted.token) == ("planted-key", None)
    assert visitor.key != planted.key
    access.sign_out(visitor)
    assert access.visitor(asked(visitor.key), NOW).token is None


def test_a_proof_is_of_one_browser_and_one_service(tmp_path: Path) -> None:
    access, visitor, _ = signed_in(tmp_path)
    known = access.visitor(asked(visitor.key), NOW)
    access.require_proof(known, access.proof(known))
    other = Access(Tokens(tmp_path / "tokens.json"), Limits())
    for proof in ("", "\u00e9", other.proof(known), access.proof(access.visitor(asked("b"), NOW))):
        with pytest.raises(Refused, match="foreign_form"):
            access.require_proof(known, proof)
    nobody = access.visitor(asked(), NOW)
    with pytest.raises(Refused, match="foreign_form"):
        access.require_proof(nobody, access.proof(nobody))
